"""What notes and unfinished runs cause."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from enhancelog import links
from enhancelog.alerts.log_events import Range
from enhancelog.alerts.messages import Rule, about, short, waiting
from enhancelog.alerts.watched import has_unfinished
from enhancelog.domain import strict_json
from enhancelog.domain.alert_events import MentionedBy, RunUnfinished
from enhancelog.models import AuditRecord, Delivery, Note, UnfinishedRunChange
from enhancelog.projections import source_names

_OF_NOTES: Final = ("note.add", "note.edit")


def mentions(rules: Sequence[Rule], span: Range) -> list[Delivery]:
    """Notes that mention the rule's owner."""
    rows = AuditRecord.objects.filter(position__gt=span.after, position__lte=span.up_to).order_by("position")
    found = [(row, strict_json.parse(row.detail)) for row in rows if row.act in _OF_NOTES] if rules else []
    notes = {str(note.pk): note for note in Note.objects.filter(pk__in=_note_ids(found))} if found else {}
    return [
        waiting(
            rule.alert, _mention(rule, row, notes.get(_note_id(said))), row.recorded_ms, span.now_ms, "audit", row.pk
        )
        for rule in rules
        for row, said in found
        if row.position > rule.alert.audit_position and _mentions(said, rule.alert.owner.get_username())
    ]


def unfinished_runs(rules: Sequence[Rule], span: Range) -> list[Delivery]:
    """Runs that died before they were logged."""
    if not rules:
        return []
    rows = UnfinishedRunChange.objects.filter(pk__gt=span.after, pk__lte=span.up_to, status="died")
    return [
        waiting(rule.alert, _unfinished(rule, change), change.changed_ms, span.now_ms, "run", change.pk)
        for change in rows.select_related("run").order_by("pk")
        for rule in rules
        if change.pk > rule.alert.run_position
        and has_unfinished(rule.watched.runs, change.run.blueprint_id, change.run.source)
    ]


def _mentions(said: Mapping[str, Any], username: str) -> bool:
    named = said.get("mentions")
    return isinstance(named, list) and username in named


def _note_id(said: Mapping[str, Any]) -> str:
    return str(said.get("note", ""))


def _note_ids(found: Sequence[tuple[AuditRecord, Mapping[str, Any]]]) -> list[str]:
    return sorted({_note_id(said) for _, said in found})


def _mention(rule: Rule, row: AuditRecord, note: Note | None) -> MentionedBy:
    return MentionedBy(
        alert=about(rule.alert),
        url=links.absolute(links.NOTED[row.about](row.about_id)),
        by=row.actor_name,
        about=row.about,
        about_id=row.about_id,
        text=short(note.text) if note else "",
    )


def _unfinished(rule: Rule, change: UnfinishedRunChange) -> RunUnfinished:
    run = change.run
    return RunUnfinished(
        alert=about(rule.alert),
        url=links.absolute(links.unfinished_run(run.issue_id)),
        issue_id=run.issue_id,
        blueprint_id=run.blueprint_id,
        source=source_names.current().shown(run.source),
        intent=short(run.intent),
        cause=change.cause,
        reason=short(change.reason),
    )
