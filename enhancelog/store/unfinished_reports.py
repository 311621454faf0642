"""Keeps the unfinished runs that agents report."""

from collections.abc import Callable, Sequence
from typing import Any

from django.db import connection
from django.db.models import Exists, F, OuterRef, QuerySet
from msgspec import UNSET

from enhancelog.backends import dialect, faults
from enhancelog.domain.errors import Conflict
from enhancelog.domain.intents import thread_key
from enhancelog.domain.origin import Origin
from enhancelog.domain.source_names import Names
from enhancelog.domain.times import now_ms
from enhancelog.domain.unfinished_reports import UnfinishedReport
from enhancelog.models import Entry, HostJoin, UnfinishedRun
from enhancelog.projections import source_names
from enhancelog.projections.unfinished_runs import State, count_death, record_change
from enhancelog.store.observed import begin_joining


def keep_report(report: UnfinishedReport, origin: Origin, check_blueprint: Callable[[str], None]) -> bool:
    """Whether it is the first of its run. ``check_blueprint`` raises if the origin may not write to a Blueprint; the
    report may move the run from another one. Raises ``Conflict`` if the run has an entry, or ``Other``.
    """
    check_blueprint(report.blueprint_id)
    reported_by = f"{origin.actor_kind} {origin.actor_name}"
    with faults(), dialect().appending() as cursor:
        if Entry.objects.filter(issue_id=report.issue_id).exists():
            raise Conflict(report.issue_id)
        row = UnfinishedRun.objects.filter(issue_id=report.issue_id).exclude(reported_by="").first()
        is_new = row is None
        if row is None:
            row = UnfinishedRun(issue_id=report.issue_id, recorded_ms=now_ms())
        else:
            check_blueprint(row.blueprint_id)
        before = None if is_new else _state(row)
        values = _values(report, source_names.derived(cursor).names) | {"reported_by": reported_by}
        changed = {name: value for name, value in values.items() if is_new or getattr(row, name) != value}
        if changed:
            for name, value in changed.items():
                setattr(row, name, value)
            row.save()
            if _state(row) != before:
                if row.status == "died":
                    count_death(cursor, row.pk, row.source)
                record_change(row.pk, _state(row), reported_by, now_ms())
            begin_joining(cursor)
            _count_change()
    return is_new


def resolve(issue_ids: Sequence[str] | None) -> None:
    """Reported runs whose entry came, of these ids or (``None``) of all. Under the append lock."""
    waiting = UnfinishedRun.objects.exclude(reported_by="").exclude(status="resolved")
    if issue_ids is None:
        waiting = waiting.filter(issue_id__in=Entry.objects.values("issue_id"))
    else:
        waiting = waiting.filter(issue_id__in=issue_ids)
    for row in waiting:
        row.status = "resolved"
        row.save(update_fields=["status"])
        record_change(row.pk, _state(row), "", now_ms())


def rebuild() -> None:
    """What is derived of reported runs. Under the append lock."""
    resolve(None)
    with connection.cursor() as cursor:
        names = source_names.derived(cursor).names
    _set_keys(UnfinishedRun.objects.all(), names)


def rename(source: str, shown_as: str) -> None:
    """The intents of reported runs of this source, which is shown as ``shown_as`` now. Under the append lock."""
    _set_keys(UnfinishedRun.objects.filter(source=source), Names({source: shown_as}))


# Not of runs whose entry came: they are not shown, and their texts may have been redacted.
def _set_keys(rows: QuerySet[UnfinishedRun], names: Names) -> None:
    has_entry = Exists(Entry.objects.filter(issue_id=OuterRef("issue_id")))
    for row in rows.exclude(reported_by="").exclude(has_entry).iterator():
        key = thread_key(row.blueprint_id, names.shown(row.source), row.intent)
        if row.intent_key != key:
            row.intent_key = key
            row.save(update_fields=["intent_key"])
            _count_change()


def _values(report: UnfinishedReport, names: Names) -> dict[str, Any]:
    return {
        "source": report.source,
        "blueprint_id": report.blueprint_id,
        "intent": report.intent,
        "reason": report.reason,
        "cause": report.cause,
        "status": report.status,
        "ts_ms": report.ts_ms,
        "not_before_ms": report.not_before_ms,
        "not_after_ms": report.not_after_ms,
        "intent_key": thread_key(report.blueprint_id, names.shown(report.source), report.intent),
        "ops": None if report.ops is UNSET else bytes(report.ops).decode(),
        "candidate_hash": None if report.candidate_hash is UNSET else report.candidate_hash,
    }


def _state(row: UnfinishedRun) -> State:
    return State(row.status, row.reason, row.cause)


# Pages of other runs show reported ones too, so ``queries.version`` must change with each of them.
def _count_change() -> None:
    HostJoin.objects.update(reports=F("reports") + 1)
