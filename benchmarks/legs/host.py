"""What an engine host's stores cost: importing them, the memory that takes, documents on disk, and an entry's page."""

import sqlite3
from contextlib import ExitStack, closing
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from urllib.parse import quote

from benchmarks.bench import Bench, get, latency
from benchmarks.children import Failed, module, perform, product_environment
from benchmarks.databases import DATABASES, Database
from benchmarks.host_work import make_host
from benchmarks.rounds import Contender, Fact, Results, Target
from benchmarks.servers import enhancelog
from tests.processes import RECORDED_HOST

LOG: Final = "log=enhance_log.db"
IMPORT_S: Final = 3.0
FLAT: Final = 1.2
SHARE: Final = 0.15
DEARER: Final = 1.5
FEWER: Final = 10  # outputs, against which the memory is compared


def run(bench: Bench) -> Results:
    results = Results(facts=[_documents(bench)])
    for vendor in DATABASES:
        results.facts += [_imported(bench, vendor), *_memory(bench, vendor)]
        results.add(_pages(bench, vendor))
    return results


def _perform(bench: Bench, database: Database, *arguments: object) -> Any:
    environment = product_environment(database.data_dir, database.url)
    return perform(module("benchmarks.host_work", *arguments), environment, bench.log)


def _imported(bench: Bench, vendor: str) -> Fact:
    seconds = []
    for _ in range(bench.plan.rounds):
        bench.progress(f"importing the recorded host ({vendor})")
        with bench.databases.copy_of(vendor, bench.plan.small) as database:
            seconds.append(_perform(bench, database, "import", RECORDED_HOST)["seconds"])
    return Fact(f"import of the recorded host: {vendor}", seconds, "s", at_most=IMPORT_S)


def _memory(bench: Bench, vendor: str) -> list[Fact]:
    number = bench.plan.outputs
    fewer, many = (_import_outputs(bench, vendor, size) for size in (number // FEWER, number))
    about = f"import of {number:,} outputs"
    return [
        Fact(f"{about}: {vendor}", [many["seconds"]], "s"),
        Fact(f"{about}, peak memory: {vendor}", [many["peak_mb"]], "MB RSS"),
        Fact(
            f"{about}, peak memory over that of {number // FEWER:,}: {vendor}",
            [many["peak_mb"] / fewer["peak_mb"]],
            "×",
            at_most=FLAT,
        ),
    ]


def _import_outputs(bench: Bench, vendor: str, number: int) -> Any:
    bench.progress(f"importing {number:,} outputs ({vendor})")
    with (
        TemporaryDirectory(dir=bench.databases.folder) as folder,
        bench.databases.copy_of(vendor, bench.plan.small) as database,
    ):
        make_host(Path(folder), number, bench.plan.seed)
        return _perform(bench, database, "outputs", folder)


# On one database: both are given the same bytes.
def _documents(bench: Bench) -> Fact:
    number = bench.plan.versions
    bench.progress(f"storing {number:,} versions")
    with bench.databases.copy_of(DATABASES[0], bench.plan.small) as database:
        done = _perform(bench, database, "documents", number, bench.plan.seed)
    if done["documents"] != number:
        raise Failed(f"{done['documents']} of {number} documents were stored")
    work = f"{number:,} versions of a Blueprint, of the size of their text"
    return Fact(work, [100 * done["share"]], "%", at_most=100 * SHARE)


def _pages(bench: Bench, vendor: str) -> Results:
    names = [f"entry page, {what} its patch ({vendor})" for what in ("with", "without")]
    addresses = [f"/entries/{quote(issue_id, safe='')}" for issue_id in _issue_ids()]
    contenders = []
    with ExitStack() as stack:
        for name, parts in zip(names, ([], [LOG]), strict=True):
            database = stack.enter_context(bench.databases.copy_of(vendor, bench.plan.small))
            _perform(bench, database, "import", RECORDED_HOST, *parts)
            server = stack.enter_context(enhancelog(database, bench.log))
            requests = cycle([get(server, address) for address in addresses])
            contenders.append(Contender(name, "ms", latency(server, requests, bench.plan.reads)))
        results = bench.measure(contenders)
    work = f"entry page with its patch from the output store, over one without: {vendor}"
    results.targets.append(Target(work, names[0], names[1], at_most=DEARER))
    return results


def _issue_ids() -> list[str]:
    with closing(sqlite3.connect(f"{(RECORDED_HOST / 'enhance_log.db').as_uri()}?mode=ro", uri=True)) as log:
        return [issue_id for (issue_id,) in log.execute("SELECT issue_id FROM enhance_log ORDER BY ts_ms")]
