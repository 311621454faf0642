"""States of patterns outlive the rules that made their templates. Callers hold the append lock."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from django.db.models import Exists, F, OuterRef

from enhancelog import patterns
from enhancelog.models import DenialPattern, Template, TemplateState
from enhancelog.projections.patterns.details import other_key
from enhancelog.store import pattern_states

_AT_ONCE: Final = 500


class Old(NamedTuple):
    key: str
    axis: str
    first_position: int
    other: bool


def of_other_rules() -> list[Old]:
    """Oldest first. Templates of a pattern with a state have it, too."""
    rows = Template.objects.exclude(rules=patterns.RULES_VERSION)
    has_state = Exists(TemplateState.objects.filter(pk=OuterRef("key")))
    leads_with_state = Exists(TemplateState.objects.filter(pk=OuterRef("pattern__key")))
    bare = rows.filter(leads_with_state, ~has_state, pattern__rules=F("rules"))
    pattern_states.inherit(list(bare.values_list("pattern__key", "key")))
    with_state = rows.filter(has_state).order_by("first_position", "pk")
    return [Old(*row) for row in with_state.values_list(*Old._fields)]


def carry(states: Sequence[Old]) -> None:
    """To the templates that the denials have now."""
    # To each, the oldest of several; one that differs stays, as a conflict.
    new: dict[str, str] = {}
    for start in range(0, len(states), _AT_ONCE):
        part = states[start : start + _AT_ONCE]
        present = _present(part)
        for old in part:
            if key := other_key(old.axis) if old.other else present.get((old.axis, old.first_position)):
                new[old.key] = key
    first: dict[str, str] = {}
    for old_key, key in new.items():
        first.setdefault(key, old_key)
    pattern_states.inherit([(old, key) for key, old in first.items()])
    _forget(new)


def _present(part: Sequence[Old]) -> dict[tuple[str, int], str]:
    # What was distinguished and is not any more must not decide about all others.
    rows = DenialPattern.objects.filter(
        entry__in=[old.first_position for old in part],
        template__rules=patterns.RULES_VERSION,
        template__other=False,
    )
    found = rows.values_list("template__axis", "entry_id", "template__key")
    return {(axis, position): key for axis, position, key in found}


def _forget(new: dict[str, str]) -> None:
    olds = list(new)
    for start in range(0, len(olds), _AT_ONCE):
        part = olds[start : start + _AT_ONCE]
        holding = dict(
            TemplateState.objects.filter(pk__in=[*part, *(new[old] for old in part)]).values_list("pk", "change_id")
        )
        same = [old for old in part if holding.get(old) == holding.get(new[old])]
        TemplateState.objects.filter(pk__in=same).delete()
