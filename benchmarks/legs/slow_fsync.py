"""Group commit against one commit each, with fsync two milliseconds slower (SQLite)."""

from contextlib import ExitStack
from typing import Final

from benchmarks import generator, slow_disk
from benchmarks.bench import Bench, http, post
from benchmarks.rounds import Contender, Fact, Results, Target
from benchmarks.servers import enhancelog, one_commit_each

EXTRA_MS: Final = 2.0
GAINS: Final = {16: 3.0, 64: 5.0}
EACH: Final = "one commit each"
GROUPED: Final = "group commit"


def run(bench: Bench) -> Results:
    try:
        slow = slow_disk.environment(bench.databases.folder, EXTRA_MS)
    except slow_disk.NotHere as reason:
        return Results(skipped=str(reason))
    contenders = []
    number = bench.plan.appends // 2
    with ExitStack() as stack:
        tape = bench.recorded("sqlite", "slow", 6, 20, 1)
        raw = stack.enter_context(bench.raw(tape, "sqlite", **slow))
        commit_ms = min(raw.play(20)) * 1000
        if commit_ms < EXTRA_MS:
            return Results(skipped=f"the library does not reach SQLite: a commit takes {commit_ms:.2f} ms")
        for name in (GROUPED, EACH):
            database = stack.enter_context(bench.databases.copy_of("sqlite", bench.plan.small))
            with enhancelog(database, bench.log) as server:  # migrates and creates the token's owner
                pass
            server = stack.enter_context(
                enhancelog(database, bench.log, **slow)
                if name == GROUPED
                else one_commit_each(database, bench.log, **slow)
            )
            for clients in GAINS:
                entries = generator.appends(bench.plan.seed, f"slow{clients}", bench.measurements * number, 6)
                requests = iter([post(server, body) for body in generator.bodies(entries)])
                measure = http(server, requests, number, clients, 201)
                contenders.append(Contender(f"{name}, {clients} clients, +{EXTRA_MS:g} ms", "entries/s", measure))
        results = bench.measure(contenders)
    for clients, gain in GAINS.items():
        over, under = (f"{name}, {clients} clients, +{EXTRA_MS:g} ms" for name in (GROUPED, EACH))
        work = f"append at +{EXTRA_MS:g} ms fsync, SQLite, group commit over one commit each, {clients} clients"
        results.targets.append(Target(work, over, under, at_least=gain))
    results.facts.append(Fact("a raw commit on the slow disk", [commit_ms], "ms"))
    return results
