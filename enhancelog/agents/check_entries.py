"""``enhancelog append --junit … --sarif …``: the checks of a commit as one entry, or as an unfinished run."""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

from enhancelog.agents import junit, sarif
from enhancelog.agents.checks import MAX_REPORT_BYTES, Check, verdicts
from enhancelog.client.log_store import HttpEnhanceLogStore
from enhancelog.domain import records, strict_json
from enhancelog.domain.causes import CAUSES
from enhancelog.domain.errors import Conflict, Invalid, Redacted
from enhancelog.domain.periods import instant
from enhancelog.domain.reasons import reasons
from enhancelog.domain.records import Entry
from enhancelog.domain.times import now_ms
from enhancelog.domain.unfinished import MAX_CHARACTERS
from enhancelog.domain.unfinished_reports import UnfinishedReport
from enhancelog.transfer.items import Unreadable
from enhancelog.transfer.whole_files import content

_REQUIRED: Final = ("blueprint", "base", "head", "intent")


class _Report(NamedTuple):
    name: str  # empty: as the report says
    path: Path
    parse: Callable[[bytes, str], list[Check]]


def add_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "checks of a commit", "Instead of FILE: one entry, in which each check is an axis. See docs/sources.md."
    )
    for name, text in (
        ("--junit", "JUnit XML; the axis is NAME, else each suite"),
        ("--sarif", "SARIF 2.1.0; the axis is NAME, else the tool"),
    ):
        group.add_argument(name, metavar="[NAME=]FILE", action="append", default=[], help=text)
    group.add_argument(
        "--sarif-level", choices=sarif.LEVELS, default="error", help="the lowest that denies (default: %(default)s)"
    )
    group.add_argument("--cancelled", metavar="REASON", help="a check was cancelled: the run is unfinished")
    group.add_argument("--cause", choices=CAUSES, help="with --cancelled (default: told by the reason)")
    group.add_argument("--blueprint", metavar="ID", help="what is changed: the repository")
    group.add_argument("--base", metavar="SHA", help="the commit before")
    group.add_argument("--head", metavar="SHA", help="the commit that was checked")
    group.add_argument("--issue-id", metavar="ID", help="default: BLUEPRINT@HEAD")
    group.add_argument("--intent", metavar="TEXT", help="what the change is for")
    rationale = group.add_mutually_exclusive_group()
    rationale.add_argument("--rationale", metavar="TEXT", default="")
    rationale.add_argument("--rationale-file", metavar="FILE")
    group.add_argument("--meta", metavar="KEY=VALUE", action="append", default=[])
    group.add_argument("--started", metavar="TIME", help="default: when the oldest report was written")


def are_given(options: argparse.Namespace) -> bool:
    return _has_checks(options) or any(getattr(options, name) for name in _REQUIRED)


def _has_checks(options: argparse.Namespace) -> bool:
    return bool(options.junit or options.sarif or options.cancelled is not None)


def append(store: HttpEnhanceLogStore, options: argparse.Namespace) -> dict[str, Any]:
    """Safe to repeat. The result, to print. Raises ``Invalid`` or ``Unreadable``."""
    _check_options(options)
    reports = _reports(options)
    checks = [check for report in reports for check in _checks(report)]
    ts_ms = _started_ms(options, reports)
    issue_id = options.issue_id or f"{options.blueprint}@{options.head}"
    stopped = [check.detail for check in checks if check.outcome == "cancelled"]
    if options.cancelled is not None or stopped:
        reason = options.cancelled or "; ".join(stopped)
        return _put_unfinished(store, _unfinished(options, issue_id, reason, ts_ms))
    return _put(store, _entry(options, issue_id, checks, ts_ms))


def _put(store: HttpEnhanceLogStore, entry: Entry) -> dict[str, Any]:
    about = {"issue_id": entry.issue_id, "status": entry.status}
    try:
        stored = store.put(entry)
    except Conflict as conflict:
        if isinstance(conflict, Redacted):
            return {**about, "result": "redacted"}
        differs = f"differs in {', '.join(conflict.differs)}" if conflict.differs else "is different"
        return {**about, "result": "conflict", "error": f"the stored entry {differs}"}
    return {**about, "result": "created" if stored.created else "identical", "digest": stored.digest}


