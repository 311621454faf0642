"""Which templates of an axis form a pattern: joined by the rules, then split and merged by hand."""

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple, cast

from django.db.backends.utils import CursorWrapper

from enhancelog import patterns
from enhancelog.domain import records
from enhancelog.models import PatternChange
from enhancelog.patterns import Rest, no_rest

# Depends only on the templates, the order of their first positions, and the changes in force.
CHANGE = PatternChange._meta.db_table


class Change(NamedTuple):
    kind: Literal["split", "merge"]
    templates: tuple[str, ...]


class Place(NamedTuple):
    """``wording``: what the joined templates have in common."""

    leader: str
    wording: str


def arrange(templates: Sequence[str], changes: Iterable[Change], rest: Rest = no_rest) -> dict[str, Place]:
    """The place of each template of an axis, given by first position.

    Can take more than a second; calls ``rest`` every few milliseconds.
    """
    members: dict[str, set[str]] = {}
    wordings: dict[str, str] = {}
    for group in patterns.join(templates, rest):
        together = set(group.members)
        members |= dict.fromkeys(group.members, together)
        wordings |= dict.fromkeys(group.members, group.template)
    for change in changes:
        chosen = [template for template in change.templates if template in members]
        if change.kind == "split":
            _split(members, wordings, chosen, rest)
        else:
            _merge(members, chosen)
    order = {template: number for number, template in enumerate(templates)}
    leaders = {id(together): min(together, key=order.__getitem__) for together in members.values()}
    return {template: Place(leaders[id(members[template])], wordings[template]) for template in templates}


def _split(members: dict[str, set[str]], wordings: dict[str, str], chosen: Sequence[str], rest: Rest) -> None:
    for template in chosen:
        members[template].discard(template)
    together = set(chosen)
    members |= dict.fromkeys(chosen, together)
    for group in patterns.join(chosen, rest):
        wordings |= dict.fromkeys(group.members, group.template)


def _merge(members: dict[str, set[str]], chosen: Sequence[str]) -> None:
    together = {each for template in chosen for each in members[template]}
    members |= dict.fromkeys(together, together)


def changes(cursor: CursorWrapper, axis: str) -> list[Change]:
    cursor.execute(f"SELECT kind, templates FROM {CHANGE} WHERE axis = %s AND undone_ms IS NULL ORDER BY id", [axis])
    rows = cursor.fetchall()
    return [Change(cast(Literal["split", "merge"], kind), records.decode_texts(said)) for kind, said in rows]
