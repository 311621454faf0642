"""The whole log as NDJSON over HTTP, against the bare driver and orjson in one process."""

from contextlib import ExitStack
from typing import Final

from benchmarks import load
from benchmarks.bench import LOG, Bench, Measure, get
from benchmarks.children import Failed, module, perform, product_environment
from benchmarks.databases import DATABASES, Database
from benchmarks.rounds import Contender, Results, Sample, Target
from benchmarks.servers import Server, enhancelog

LONGER: Final = 1.1


def run(bench: Bench) -> Results:
    results = Results()
    for vendor in DATABASES:
        results.add(_run(bench, vendor))
    return results


def _run(bench: Bench, vendor: str) -> Results:
    size = bench.plan.middle
    ours, raw = f"export of {size:,} over HTTP ({vendor})", f"export of {size:,}, driver and orjson ({vendor})"
    with ExitStack() as stack:
        database = bench.databases.log_of(vendor, size)
        server = stack.enter_context(enhancelog(database, bench.log))
        digests: set[str] = set()
        results = bench.measure(
            [
                Contender(ours, "ms", _over_http(server, size, digests)),
                Contender(raw, "ms", _raw(bench, database, size, digests)),
            ]
        )
    if len(digests) != 1:
        raise Failed("the exports are not the same bytes")
    results.targets.append(
        Target(f"export of {size:,}, time over driver and orjson: {vendor}", ours, raw, at_most=LONGER)
    )
    return results


def _over_http(server: Server, size: int, digests: set[str]) -> Measure:
    request = get(server, f"{LOG}?format=ndjson")

    def measure() -> Sample:
        digest, lines, seconds = load.download(server.address, request)
        if lines != size:
            raise Failed(f"the export has {lines:,} lines, not {size:,}")
        digests.add(digest)
        return Sample(seconds * 1000)

    return measure


def _raw(bench: Bench, database: Database, size: int, digests: set[str]) -> Measure:
    command = module("benchmarks.raw_export", database.vendor, database.raw)
    environment = product_environment(database.data_dir, database.url)

    def measure() -> Sample:
        said = perform(command, environment, bench.log)
        if said["lines"] != size:
            raise Failed(f"the raw export has {said['lines']:,} lines, not {size:,}")
        digests.add(said["digest"])
        return Sample(said["seconds"] * 1000)

    return measure
