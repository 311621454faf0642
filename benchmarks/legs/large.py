"""A million entries: pages against ten thousand and against the bare driver; memory of the workers."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from itertools import cycle
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlencode

import psutil  # type: ignore[import-untyped]

from benchmarks import generator, load
from benchmarks.bench import CLIENTS, LOG, Bench, Measure, get, latency, post
from benchmarks.children import Replay, module, perform, product_environment, replaying
from benchmarks.databases import DATABASES, Database
from benchmarks.rounds import Contender, Fact, Results, Sample, Target
from benchmarks.servers import Server, enhancelog

LONGER: Final = 1.2
OVER_THE_DRIVER: Final = 2.0
MOST_MB: Final = 150.0
SECONDS_OF_LOAD: Final = 6

TIMELINE: Final = f"/blueprints/{quote(generator.BLUEPRINTS[0])}"
RARE: Final = f"{LOG}?axis={generator.RARE_AXIS}&status=rejected&order=desc&page_size=50"
HOME: Final = "/?period=all"


def run(bench: Bench) -> Results:
    results = Results()
    for vendor in DATABASES:
        results.add(_run(bench, vendor))
    return results


def _run(bench: Bench, vendor: str) -> Results:
    small, large = bench.plan.small, bench.plan.large
    with ExitStack() as stack:
        few = stack.enter_context(enhancelog(bench.databases.log_of(vendor, small), bench.log))
        database = bench.large(vendor)
        many = stack.enter_context(enhancelog(database, bench.log))
        pages = {"rare axis denied": [RARE], "search": searches(bench), "home": [HOME]}
        contenders, targets = [], []
        names = [f"timeline page at {size:,} ({vendor})" for size in (small, large)]
        for name, server in zip(names, (few, many), strict=True):
            requests = cycle([get(server, TIMELINE)])
            contenders.append(Contender(name, "ms", latency(server, requests, bench.plan.slow_reads)))
        targets.append(
            Target(f"timeline page at {large:,} over {small:,}: {vendor}", names[1], names[0], at_most=LONGER)
        )
        for what, addresses in pages.items():
            replay = stack.enter_context(_replaying(bench, database, what, addresses))
            share, said = (0.95, ", p95") if what == "search" else (0.5, "")
            number = max(len(addresses), bench.plan.slow_reads // 2)
            ours, raw = f"{what} at {large:,}{said} ({vendor})", f"{what} at {large:,}{said}, bare driver ({vendor})"
            requests = cycle([get(many, address) for address in addresses])
            contenders.append(Contender(ours, "ms", latency(many, requests, number, share)))
            contenders.append(Contender(raw, "ms", _bare(replay, number, share)))
            work = f"{what} at {large:,}{said}, time over the bare driver's: {vendor}"
            targets.append(Target(work, ours, raw, at_most=OVER_THE_DRIVER))
        results = bench.measure(contenders)
        results.targets += targets
        bench.progress(f"memory under load ({vendor})")
        results.facts.append(_memory(bench, many, vendor))
    return results


def searches(bench: Bench) -> list[str]:
    from enhancelog.domain import filters

    name = "phrase" if "phrase" in filters.PARAMETERS else "text"
    words = generator.words(bench.plan.seed)
    chosen = words[:: max(1, len(words) // bench.plan.searches)][: bench.plan.searches]
    return [f"/search/?{urlencode({name: word})}" for word in chosen]


def _replaying(bench: Bench, database: Database, what: str, addresses: Sequence[str]) -> AbstractContextManager[Replay]:
    tape: Path = bench.databases.folder / f"{database.vendor}-{what.replace(' ', '-')}.tape"
    bench.progress(f"recording the statements of {what} on {database.vendor}")
    perform(
        module("benchmarks.inside", "queries", tape, *addresses),
        product_environment(database.data_dir, database.url),
        bench.log,
    )
    return replaying(tape, database.raw, bench.log, "--read")


def _bare(replay: Replay, number: int, share: float) -> Measure:
    def measure() -> Sample:
        seconds = sorted(replay.play(number))
        return Sample(seconds[min(number - 1, int(share * number))] * 1000)

    return measure


def _memory(bench: Bench, server: Server, vendor: str) -> Fact:
    """PSS of the largest worker under mixed load."""
    entries = generator.appends(bench.plan.seed, "memory", bench.plan.appends, 6)
    appended = iter([post(server, body) for body in generator.bodies(entries)])
    read = [get(server, address) for address in (TIMELINE, RARE, HOME, "/rejections/", f"{LOG}?page_size=1000")]
    for _ in range(SECONDS_OF_LOAD):
        load.run(server.address, _some(appended, bench.plan.appends // SECONDS_OF_LOAD), CLIENTS, 201)
        load.run(server.address, read * 4, CLIENTS, 200)
    load.download(server.address, get(server, f"{LOG}?format=ndjson&period=7d"))
    root = psutil.Process(server.process.pid)
    sizes = [process.memory_full_info().pss / 1e6 for process in root.children(recursive=True)]
    work = f"memory of a worker at {bench.plan.large:,} entries under load: {vendor}"
    return Fact(work, [max(sizes)], "MB PSS", at_most=MOST_MB)


def _some(requests: Iterator[bytes], number: int) -> Iterator[bytes]:
    return (data for data, _ in zip(requests, range(number), strict=False))
