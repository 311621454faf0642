"""Pages and an export with ``ENHANCELOG_READ_URL``, against the same server without: their time, and the CPU time that
they take on the primary.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import cycle
from pathlib import Path
from typing import Final

from benchmarks import load
from benchmarks.bench import LOG, Bench, get, latency
from benchmarks.children import module, perform, product_environment
from benchmarks.databases import Database
from benchmarks.generator import BLUEPRINTS
from benchmarks.rounds import Contender, Fact, Results, Sample
from benchmarks.servers import Server, enhancelog
from tests import standbys

NAME: Final = "log"
MODES: Final = ("primary alone", "with a replica")
PAGES: Final = {
    "timeline": f"/blueprints/{BLUEPRINTS[0].replace('/', '%2F')}",
    "rejections": "/rejections/?period=all",
    "search": "/search/?phrase=schema",
    "overview": "/?period=90d",
}
EXPORT: Final = f"{LOG}?format=ndjson"


def run(bench: Bench) -> Results:
    with ExitStack() as stack:
        pair = stack.enter_context(_pair(bench))
        folder = bench.databases.folder
        servers = {
            MODES[0]: stack.enter_context(enhancelog(_database(pair, folder / "alone"), bench.log)),
            MODES[1]: stack.enter_context(
                enhancelog(
                    _database(pair, folder / "replicated"), bench.log, ENHANCELOG_READ_URL=pair.standby.url(NAME)
                )
            ),
        }
        contenders = [
            Contender(f"{what}, {mode}", "ms", _measured(pair.primary, take, number))
            for mode, server in servers.items()
            for what, take, number in _reads(bench, server)
        ]
        results = bench.measure(contenders)
    for contender in contenders:
        taken = [sample.seen["primary_cpu_ms"] for sample in results.samples[contender.name]]
        results.facts.append(Fact(f"CPU time on the primary: {contender.name}", taken, "ms"))
    return results


def _reads(bench: Bench, server: Server) -> Iterator[tuple[str, Callable[[], Sample], int]]:
    """Each with how many requests it makes."""
    number = bench.plan.slow_reads
    for what, address in PAGES.items():
        yield what, latency(server, cycle([get(server, address)]), number), number

    def export() -> Sample:
        return Sample(load.download(server.address, get(server, EXPORT))[2] * 1000)

    yield f"export of {bench.plan.middle:,}", export, 1


def _measured(primary: standbys.Server, take: Callable[[], Sample], number: int) -> Callable[[], Sample]:
    def measure() -> Sample:
        before = primary.cpu_s()
        sample = take()
        return sample._replace(seen={"primary_cpu_ms": (primary.cpu_s() - before) * 1000 / number})

    return measure


@contextmanager
def _pair(bench: Bench) -> Iterator[standbys.Pair]:
    """With the middle log on both."""
    with standbys.pair() as pair:
        pair.primary.execute(f"CREATE DATABASE {NAME} TEMPLATE template0")
        database = _database(pair, bench.databases.folder / "filling")
        bench.progress(f"making a log of {bench.plan.middle:,} on a primary and its replica")
        perform(
            module("benchmarks.inside", "fill", "log", bench.plan.middle, bench.plan.seed),
            product_environment(database.data_dir, database.url),
            bench.log,
        )
        pair.wait_until_equal()
        yield pair


def _database(pair: standbys.Pair, data_dir: Path) -> Database:
    url = pair.primary.url(NAME)
    return Database("postgresql", url, url, data_dir)
