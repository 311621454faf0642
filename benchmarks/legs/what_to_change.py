"""Pages that say what to change, at a million entries."""

from contextlib import ExitStack
from itertools import cycle
from typing import Final

from benchmarks.bench import Bench, get, latency
from benchmarks.databases import DATABASES
from benchmarks.rounds import Contender, Fact, Results
from benchmarks.servers import Server, enhancelog

MOST_MS: Final = 100.0
MOST_MS_OF_DIFFERENCES: Final = 1500.0
AXIS: Final = "noop"  # denies most

PAGES: Final = {
    "axes": "/axes/?period=all",
    "an axis": f"/axes/{AXIS}?period=all",
    "what came next": "/matrix/?view=next&period=all",
    "what if": f"/matrix/?view=what-if&without={AXIS}&period=all",
    "funnel": "/funnel/?period=all",
}
DIFFERENCES: Final = "/v1/enhance/differences?status=rejected"


def run(bench: Bench) -> Results:
    results = Results()
    for vendor in DATABASES:
        results.add(_run(bench, vendor))
    return results


def _run(bench: Bench, vendor: str) -> Results:
    size = bench.plan.large
    with ExitStack() as stack:
        server = stack.enter_context(enhancelog(bench.large(vendor), bench.log))
        bounds = {_name(what, size, vendor): MOST_MS for what in PAGES}
        contenders = [
            _contender(server, _name(what, size, vendor), address, bench.plan.slow_reads // 2)
            for what, address in PAGES.items()
        ]
        differences = _name("differences", size, vendor)
        bounds[differences] = MOST_MS_OF_DIFFERENCES
        contenders.append(_contender(server, differences, DIFFERENCES, max(1, bench.plan.slow_reads // 20)))
        results = bench.measure(contenders)
    results.facts += [Fact(name, results.values(name), "ms", at_most=most) for name, most in bounds.items()]
    return results


def _name(what: str, size: int, vendor: str) -> str:
    return f"{what} at {size:,} ({vendor})"


def _contender(server: Server, name: str, address: str, number: int) -> Contender:
    return Contender(name, "ms", latency(server, cycle([get(server, address)]), number))
