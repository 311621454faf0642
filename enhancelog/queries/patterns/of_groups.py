"""The deny patterns of groups of denials, and what their teams decided."""

from collections.abc import Mapping, Sequence
from typing import Final

from enhancelog.domain.pattern_states import PatternState
from enhancelog.domain.why import DeniedGroup, GroupPattern
from enhancelog.models import Template
from enhancelog.patterns import pattern_id
from enhancelog.queries.pattern_ids import SERVED
from enhancelog.queries.pattern_states import states_of

MOST: Final = 3


def add_patterns(groups: Sequence[tuple[DeniedGroup, Sequence[str]]]) -> None:
    """``groups``: each with its templates."""
    keys = [[pattern_id(group.axis, template) for template in templates] for group, templates in groups]
    wanted = [key for its_keys in keys for key in its_keys]
    rows = Template.objects.filter(key__in=wanted, rules=SERVED).values_list("key", "pattern_id", "pattern__key")
    patterns = {key: (pk, leader) for key, pk, leader in rows}
    states = states_of({pk for pk, _ in patterns.values()})
    for (group, _), its_keys in zip(groups, keys, strict=True):
        leaders = dict(patterns[key] for key in its_keys if key in patterns)
        group.patterns = _decided_first(leaders, states)


def _decided_first(leaders: Mapping[int, str], states: Mapping[int, PatternState]) -> list[GroupPattern]:
    found = sorted(leaders, key=lambda pk: (states[pk].state == "new", pk))[:MOST]
    return [_shown(leaders[pk], states[pk]) for pk in found]


def _shown(key: str, state: PatternState) -> GroupPattern:
    return GroupPattern(
        id=key,
        state=state.state,
        cause=state.cause,
        assignee=state.assignee,
        note=state.note,
        returned=state.returned_ms is not None,
        conflict=state.conflict,
    )
