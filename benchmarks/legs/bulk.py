"""Ten thousand lines of NDJSON in one request, against the raw driver committing a thousand at a time."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Final

from benchmarks import generator, load
from benchmarks.bench import Bench, Measure, post, rate_of
from benchmarks.children import Failed
from benchmarks.databases import DATABASES
from benchmarks.legs.appends import ENTRY_TABLE
from benchmarks.rounds import Contender, Results, Sample, Target
from benchmarks.servers import Server, enhancelog

SHARE: Final = 0.45
BATCH: Final = 1000
NDJSON: Final = "application/x-ndjson"


def run(bench: Bench) -> Results:
    results = Results()
    for vendor in DATABASES:
        results.add(_run(bench, vendor))
    return results


def _run(bench: Bench, vendor: str) -> Results:
    lines = bench.plan.bulk_lines
    names = [
        f"bulk over HTTP ({vendor})",
        f"raw, {BATCH:,} a commit ({vendor})",
        f"bare, {BATCH:,} a commit ({vendor})",
    ]
    with ExitStack() as stack:
        tape = bench.recorded(vendor, "bulk", 6, bench.measurements * lines // BATCH, BATCH)
        database = stack.enter_context(bench.databases.copy_of(vendor, bench.plan.small))
        server = stack.enter_context(enhancelog(database, bench.log))
        entries = generator.appends(bench.plan.seed, "http-bulk", bench.measurements * lines, 6)
        bodies = generator.bodies(entries)
        requests = iter(
            [post(server, b"\n".join(bodies[at : at + lines]), NDJSON) for at in range(0, len(bodies), lines)]
        )
        measures = [
            _bulk(server, requests, lines),
            rate_of(stack.enter_context(bench.raw(tape, vendor)), lines // BATCH, BATCH),
            rate_of(stack.enter_context(bench.raw(tape, vendor, "--only", ENTRY_TABLE)), lines // BATCH, BATCH),
        ]
        results = bench.measure(
            [Contender(name, "entries/s", measure) for name, measure in zip(names, measures, strict=True)]
        )
    ours, raw, bare = names
    results.targets += [
        Target(f"bulk of {lines:,} lines, of the raw limit: {vendor}", ours, raw, at_least=SHARE),
        Target(f"what projections leave of the bare insert, in bulk: {vendor}", raw, bare),
    ]
    return results


def _bulk(server: Server, requests: Iterator[bytes], lines: int) -> Measure:
    def measure() -> Sample:
        answers: list[load.Answer] = []
        done = load.run(server.address, [next(requests)], 1, 200, answers.append)
        created = sum(json.loads(line)["result"] == "created" for line in answers[0].body.splitlines())
        if created != lines:
            raise Failed(f"bulk: {created} of {lines} lines were created")
        return Sample(lines / done.seconds, {"generator_cpu": done.cpu_share})

    return measure
