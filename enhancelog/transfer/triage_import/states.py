"""The history of states, and which of them hold."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final

from enhancelog.domain.triage_files import TriageState
from enhancelog.models import ChangedTemplate, StateChange, TemplateState
from enhancelog.store.database import last_position
from enhancelog.transfer.triage_import.tally import AT_ONCE, Tally, chunks

_VALUES: Final = ("axis", "state", "cause", "assignee", "note", "most_a_day", "actor_kind", "actor_name", "made_ms")

# What tells a change from others; ids differ from database to database.
Identity = tuple[Any, ...]


def bring_in(states: Sequence[TriageState]) -> Tally:
    """A template that has a newer state here keeps it."""
    tally = Tally("states")
    there = _there(states)
    last = last_position()
    keys: list[int] = []  # by the numbers in the file
    made_for: list[ChangedTemplate] = []
    for each in states:
        if same := there[_identity(each, each.templates)]:
            keys.append(same.pop())
            tally.unchanged()
            continue
        keys.append(_make(each, keys, last))
        made_for += [ChangedTemplate(template=key, change_id=keys[-1]) for key in each.templates]
        tally.made()
    ChangedTemplate.objects.bulk_create(made_for, AT_ONCE)
    _hold(zip(keys, states, strict=True))
    return tally


def _there(states: Iterable[TriageState]) -> defaultdict[Identity, list[int]]:
    """Ids of the changes that are here, the oldest last."""
    templates: defaultdict[int, list[str]] = defaultdict(list)
    for part in chunks(sorted({key for each in states for key in each.templates})):
        for change, template in ChangedTemplate.objects.filter(template__in=part).values_list("change", "template"):
            templates[change].append(template)
    found: defaultdict[Identity, list[int]] = defaultdict(list)
    for some in chunks(sorted(templates, reverse=True)):
        for row in StateChange.objects.filter(pk__in=some).order_by("-pk"):
            found[_identity(row, templates[row.pk])].append(row.pk)
    return found


def _identity(change: TriageState | StateChange, templates: Iterable[str]) -> Identity:
    return (*(getattr(change, name) for name in _VALUES), *sorted(templates))


def _make(each: TriageState, keys: Sequence[int], last: int) -> int:
    # One by one: the next may refer to its id. Beyond this log's last position, denials would not be seen for long.
    row = StateChange.objects.create(
        **{name: getattr(each, name) for name in _VALUES},
        seen=min(each.seen, last),
        undoes_id=keys[each.undoes - 1] if each.undoes else None,
        restores_id=keys[each.restores - 1] if each.restores else None,
    )
    return int(row.pk)


def _hold(states: Iterable[tuple[int, TriageState]]) -> None:
    wanted = {template: (key, each.made_ms) for key, each in states for template in each.holds_for}
    for part in chunks(sorted(wanted)):
        rows = TemplateState.objects.filter(pk__in=part).values_list("pk", "change__made_ms")
        newest = dict(rows)
        older = [template for template in part if newest.get(template, -(2**63)) < wanted[template][1]]
        TemplateState.objects.bulk_create(
            [TemplateState(template=template, change_id=wanted[template][0]) for template in older],
            update_conflicts=True,
            unique_fields=["template"],
            update_fields=["change"],
        )
