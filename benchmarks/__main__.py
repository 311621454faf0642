"""``manage.py bench [--quick] [--only LEG…] [--rounds N] [--seed N] [--page FILE] [--against FOLDER]
[--messages FOLDER] [--folder FOLDER]``

Measures the product over HTTP on both databases against the bare driver and datasette; writes a page and JSON, also
of a run that did not reach its end. Exit codes: 0 every target met, 1 some missed, 2 a leg failed, 130 interrupted.
"""

import argparse
import dataclasses
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import psycopg

from benchmarks import report
from benchmarks.bench import Bench
from benchmarks.children import Failed
from benchmarks.databases import Databases, room
from benchmarks.legs import (
    alerts,
    appends,
    bulk,
    crowd,
    every_page,
    evidence,
    exports,
    generator_ceiling,
    grouping,
    groups,
    growth,
    host,
    hostile,
    large,
    pages,
    peers,
    replica,
    slow_fsync,
    what_to_change,
)
from benchmarks.load import WrongAnswer
from benchmarks.plan import FULL, QUICK, Plan
from benchmarks.rounds import Results
from tests import postgres
from tests.processes import ROOT

GROWTH: Final = "growth"
LEGS: Final[Mapping[str, Callable[[Bench], Results]]] = {
    "generator": generator_ceiling.run,
    "append": appends.run,
    "fsync": slow_fsync.run,
    "bulk": bulk.run,
    "write": peers.writes,
    "read": peers.reads,
    "export": exports.run,
    "large": large.run,
    "every-page": every_page.run,
    "change": what_to_change.run,
    "crowd": crowd.run,
    "grouping": grouping.run,
    "groups": groups.run,
    "hostile": hostile.run,
    "host": host.run,
    "alerts": alerts.run,
    "evidence": evidence.run,
    "replica": replica.run,
    "pages": pages.run,
    GROWTH: growth.run,
}
# What no change of every day moves, or takes longer than all others together; these run only if they are named.
ON_REQUEST: Final = ("groups", "host", "replica", GROWTH)
PAGE: Final = ROOT / "docs" / "performance.md"
FAILED: Final = 2
INTERRUPTED: Final = 130
MOST_SAID: Final = 300  # characters of why a leg failed
# Of a leg, which does not keep the others from being measured.
FAILURES: Final = (
    Failed,
    WrongAnswer,
    postgres.NoPostgres,
    OSError,  # and timeouts
    subprocess.SubprocessError,
    psycopg.Error,
)
# On both databases together, with a copy of each.
BYTES_AN_ENTRY: Final = 10_000
BYTES_OF_GROWTH: Final = 40_000  # more, for each entry of the log that grows


def main(arguments: Sequence[str]) -> int:
    options = _options(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return _run(options)
    except KeyboardInterrupt:
        return INTERRUPTED
    except FAILURES as error:
        print(f"manage.py bench: {error}", file=sys.stderr)
        return FAILED


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="manage.py bench", allow_abbrev=False)
    parser.add_argument("--quick", action="store_true", help="small logs and two rounds: does everything work?")
    parser.add_argument("--only", nargs="+", metavar="LEG", choices=LEGS, default=_standard(), help=", ".join(LEGS))
    parser.add_argument("--rounds", type=int, metavar="N")
    parser.add_argument("--seed", type=int, metavar="N")
    parser.add_argument(
        "--page", type=Path, help="the report (default: docs/performance.md; with --quick or --only, in the folder)"
    )
    parser.add_argument("--against", type=Path, metavar="FOLDER", help="another checkout, whose pages are measured too")
    parser.add_argument(
        "--messages", type=Path, metavar="FOLDER", help="*.tsv of logs: a label, a tab and a message in each line"
    )
    parser.add_argument("--folder", type=Path, help="for logs and datasette's environments, kept for the next run")
    return parser.parse_args(arguments)


