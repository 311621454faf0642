"""Manual splits and merges of deny patterns, never deleted, only undone. Callers check permissions."""

from collections.abc import Collection
from typing import Final, Literal, NamedTuple

from django.db.backends.utils import CursorWrapper

from enhancelog import patterns
from enhancelog.backends import dialect, faults
from enhancelog.domain import records
from enhancelog.domain.errors import Invalid, NotFound
from enhancelog.domain.origin import Origin
from enhancelog.domain.times import now_ms
from enhancelog.models import PatternChange, Template
from enhancelog.projections.patterns import axes, rules
from enhancelog.store import audit, pattern_groups, pattern_states

# In force per axis.
MOST_CHANGES: Final = 500


class _Template(NamedTuple):
    key: str
    axis: str
    text: str
    other: bool
    first_position: int


class StatesDiffer(Invalid):
    """Both patterns have a state; the caller must say which one to keep."""


def split(pattern_id: str, template_ids: Collection[str], origin: Origin) -> str:
    """Both parts have the pattern's state. Returns the new pattern's id. Raises ``NotFound`` or ``Invalid``
    (template)."""
    with faults(), dialect().appending() as cursor:
        members = _members(cursor, pattern_id)
        chosen = [member for member in members if member.key in template_ids]
        if not chosen or len(chosen) < len(set(template_ids)):
            raise Invalid("template", "choice", "must be templates of this pattern; it may have changed meanwhile")
        if len(chosen) == len(members):
            raise Invalid("template", "choice", "must leave the pattern at least one template")
        pattern_states.spread(members[0].key, [member.key for member in members])
        made = _change(cursor, "split", chosen, origin)
        audit.record("pattern.split", origin, "pattern", members[0].key, change=made.pk, new=chosen[0].key)
    pattern_groups.settle(chosen[0].axis)
    return chosen[0].key


def merge(pattern_id: str, other_id: str, origin: Origin, keep: str | None = None) -> str:
    """Returns the pattern's id. ``keep``: the id of the one whose state both get. Raises ``NotFound``, ``Invalid``
    (pattern, keep), or ``StatesDiffer`` without ``keep``."""
    with faults(), dialect().appending() as cursor:
        one, other = _members(cursor, pattern_id), _members(cursor, other_id)
        if one[0].axis != other[0].axis:
            raise Invalid("pattern", "axis", f"must be a pattern of the axis {one[0].axis}")
        if one[0].key == other[0].key:
            raise Invalid("pattern", "same", "is the same pattern")
        if one[0].other or other[0].other:
            raise Invalid("pattern", "other", "must have templates of its own")
        made = _change(cursor, "merge", [one[0], other[0]], origin)
        made.kept_id = _keep(one, other, keep, origin)
        made.save(update_fields=["kept"])
        audit.record("pattern.merge", origin, "pattern", one[0].key, change=made.pk, other=other[0].key)
    pattern_groups.settle(one[0].axis)
    return leader_key(one[0].key)


def undo(change_id: int, origin: Origin) -> PatternChange:
    """The patterns of a merge get their states of before, unless somebody changed that of the merged one. Idempotent.
    Raises ``NotFound``, or ``Invalid`` during a rebuild."""
    with faults(), dialect().appending() as cursor:
        _refuse_during_rebuild(cursor)
        change = PatternChange.objects.filter(pk=change_id).first()
        if change is None:
            raise NotFound(str(change_id))
        if change.undone_ms is None:
            about = _undo_states(change, origin)
            change.undone_ms, change.undone_by = now_ms(), origin.actor_name
            change.save(update_fields=["undone_ms", "undone_by"])
            axes.change(cursor, change.axis)
            audit.record("pattern.undo", origin, "pattern", about, change=change.pk, kind=change.kind)
    pattern_groups.settle(change.axis)
    return change


def _keep(one: list[_Template], other: list[_Template], keep: str | None, origin: Origin) -> int | None:
    oldest_first = sorted([one, other], key=lambda members: members[0].first_position)
    keys = [member.key for members in oldest_first for member in members]
    known = {member.key: members[0].key for members in oldest_first for member in members}
    if keep is not None and keep not in known:
        raise Invalid("keep", "choice", "must be the id of one of the two patterns")
    if not pattern_states.differ(one[0].key, other[0].key):
        pattern_states.spread(keys[0], keys)
        return None
    if keep is None:
        raise StatesDiffer("keep", "missing", "must be the id of the one whose state both get: their states differ")
    return pattern_states.keep(known[keep], keys, origin)


def _undo_states(change: PatternChange, origin: Origin) -> str:
    texts = records.decode_texts(change.templates)
    rows = Template.objects.filter(axis=change.axis, text__in=texts, rules=patterns.RULES_VERSION)
    leaders = dict(rows.values_list("pattern_id", "pattern__key"))
    for pk, key in leaders.items():
        pattern_states.spread(key, list(Template.objects.filter(pattern=pk).values_list("key", flat=True)))
    if change.kept_id is not None:
        pattern_states.give_back(change.kept_id, origin)
    return min(leaders.items())[1] if leaders else change.axis


def leader_key(template_id: str) -> str:
    with faults():
        return str(Template.objects.values_list("pattern__key", flat=True).get(key=template_id))


def _change(
    cursor: CursorWrapper, kind: Literal["split", "merge"], chosen: list[_Template], origin: Origin
) -> PatternChange:
    axis = chosen[0].axis
    if PatternChange.objects.filter(axis=axis, undone_ms=None).count() >= MOST_CHANGES:
        raise Invalid("axis", "count", f"has {MOST_CHANGES} changes in force; undo some first")
    templates = records.encode_part([template.text for template in chosen])
    axes.change(cursor, axis)
    return PatternChange.objects.create(
        axis=axis, kind=kind, templates=templates, made_by=origin.actor_name, made_ms=now_ms()
    )


def _members(cursor: CursorWrapper, pattern_id: str) -> list[_Template]:
    _refuse_during_rebuild(cursor)
    known = Template.objects.filter(pattern__templates__key=pattern_id, rules=patterns.RULES_VERSION)
    columns = known.order_by("first_position").values_list("key", "axis", "text", "other", "first_position")
    found = [_Template(*row) for row in columns]
    if not found:
        raise NotFound(pattern_id)
    return found


def _refuse_during_rebuild(cursor: CursorWrapper) -> None:
    if not rules.is_complete(cursor):
        raise Invalid("pattern", "rebuilding", "cannot be changed while the patterns are rebuilt; try again later")