def _put_unfinished(store: HttpEnhanceLogStore, report: UnfinishedReport) -> dict[str, Any]:
    about = {"issue_id": report.issue_id, "status": "unfinished"}
    try:
        return {**about, "result": "created" if store.report_unfinished(report) else "updated"}
    except Conflict:
        return {**about, "result": "conflict", "error": "the run was finished: the log has its entry"}


def _entry(options: argparse.Namespace, issue_id: str, checks: list[Check], ts_ms: int | None) -> Entry:
    found = verdicts(checks)
    if not found or ts_ms is None:  # without a report there is neither
        raise Unreadable("every check was skipped, so there is nothing to judge by")
    denied = reasons(found)
    noted: dict[str, Any] = {"meta": _meta(options.meta)} if options.meta else {}
    return records.from_values(
        issue_id=issue_id,
        blueprint_id=options.blueprint,
        prev_hash=options.base,
        new_hash="" if denied else options.head,
        intent=options.intent,
        rationale=_rationale(options),
        verdicts=found,
        status="rejected" if denied else "applied",
        reasons=denied,
        ts_ms=ts_ms,
        candidate_hash=options.head,
        **noted,
    )


def _unfinished(options: argparse.Namespace, issue_id: str, reason: str, ts_ms: int | None) -> UnfinishedReport:
    records.check_id(issue_id, "--issue-id")
    records.check_id(options.blueprint, "--blueprint")
    for name, text in (("intent", options.intent), ("cancelled", reason), ("head", options.head)):
        strict_json.check_text(text, f"--{name}")
    return UnfinishedReport(
        issue_id=issue_id,
        blueprint_id=options.blueprint,
        status="died",
        intent=options.intent[:MAX_CHARACTERS],
        reason=reason[:MAX_CHARACTERS],
        cause=options.cause,
        ts_ms=ts_ms,
        candidate_hash=options.head,
    )


def _check_options(options: argparse.Namespace) -> None:
    for name in _REQUIRED:
        if not getattr(options, name):
            raise Invalid(f"--{name}", "missing", "is missing")
    if not _has_checks(options):
        raise Invalid("--junit", "missing", "is missing, and so are --sarif and --cancelled")
    if options.cause and options.cancelled is None:
        raise Invalid("--cause", "combination", "belongs to --cancelled")
    if options.spool is not None or options.file != "-":
        raise Invalid("FILE", "combination", "and --spool do not go with checks")


def _reports(options: argparse.Namespace) -> list[_Report]:
    with_level = partial(sarif.checks, level=options.sarif_level)
    return [_Report(*_named(text), junit.checks) for text in options.junit] + [
        _Report(*_named(text), with_level) for text in options.sarif
    ]


# A path with "=" can be written after its name, or with "./" in front.
def _named(text: str) -> tuple[str, Path]:
    name, equals, path = text.partition("=")
    return (name, Path(path)) if equals and "/" not in name else ("", Path(text))


def _checks(report: _Report) -> list[Check]:
    try:
        return report.parse(content(report.path, MAX_REPORT_BYTES), report.name)
    except Invalid as error:
        raise Unreadable(f"{report.path}: {error}") from None


def _started_ms(options: argparse.Namespace, reports: list[_Report]) -> int | None:
    if options.started is not None:
        return instant("--started", options.started, now_ms())
    # The same again when the command is repeated
    times = [report.path.stat().st_mtime_ns // 1_000_000 for report in reports]
    return min(times, default=None)


def _meta(texts: list[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts]
    for text, (_, equals, _) in zip(texts, pairs, strict=True):
        if not equals:
            raise Invalid("--meta", "value", f'must be KEY=VALUE, not "{text[:40]}"')
    return {key: value for key, _, value in pairs}


def _rationale(options: argparse.Namespace) -> str:
    if options.rationale_file is None:
        return str(options.rationale)
    try:
        return content(Path(options.rationale_file), records.MAX_ENTRY_BYTES).decode()
    except Invalid as error:
        raise Unreadable(f"{options.rationale_file}: {error}") from None
    except UnicodeDecodeError as error:
        raise Unreadable(f"{options.rationale_file}: is not UTF-8 at byte {error.start}") from None
