"""Rows of changes of patterns' states, and of what holds. Callers hold the append lock."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from django.db import connection

from enhancelog.domain.origin import Origin
from enhancelog.domain.times import now_ms
from enhancelog.models import ChangedTemplate, StateChange, Template, TemplateState
from enhancelog.store import audit, writing

AT_ONCE: Final = 500  # rows of a statement


class Values(NamedTuple):
    state: str = "new"
    cause: str | None = None
    assignee: str | None = None
    note: str = ""
    most_a_day: int | None = None


class New(NamedTuple):
    """A change to be made for templates, the leading one first."""

    keys: Sequence[str]
    values: Values
    undoes: StateChange | None = None
    restores: StateChange | None = None


def holding(template_key: str) -> StateChange | None:
    return holding_of_each([template_key]).get(template_key)


def holding_of_each(template_keys: Sequence[str]) -> dict[str, StateChange]:
    rows = TemplateState.objects.filter(pk__in=template_keys).select_related("change")
    return {row.template: row.change for row in rows}


def values_of(change: StateChange | None) -> Values:
    if change is None:
        return Values()
    return Values(change.state, change.cause, change.assignee, change.note, change.most_a_day)


def write(
    keys: Sequence[str],
    values: Values,
    origin: Origin,
    undoes: StateChange | None = None,
    restores: StateChange | None = None,
) -> int:
    return write_each([New(keys, values, undoes, restores)], origin)[0]


def write_each(changes: Sequence[New], origin: Origin) -> list[int]:
    leaders = [each.keys[0] for each in changes]
    axes = dict(Template.objects.filter(key__in=leaders).values_list("key", "axis"))
    with connection.cursor() as cursor:
        seen = writing.last_position(cursor)
    now = now_ms()
    made = [
        StateChange.objects.create(  # one by one, because on SQLite their ids would not be known otherwise
            axis=axes[each.keys[0]],
            **each.values._asdict(),
            undoes=each.undoes,
            restores=each.restores,
            actor_kind=origin.actor_kind,
            actor_name=origin.actor_name,
            made_ms=now,
            seen=seen,
        )
        for each in changes
    ]
    pairs = [(key, change) for each, change in zip(changes, made, strict=True) for key in each.keys]
    ChangedTemplate.objects.bulk_create(
        [ChangedTemplate(template=key, change=change) for key, change in pairs], AT_ONCE
    )
    _point(pairs)
    details = [_audited(each, change) for each, change in zip(changes, made, strict=True)]
    audit.record_each("pattern.state", origin, "pattern", list(zip(leaders, details, strict=True)))
    return [change.pk for change in made]


def _audited(new: New, made: StateChange) -> dict[str, Any]:
    said = {name: value for name, value in new.values._asdict().items() if value not in (None, "")}
    undone = {} if new.undoes is None else {"undoes": new.undoes.pk}
    return {"axis": made.axis, "change": made.pk, **said, **undone}


def _point(pairs: Sequence[tuple[str, StateChange]]) -> None:
    TemplateState.objects.bulk_create(
        [TemplateState(template=key, change=change) for key, change in pairs],
        AT_ONCE,
        update_conflicts=True,
        unique_fields=["template"],
        update_fields=["change"],
    )
