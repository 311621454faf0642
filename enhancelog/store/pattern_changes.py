"""Manual splits and merges of deny patterns, never deleted, only undone. Callers check permissions."""

from collections.abc import Collection
from typing import Final, Literal, NamedTuple

from django.db.backends.utils import CursorWrapper

from enhancelog import patterns
from enhancelog.backends import dialect, faults
from enhancelog.domain import records
from enhancelog.domain.errors import Invalid, NotFound
from enhancelog.domain.times import now_ms
from enhancelog.models import PatternChange, Template
from enhancelog.projections.patterns import axes, rules
from enhancelog.store import pattern_groups

# In force per axis.
MOST_CHANGES: Final = 500


class _Template(NamedTuple):
    key: str
    axis: str
    text: str
    other: bool


def split(pattern_id: str, template_ids: Collection[str], by: str) -> str:
    """Returns the new pattern's id. Raises ``NotFound`` or ``Invalid`` (template)."""
    with faults(), dialect().appending() as cursor:
        members = _members(cursor, pattern_id)
        chosen = [member for member in members if member.key in template_ids]
        if not chosen or len(chosen) < len(set(template_ids)):
            raise Invalid("template", "choice", "must be templates of this pattern; it may have changed meanwhile")
        if len(chosen) == len(members):
            raise Invalid("template", "choice", "must leave the pattern at least one template")
        _change(cursor, "split", chosen, by)
    pattern_groups.settle(chosen[0].axis)
    return chosen[0].key


def merge(pattern_id: str, other_id: str, by: str) -> str:
    """Returns the pattern's id. Raises ``NotFound`` or ``Invalid`` (pattern)."""
    with faults(), dialect().appending() as cursor:
        one, other = _members(cursor, pattern_id), _members(cursor, other_id)
        if one[0].axis != other[0].axis:
            raise Invalid("pattern", "axis", f"must be a pattern of the axis {one[0].axis}")
        if one[0].key == other[0].key:
            raise Invalid("pattern", "same", "is the same pattern")
        if one[0].other or other[0].other:
            raise Invalid("pattern", "other", "must have templates of its own")
        _change(cursor, "merge", [one[0], other[0]], by)
    pattern_groups.settle(one[0].axis)
    return leader_key(one[0].key)


def undo(change_id: int, by: str) -> PatternChange:
    """Idempotent. Raises ``NotFound``, or ``Invalid`` during a rebuild."""
    with faults(), dialect().appending() as cursor:
        _refuse_during_rebuild(cursor)
        change = PatternChange.objects.filter(pk=change_id).first()
        if change is None:
            raise NotFound(str(change_id))
        if change.undone_ms is None:
            change.undone_ms, change.undone_by = now_ms(), by
            change.save(update_fields=["undone_ms", "undone_by"])
            axes.change(cursor, change.axis)
    pattern_groups.settle(change.axis)
    return change


def leader_key(template_id: str) -> str:
    with faults():
        return str(Template.objects.values_list("pattern__key", flat=True).get(key=template_id))


def _change(cursor: CursorWrapper, kind: Literal["split", "merge"], chosen: list[_Template], by: str) -> None:
    axis = chosen[0].axis
    if PatternChange.objects.filter(axis=axis, undone_ms=None).count() >= MOST_CHANGES:
        raise Invalid("axis", "count", f"has {MOST_CHANGES} changes in force; undo some first")
    templates = records.encode_part([template.text for template in chosen])
    PatternChange.objects.create(axis=axis, kind=kind, templates=templates, made_by=by, made_ms=now_ms())
    axes.change(cursor, axis)


def _members(cursor: CursorWrapper, pattern_id: str) -> list[_Template]:
    _refuse_during_rebuild(cursor)
    known = Template.objects.filter(pattern__templates__key=pattern_id, rules=patterns.RULES_VERSION)
    columns = known.order_by("first_position").values_list("key", "axis", "text", "other")
    found = [_Template(*row) for row in columns]
    if not found:
        raise NotFound(pattern_id)
    return found


def _refuse_during_rebuild(cursor: CursorWrapper) -> None:
    if not rules.is_complete(cursor):
        raise Invalid("pattern", "rebuilding", "cannot be changed while the patterns are rebuilt; try again later")
