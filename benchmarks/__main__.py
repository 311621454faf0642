"""``manage.py bench [--quick] [--only LEG…] [--rounds N] [--seed N] [--page FILE] [--against FOLDER]
[--messages FOLDER] [--folder FOLDER]``

Measures the product over HTTP on both databases against the bare driver and datasette; writes a page and JSON.
Exit codes: 0 every target met, 1 some missed, 2 could not run, 130 interrupted.
"""

import argparse
import dataclasses
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

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
}
PAGE: Final = ROOT / "docs" / "performance.md"
INTERRUPTED: Final = 130
# On both databases together, with a copy of each.
BYTES_AN_ENTRY: Final = 10_000


def main(arguments: Sequence[str]) -> int:
    options = _options(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return _run(options)
    except KeyboardInterrupt:
        return INTERRUPTED
    except (Failed, WrongAnswer, postgres.NoPostgres, OSError) as error:
        print(f"manage.py bench: {error}", file=sys.stderr)
        return 2


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="manage.py bench", allow_abbrev=False)
    parser.add_argument("--quick", action="store_true", help="small logs and two rounds: does everything work?")
    parser.add_argument("--only", nargs="+", metavar="LEG", choices=LEGS, default=list(LEGS), help=", ".join(LEGS))
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


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _run(options: argparse.Namespace) -> int:
    began = time.monotonic()
    chosen = {"rounds": options.rounds, "seed": options.seed}
    plan = dataclasses.replace(
        QUICK if options.quick else FULL, **{name: value for name, value in chosen.items() if value is not None}
    )
    folder = _folder(options.folder, plan)
    results: dict[str, Results] = {}

    def progress(line: str) -> None:
        _show(f"[{time.monotonic() - began:5.0f} s] {leg}: {line}")

    leg = "set-up"
    databases = Databases(folder, plan, progress)
    with databases.postgresql():
        bench = Bench(plan, databases, progress, random.Random(plan.seed), options.against, options.messages)
        for leg in options.only:
            results[leg] = LEGS[leg](bench)
        version = databases.postgresql_version()
    _show("")
    kind = "quick" if options.quick else "full"
    about = report.about(kind, plan.rounds, plan.seed, time.monotonic() - began, version)
    page = options.page or (PAGE if not options.quick and options.only == list(LEGS) else folder / "performance.md")
    report.write(page, results, about)
    print(report.markdown({name: each.as_dict() for name, each in results.items()}, about))
    print(f"written to {page}")
    return int(any(each.misses() for each in results.values()))


def _folder(given: Path | None, plan: Plan) -> Path:
    data_dir = Path(os.environ.get("ENHANCELOG_DATA_DIR") or ROOT / "var").absolute()
    folder = given.absolute() if given else data_dir / "bench"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    needed = (plan.large + plan.middle + plan.wide) * BYTES_AN_ENTRY
    if room(folder) < needed:
        raise Failed(f"{folder} has too little room: {needed / 1e9:.0f} GB are needed; choose another with --folder")
    return folder


def _show(line: str) -> None:
    sys.stderr.write(f"\r\x1b[K{line[:120]}" if sys.stderr.isatty() else f"{line}\n" if line else "")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
