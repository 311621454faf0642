"""What the evidence costs: its tree, a proof, and an append with salts and a tree against one
without.

``python -m benchmarks.legs.evidence PROOFS`` measures inside the product, ``… sign`` only builds the tree.
"""

import random
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any, Final

from benchmarks import generator
from benchmarks.bench import CLIENTS, Bench, http, post
from benchmarks.children import Failed, module, perform, product_environment
from benchmarks.databases import DATABASES, Database
from benchmarks.rounds import Contender, Fact, Results, Target, upper_end
from benchmarks.servers import application, enhancelog

LEAST_RATE: Final = 1_000_000 / 60  # of building the tree again: a million entries in a minute
MOST_MS: Final = 5.0  # a proof
MOST_COST: Final = 1.05
BLUEPRINTS: Final = 6
APPLICATIONS: Final = ("benchmarks.without_evidence", "enhancelog.wsgi")


def run(bench: Bench) -> Results:
    results = Results()
    for vendor in DATABASES:
        results.add(_tree(bench, vendor))
        results.add(_appends(bench, vendor))
    return results


def _tree(bench: Bench, vendor: str) -> Results:
    size = bench.plan.middle  # the time grows with the entries
    results = Results()
    with bench.databases.copy_of(vendor, size) as database:
        bench.progress(f"the tree of {size:,} entries on {vendor}")
        seen = _perform(bench, database, bench.plan.reads)
    label = f"{size:,} entries, {vendor}"
    results.facts += [
        Fact(f"the tree in steps, as a server builds it: {label}", [size / seen["steps"]], "entries/s"),
        Fact(f"the tree built again: {label}", [size / seen["rebuild"]], "entries/s", at_least=LEAST_RATE),
        Fact(f"the tree verified against the log: {label}", [size / seen["verify"]], "entries/s"),
    ]
    for name, what in (("receipts", "a receipt"), ("growth", "a consistency proof")):
        times = seen[name]
        results.facts += [
            Fact(f"{what}, median: {label}", [statistics.median(times)], "ms", at_most=MOST_MS),
            Fact(f"{what}, the slowest of {len(times)}: {label}", [max(times)], "ms", at_most=MOST_MS),
        ]
    return results


def _appends(bench: Bench, vendor: str) -> Results:
    names = [f"append without evidence ({vendor})", f"append with evidence ({vendor})"]
    number = bench.plan.appends
    contenders = []
    with ExitStack() as stack:
        for name, wsgi in zip(names, APPLICATIONS, strict=True):
            database = stack.enter_context(bench.databases.copy_of(vendor, bench.plan.small))
            with enhancelog(database, bench.log):
                pass
            _perform(bench, database, "sign")
            server = stack.enter_context(application(wsgi, database, bench.log))
            made = generator.appends(bench.plan.seed, "evidence", (bench.plan.paired_rounds + 1) * number, BLUEPRINTS)
            requests = iter([post(server, body) for body in generator.bodies(made)])
            contenders.append(Contender(name, "entries/s", http(server, requests, number, CLIENTS, 201)))
        results = bench.measure(contenders, bench.plan.paired_rounds)
    cost = Target(f"an append without evidence, of one with it: {vendor}", names[0], names[1])
    results.targets.append(cost)
    end = upper_end(results.ratios(cost))
    results.facts.append(Fact(f"the same, upper end of its interval: {vendor}", [end], "×", at_most=MOST_COST))
    return results


def _perform(bench: Bench, database: Database, what: object) -> Any:
    command = module("benchmarks.legs.evidence", what)
    return perform(command, product_environment(database.data_dir, database.url), bench.log)


def measure(number: int) -> dict[str, Any]:
    """Seconds, and the milliseconds of each proof."""
    from enhancelog.maintenance import evidence_verification
    from enhancelog.models import Checkpoint, Entry, Tile
    from enhancelog.queries import entries
    from enhancelog.queries import evidence as read
    from enhancelog.store import evidence
    from enhancelog.store.database import last_position

    chance = random.Random(9)
    for model in (Tile, Checkpoint):  # of a log that was served
        model._default_manager.all().delete()
    seen: dict[str, Any] = {"steps": _seconds(sign), "rebuild": _seconds(evidence.rebuild)}
    last = last_position()
    chosen = [chance.randint(1, last) for _ in range(number + 1)]  # the first warms up
    ids = dict(Entry.objects.filter(position__in=chosen).values_list("position", "issue_id"))
    listed = [entries.get(ids[position]) for position in chosen]
    seen["receipts"] = [1000 * _seconds(partial(read.receipt, each)) for each in listed][1:]
    seen["growth"] = [1000 * _seconds(partial(read.growth, each, None)) for each in chosen][1:]
    findings: list[str] = []
    seen["verify"] = _seconds(lambda: findings.extend(evidence_verification.PART.findings(lambda done: None)))
    if findings:
        raise Failed(f"the tree that was built is not sound: {findings[0]}")
    return seen


def sign() -> None:
    from enhancelog.maintenance import evidence_keys
    from enhancelog.store import evidence

    keys = evidence_keys.for_signing()
    while evidence.step(keys):
        pass


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    import django

    from benchmarks.inside import say

    django.setup()
    if sys.argv[1] == "sign":
        sign()
    else:
        say(measure(int(sys.argv[1])))
