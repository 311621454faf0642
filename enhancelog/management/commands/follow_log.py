"""Exit codes: 0 done, 1 anomalies not reported before, 2 could not run, 130 interrupted."""

import math
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.management.base import CommandParser, OutputWrapper

from enhancelog.domain import records
from enhancelog.domain.errors import Invalid
from enhancelog.domain.records import Entry
from enhancelog.host.follow import Follower, Polled, forever
from enhancelog.host.follow_stores import Both, StoresFollower
from enhancelog.host.follow_witness import Witnessed, memory_of
from enhancelog.host.log_http import Head, Upstream, parse_url
from enhancelog.host.recognition import Store
from enhancelog.management.database import Needs
from enhancelog.management.findings import new
from enhancelog.management.reporting import CannotRun, ReportingCommand, printable
from enhancelog.store.observed import Kept
from enhancelog.transfer.findings import FindingsFile, as_line
from enhancelog.transfer.importer import Finding
from enhancelog.transfer.items import Unreadable

SHOWN: Final = 20
LONGEST_INTERVAL_S: Final = 86_400
SHOWN_AXES: Final = 5


class Command(ReportingCommand):
    help = (
        "Follow the enhance log of a running engine host: add new entries, report changed or vanished entries, and "
        "store the current document of each Blueprint. Stored entries never change. Safe to stop and start at any time."
    )
    needs = Needs.CREATED

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("url", metavar="URL", help="the host's address, such as http://127.0.0.1:7777")
        parser.add_argument(
            "--source", metavar="NAME", help="the source recorded with every entry (default: host and port)"
        )
        parser.add_argument(
            "--interval",
            metavar="SECONDS",
            type=float,
            default=10.0,
            help="time between requests (default: %(default)g)",
        )
        parser.add_argument(
            "--stores",
            metavar="DIR",
            type=Path,
            help="also read the host's stores in this folder whenever they change, as import_host reads them",
        )
        parser.add_argument(
            "--key",
            metavar="KEY",
            action="append",
            default=[],
            help="a verifier key of the host's log, if the host has evidence (default: as it says at first)",
        )
        parser.add_argument("--once", action="store_true", help="request the log once and exit, for cron")
        parser.add_argument("--quiet", action="store_true", help="print only anomalies and errors")

    def report(self, **options: Any) -> bool:
        try:
            upstream = Upstream(parse_url(options["url"]))
            source: str = options["source"] or upstream.name
            records.check_id(source, "--source")
            memory = memory_of(options["url"], settings.DATA_DIR, options["key"])
        except Invalid as error:
            raise CannotRun(str(error)) from None
        interval_s: float = options["interval"]
        if not (math.isfinite(interval_s) and 1 <= interval_s <= LONGEST_INTERVAL_S):
            raise CannotRun(f"--interval: must be 1 to {LONGEST_INTERVAL_S:,} seconds")
        folder: Path | None = options["stores"]
        if folder is not None and not folder.is_dir():
            raise CannotRun(f"--stores: {folder} is not a folder")
        with FindingsFile(settings.DATA_DIR / "quarantine", source) as findings:
            lines = Lines(self.stdout, self.stderr, findings, quiet=options["quiet"])
            follower = Follower(upstream, source, settings.MAX_ENTRY_BYTES, lines)
            polled: Polled = Witnessed(follower, upstream, memory, lines) if memory else follower
            if folder is not None:
                polled = Both(polled, StoresFollower(folder, source, follower.remarks, lines, interval_s))
            if options["once"]:
                self._once(polled, follower, lines)
            else:
                lines.say(f"Following {upstream.name} as {source} every {interval_s:g} s (Ctrl-C stops it)")
                forever(polled, interval_s, lines)
        return follower.remarks.reported > 0 or lines.is_forked

    def _once(self, polled: Polled, follower: Follower, lines: "Lines") -> None:
        try:
            polled.poll()
        except Unreadable as error:
            raise CannotRun(" ".join(str(error).split())) from None
        lines.say(str(follower.counts))


class Lines:
    """Events on standard output, what is odd or wrong on standard error and, for findings, in the quarantine file."""

    def __init__(self, stdout: OutputWrapper, stderr: OutputWrapper, findings: FindingsFile, *, quiet: bool) -> None:
        self._stdout = stdout
        self._stderr = stderr
        self._findings = findings
        self._quiet = quiet
        self.is_forked = False
        self._last_failure = ""
        self._last_trouble = ""
        self._last_fork = ""
        self._last_doubt = ""
        self._unreadable: dict[Path, str] = {}

    def say(self, line: str) -> None:
        if not self._quiet:
            self._stdout.write(line)
            self._stdout.flush()  # for a reader of a pipe

    def _warn(self, line: str) -> None:
        self._stderr.write(printable(line))
        self._stderr.flush()

    def added(self, entry: Entry) -> None:
        axes = list(records.denials(entry))
        more = f" and {len(axes) - SHOWN_AXES:,} more" if len(axes) > SHOWN_AXES else ""
        denied = f"{', '.join(axes[:SHOWN_AXES])}{more}"
        by = f" by {denied}" if denied else ""
        self.say(f"added {entry.issue_id}: {entry.blueprint_id or '(no Blueprint)'}, {entry.status}{by}")

    def found(self, finding: Finding) -> None:
        line = as_line(finding)
        fresh = self._findings.path is None
        self._findings.add(**line)
        kind = line["rule"] if line["rule"] in ("conflict", "dropped") else "quarantined"
        self._warn(f"{kind}: {line['where']}: {line['reason']}")
        if fresh:
            self._warn(f"What was not imported is kept in {self._findings.path}")

    def vanished(self, issue_ids: list[str]) -> None:
        shown = ", ".join(issue_ids[:SHOWN])
        more = f" and {len(issue_ids) - SHOWN:,} more" if len(issue_ids) > SHOWN else ""
        what = "1 entry is" if len(issue_ids) == 1 else f"{len(issue_ids):,} entries are"
        self._warn(
            f"vanished: {what} no longer listed, but {'stays' if len(issue_ids) == 1 else 'stay'} here: {shown}{more}"
        )

    def kept(self, head: Head) -> None:
        self.say(f"stored the document of {head.blueprint_id} at {head.version[:12]}")

    def imported(self, store: Store, kept: Kept) -> None:
        self.say(f"{store.kind}: {new(kept)}")

    def lost(self, store: Store, what: str) -> None:
        self._warn(f"vanished: {store.kind}: {store.path} {what}; what was read stays here")

    def unreadable(self, path: Path, reason: str, pause_s: float) -> None:
        if reason != self._unreadable.get(path):
            self._warn(f"{reason}; trying again in {pause_s:.0f} s, then less often")
        self._unreadable[path] = reason

    def readable(self, path: Path) -> None:
        self._unreadable.pop(path, None)
        self.say(f"{path}: can be read again")

    def trouble(self, reason: str) -> None:
        if reason != self._last_trouble:
            self._warn(f"heads: {reason}")
        self._last_trouble = reason

    def forked(self, line: str) -> None:
        if line != self._last_fork:
            self._warn(line)
        self._last_fork = line
        self.is_forked = True

    def doubtful(self, reason: str) -> None:
        if reason != self._last_doubt:
            self._warn(f"evidence: {reason}")
        self._last_doubt = reason

    def failed(self, reason: str, pause_s: float) -> None:
        if reason != self._last_failure:
            self._warn(f"{reason}; trying again in {pause_s:.0f} s, then less often")
        self._last_failure = reason

    def recovered(self) -> None:
        self._last_failure = ""
        self.say("working again")
