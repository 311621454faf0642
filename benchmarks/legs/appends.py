"""Single appends from sixteen clients, against the raw driver committing one entry at a time."""

import json
from contextlib import ExitStack
from typing import Final

from benchmarks import generator, load
from benchmarks.bench import CLIENTS, LOG, Bench, get, http, post, rate_of
from benchmarks.children import Failed
from benchmarks.databases import DATABASES
from benchmarks.rounds import Contender, Fact, Results, Target
from benchmarks.servers import Server, enhancelog

SHARE: Final = {"sqlite": 0.5, "postgresql": 0.6}
TOGETHER: Final = 16
TAIL: Final = 4.0
ENTRY_TABLE: Final = "enhancelog_entry"


def run(bench: Bench) -> Results:
    results = Results()
    for vendor in DATABASES:
        for blueprints in bench.plan.blueprints:
            results.add(_run(bench, vendor, blueprints))
    return results


def _run(bench: Bench, vendor: str, blueprints: int) -> Results:
    label = f"{vendor}, {blueprints} Blueprint{'s' * (blueprints > 1)}"
    number = bench.plan.appends
    names = [f"append over HTTP ({label})", f"raw, one a commit ({label})"]
    names += [f"raw, {TOGETHER} a commit ({label})", f"bare insert, one a commit ({label})"]
    with ExitStack() as stack:
        single = bench.recorded(vendor, f"single{blueprints}", blueprints, bench.measurements * number, 1)
        batches = number // TOGETHER
        grouped = bench.recorded(vendor, f"grouped{blueprints}", blueprints, bench.measurements * batches, TOGETHER)
        server = stack.enter_context(
            enhancelog(stack.enter_context(bench.databases.copy_of(vendor, bench.plan.small)), bench.log)
        )
        bodies = generator.bodies(
            generator.appends(bench.plan.seed, f"http{blueprints}", bench.measurements * number, blueprints)
        )
        one = stack.enter_context(bench.raw(single, vendor))
        many = stack.enter_context(bench.raw(grouped, vendor))
        bare = stack.enter_context(bench.raw(single, vendor, "--only", ENTRY_TABLE))
        requests = iter([post(server, body) for body in bodies])
        measures = [
            http(server, requests, number, CLIENTS, 201),
            rate_of(one, number),
            rate_of(many, batches, TOGETHER),
            rate_of(bare, number),
        ]
        results = bench.measure(
            [Contender(name, "entries/s", measure) for name, measure in zip(names, measures, strict=True)]
        )
        _check(server, bodies)
    ours, raw_one, raw_many, bare_one = names
    results.targets += [
        Target(f"append, {CLIENTS} clients, of the raw limit: {label}", ours, raw_one, at_least=SHARE[vendor]),
        Target(f"the same of {TOGETHER} entries a commit: {label}", ours, raw_many),
        Target(f"what projections leave of the bare insert: {label}", raw_one, bare_one),
    ]
    tails = [sample.seen["p99_ms"] / sample.seen["p50_ms"] for sample in results.samples[ours]]
    results.facts.append(Fact(f"append, p99 over the median: {label}", tails, at_most=TAIL))
    return results


def _check(server: Server, bodies: list[bytes]) -> None:
    for body in (bodies[0], bodies[-1]):
        answer = load.one(server.address, get(server, f"{LOG}/{json.loads(body)['issue_id']}"))
        if answer.status != 200 or answer.body != body:
            raise Failed(f"an appended entry is not what was sent: {answer.status}")
