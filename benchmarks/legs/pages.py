"""The CPU time of each page, in one process without a server; with ``--against`` also that of another checkout."""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from benchmarks import generator
from benchmarks.bench import Bench
from benchmarks.children import Failed, last_line, product_environment, running
from benchmarks.rounds import Contender, Results, Sample, Target
from enhancelog.domain import records
from tests.processes import ROOT

BLOCKS: Final = 8
BLOCK: Final = 5
"""Requests of a block. A block of cold pages is one request, each for another page."""


class Page(NamedTuple):
    """``most``: how many times the other checkout's CPU time it may take."""

    name: str
    addresses: tuple[str, ...]
    most: float = 1.1
    is_cold: bool = False


_TIMELINES: Final = tuple(f"/blueprints/{name.replace('/', '%2F')}" for name in generator.BLUEPRINTS)
PAGES: Final = (
    Page("overview, 7 days", ("/?period=7d",)),
    Page("overview, 90 days", ("/?period=90d",), 1.2),
    Page("rejections", ("/rejections/",)),
    Page("timeline, cold", _TIMELINES, 1.35, is_cold=True),
    Page("timeline, warm", _TIMELINES[:1]),
    Page("patterns", ("/patterns/?period=90d",)),
    Page("matrix", ("/matrix/?period=90d",)),
    Page("search", ("/search/?phrase=schema",)),
)


class Checkout(NamedTuple):
    """A clone of the project with a log of its own."""

    label: str
    root: Path
    environment: dict[str, str]
    log: Path


class Asked:
    """The process that answers; see ``page_cpu``."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self._process = process
        self._log = log
        self._read()

    def cpu_ms(self, times: int, *addresses: str) -> float:
        """The first quartile of the requests."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps([times, *addresses]) + "\n")
        self._process.stdin.flush()
        return float(self._read())

    def _read(self) -> str:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise Failed(f"the pages' process ended: {last_line(self._log)}")
        return line.strip().strip('"')


class ByTurns:
    """A page of all checkouts, measured at once. ``turns`` returns their times, a row for each turn."""

    def __init__(self, turns: Callable[[], Sequence[Sequence[float]]]) -> None:
        self._turns = turns
        self._untold: dict[int, Sample] = {}

    def measure(self, at: int) -> Sample:
        if at not in self._untold:
            columns = zip(*self._turns(), strict=True)
            self._untold = {number: Sample(statistics.median(times)) for number, times in enumerate(columns)}
        return self._untold.pop(at)


def by_turns(asked: Sequence[Asked], times: int, addresses: Iterable[str]) -> Iterator[list[float]]:
    """In changing order, so that a change of the machine's clock affects all alike."""
    for turn, address in enumerate(addresses):
        order = range(len(asked))[:: -1 if turn % 2 else 1]
        taken = {at: asked[at].cpu_ms(times, address) for at in order}
        yield [taken[at] for at in range(len(asked))]


def run(bench: Bench) -> Results:
    size = bench.plan.small
    entries = bench.databases.folder / f"pages-{size}.ndjson"
    issue_id = _write_log(entries, bench.plan.seed, size)
    pages = (*PAGES, Page("entry", (f"/entries/{issue_id}",)))
    roots = {"": ROOT} | ({"against ": bench.against} if bench.against else {})
    with ExitStack() as stack:
        checkouts = [_prepared(bench, label, root, entries) for label, root in roots.items()]
        asked = [stack.enter_context(_asked(checkout)) for checkout in checkouts]
        contenders = []
        for page in pages:
            turns = ByTurns(partial(_cold, checkouts, page) if page.is_cold else partial(_warm, asked, page))
            contenders += [
                Contender(_name(checkout.label, page), "ms", partial(turns.measure, at))
                for at, checkout in enumerate(checkouts)
            ]
        results = bench.measure(contenders)
    if bench.against:
        results.targets += [
            Target(f"CPU of {page.name}, over the other's", _name("", page), _name("against ", page), at_most=page.most)
            for page in pages
        ]
    return results


def _name(label: str, page: Page) -> str:
    return f"{label}page, {page.name}: CPU"


def _write_log(path: Path, seed: int, size: int) -> str:
    """A log that ends now. The id of its last entry."""
    later_ms = int(time.time() * 1000) - generator.END_MS
    issue_id = ""
    with path.open("wb") as file:
        for entry in generator.log(seed, size):
            issue_id = entry.issue_id
            file.write(records.encode(msgspec.structs.replace(entry, ts_ms=entry.ts_ms + later_ms)) + b"\n")
    return issue_id


def _prepared(bench: Bench, label: str, root: Path, entries: Path) -> Checkout:
    bench.progress(f"importing a log into {root}")
    data_dir = bench.databases.folder / f"pages-{label.strip() or 'here'}-{time.time_ns()}"
    data_dir.mkdir()
    environment = product_environment(data_dir, f"sqlite:///{data_dir}/db.sqlite3") | {"PYTHONPATH": str(root)}
    checkout = Checkout(label, root, environment, bench.log)
    for command in (["migrate"], ["collectstatic", "--no-input"], ["import_log", str(entries)]):
        with bench.log.open("a") as log:
            line = [sys.executable, str(root / "manage.py"), *command]
            done = subprocess.run(line, cwd=root, env=environment, stdout=log, stderr=log, check=False)
        if done.returncode:
            raise Failed(f"{command[0]} in {root} failed: {last_line(bench.log)}")
    return checkout


@contextmanager
def _asked(checkout: Checkout) -> Iterator[Asked]:
    command = [sys.executable, str(Path(__file__).parents[1] / "page_cpu.py"), str(checkout.root)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with running(command, checkout.environment, checkout.log, **pipes) as process:
        yield Asked(process, checkout.log)


def _warm(asked: Sequence[Asked], page: Page) -> list[list[float]]:
    return list(by_turns(asked, BLOCK, page.addresses * BLOCKS))


def _cold(checkouts: Sequence[Checkout], page: Page) -> list[list[float]]:
    with ExitStack() as stack:
        fresh = [stack.enter_context(_asked(checkout)) for checkout in checkouts]
        for each in fresh:
            each.cpu_ms(5, "/rejections/")  # imports and templates
        return list(by_turns(fresh, 1, page.addresses))
