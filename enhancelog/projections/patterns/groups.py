"""Which templates of an axis are one pattern: what the rules join, then what people split and merged by hand.

The answer depends on the set of templates, the order of their first positions and the changes in force, on nothing
else. The pattern is led by the template of the lowest position.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple, cast

from django.db.backends.utils import CursorWrapper

from enhancelog import patterns, records
from enhancelog.models import DenialPattern, PatternChange, Template

TEMPLATE = Template._meta.db_table
DENIAL = DenialPattern._meta.db_table
CHANGE = PatternChange._meta.db_table

_IDS_IN_ONE_STATEMENT = 500


class Change(NamedTuple):
    """A split or merge that is in force."""

    kind: Literal["split", "merge"]
    templates: tuple[str, ...]


class Place(NamedTuple):
    """Where a template belongs: the pattern's ``leader``, and the ``wording`` that it shares with what was joined."""

    leader: str
    wording: str


def arrange(templates: Sequence[str], changes: Iterable[Change]) -> dict[str, Place]:
    """The place of every template of one axis; ``templates`` in the order of their first positions."""
    members: dict[str, set[str]] = {}
    wordings: dict[str, str] = {}
    for group in patterns.join(templates):
        together = set(group.members)
        members |= dict.fromkeys(group.members, together)
        wordings |= dict.fromkeys(group.members, group.template)
    for change in changes:
        chosen = [template for template in change.templates if template in members]
        if change.kind == "split":
            _split(members, wordings, chosen)
        else:
            _merge(members, chosen)
    order = {template: number for number, template in enumerate(templates)}
    leaders = {id(together): min(together, key=order.__getitem__) for together in members.values()}
    return {template: Place(leaders[id(members[template])], wordings[template]) for template in templates}


def _split(members: dict[str, set[str]], wordings: dict[str, str], chosen: Sequence[str]) -> None:
    for template in chosen:
        members[template].discard(template)
    together = set(chosen)
    members |= dict.fromkeys(chosen, together)
    for group in patterns.join(chosen):
        wordings |= dict.fromkeys(group.members, group.template)


def _merge(members: dict[str, set[str]], chosen: Sequence[str]) -> None:
    together = {each for template in chosen for each in members[template]}
    members |= dict.fromkeys(together, together)


def changes(cursor: CursorWrapper, axis: str) -> list[Change]:
    """The changes of an axis that are in force, oldest first."""
    cursor.execute(f"SELECT kind, templates FROM {CHANGE} WHERE axis = %s AND undone_ms IS NULL ORDER BY id", [axis])
    rows = cursor.fetchall()
    return [Change(cast(Literal["split", "merge"], kind), records.decode_texts(said)) for kind, said in rows]


def rejoin(cursor: CursorWrapper, axis: str) -> None:
    """Group the axis's templates anew, and move the denials whose pattern is another now."""
    cursor.execute(
        f"SELECT id, text, pattern_id, wording FROM {TEMPLATE}"
        " WHERE rules = %s AND axis = %s AND NOT other ORDER BY first_position",
        [patterns.RULES_VERSION, axis],
    )
    rows = cursor.fetchall()
    ids = {text: template_id for template_id, text, _, _ in rows}
    arranged = arrange([text for _, text, _, _ in rows], changes(cursor, axis))
    moved: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    changed = []
    for template_id, text, pattern_id, wording in rows:
        place = arranged[text]
        leader = ids[place.leader]
        if (leader, place.wording) != (pattern_id, wording):
            changed.append((leader, place.wording, template_id))
        if leader != pattern_id:
            moved[pattern_id, leader].append(template_id)
    cursor.executemany(f"UPDATE {TEMPLATE} SET pattern_id = %s, wording = %s WHERE id = %s", changed)
    _move(cursor, moved)


def _move(cursor: CursorWrapper, moved: Mapping[tuple[int, int], Sequence[int]]) -> None:
    for (pattern_id, leader), template_ids in sorted(moved.items()):
        for start in range(0, len(template_ids), _IDS_IN_ONE_STATEMENT):
            chunk = template_ids[start : start + _IDS_IN_ONE_STATEMENT]
            cursor.execute(
                f"UPDATE {DENIAL} SET pattern_id = %s WHERE pattern_id = %s AND template_id IN ({marks(chunk)})",
                [leader, pattern_id, *chunk],
            )


def marks(values: Sequence[object]) -> str:
    """A placeholder for each value."""
    return ", ".join(["%s"] * len(values))