def _standard() -> list[str]:
    return [leg for leg in LEGS if leg not in ON_REQUEST]


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


class Run:
    """What has been measured so far."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.began = time.monotonic()
        self.leg = "set-up"
        self.results: dict[str, Results] = {}
        self.postgresql = ""
        self._options = options
        self._left = list(options.only)

    def progress(self, line: str) -> None:
        _show(f"[{time.monotonic() - self.began:5.0f} s] {self.leg}: {line}")

    def measure(self, bench: Bench) -> None:
        while self._left:
            self.leg = self._left[0]
            self.results[self.leg] = self._measured(bench)
            del self._left[0]

    def _measured(self, bench: Bench) -> Results:
        began = time.monotonic()
        try:
            results = LEGS[self.leg](bench)
        except FAILURES as error:
            results = Results(failed=_reason(error))
            _show("")
            print(f"manage.py bench: {self.leg} failed: {results.failed}", file=sys.stderr)
        except BaseException as error:
            reason = "it was interrupted" if isinstance(error, KeyboardInterrupt) else _reason(error)
            self.results[self.leg] = Results(failed=reason, seconds=time.monotonic() - began)
            raise
        results.seconds = time.monotonic() - began
        return results

    def write(self, folder: Path, plan: Plan) -> None:
        """The documentation gets complete runs only."""
        _show("")
        kind = "quick" if self._options.quick else "full"
        about = report.about(kind, plan.rounds, plan.seed, time.monotonic() - self.began, self.postgresql)
        whole = self._options.only == _standard() and not self._left and not self.failed()
        page = self._options.page or (PAGE if whole and not self._options.quick else folder / "performance.md")
        legs = self.results | {leg: Results(failed="it was not begun") for leg in self._left if leg not in self.results}
        report.write(page, legs, about)
        print(report.markdown({name: each.as_dict() for name, each in legs.items()}, about))
        print(f"written to {page}")

    def failed(self) -> bool:
        return any(each.failed for each in self.results.values())

    def exit_code(self) -> int:
        return FAILED if self.failed() else int(any(each.misses() for each in self.results.values()))


def _reason(error: BaseException) -> str:
    said = f"{error}" if isinstance(error, Failed | WrongAnswer) else f"{type(error).__name__}: {error}"
    return " ".join(said.split())[:MOST_SAID]


def _run(options: argparse.Namespace) -> int:
    run = Run(options)
    plan = QUICK if options.quick else FULL
    paired = options.rounds and max(options.rounds, plan.paired_rounds)
    chosen = {"rounds": options.rounds, "paired_rounds": paired, "seed": options.seed}
    plan = dataclasses.replace(plan, **{name: value for name, value in chosen.items() if value is not None})
    folder = _folder(options, plan)
    databases = Databases(folder, plan, run.progress)
    try:
        with databases.postgresql(), ExitStack() as copies:
            run.postgresql = databases.postgresql_version()
            chance = random.Random(plan.seed)
            run.measure(Bench(plan, databases, run.progress, chance, options.against, options.messages, copies))
    finally:
        if run.results:
            run.write(folder, plan)
    return run.exit_code()


def _folder(options: argparse.Namespace, plan: Plan) -> Path:
    given: Path | None = options.folder
    data_dir = Path(os.environ.get("ENHANCELOG_DATA_DIR") or ROOT / "var").absolute()
    folder = given.absolute() if given else data_dir / "bench"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    needed = (plan.large + plan.middle + plan.wide) * BYTES_AN_ENTRY
    needed += plan.large * BYTES_OF_GROWTH * (GROWTH in options.only)
    if room(folder) < needed:
        raise Failed(f"{folder} has too little room: {needed / 1e9:.0f} GB are needed; choose another with --folder")
    return folder


def _show(line: str) -> None:
    sys.stderr.write(f"\r\x1b[K{line[:120]}" if sys.stderr.isatty() else f"{line}\n" if line else "")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
