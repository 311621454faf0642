"""Rows of which one range of an index leads to a filter's entries, in the order of a list."""

from collections.abc import Mapping
from typing import Any, NamedTuple, cast

from django.db.models import F, Q, QuerySet

from enhancelog.domain import records
from enhancelog.domain.filters import EntryFilter
from enhancelog.models import Entry
from enhancelog.queries import meta_values, touched_places
from enhancelog.queries.pattern_ids import denied_by, is_pattern_id
from enhancelog.queries.themes import of_filter as themes


class LeadingRows(NamedTuple):
    """``name``: of the entry's relation to them. ``rest``: what the filter asks for beyond ``condition``."""

    name: str
    condition: Q
    rest: Mapping[str, tuple[str, ...]]

    def entries(self) -> QuerySet[Any]:
        entries = Entry.objects.filter(_of_relation(self.name, self.condition))
        return _with_keys(entries, f"{self.name}__ts_ms", f"{self.name}__entry_id")

    def keys(self) -> QuerySet[Any]:
        """The index alone, because reading each entry, too, takes several times as long."""
        rows: Any = Entry._meta.get_field(self.name).related_model
        return _with_keys(rows.objects.filter(self.condition), "ts_ms", "entry_id")


def leading_rows(wanted: EntryFilter) -> LeadingRows | None:
    """``None``: the entries lead themselves."""
    # A pattern, else the first denied axis or that of a theme, else a place leads, because a rare one is a short index
    # range; else a value of meta, unless a Blueprint is named.
    rest = dict(wanted.include)
    pattern = wanted.one("pattern")
    axis = leading_axis(wanted)
    if pattern is not None and is_pattern_id(pattern):
        del rest["pattern"]
        return _with_copies("patterns", denied_by(pattern), rest)
    if axis is not None and records.is_id(axis):
        others = tuple(other for other in rest.pop("axis", ()) if other != axis)
        return _with_copies("denials", Q(axis=axis), {**rest, "axis": others} if others else rest)
    if place := touched_places.leading(wanted):
        del rest["touches"]
        return _with_copies("touches", touched_places.range_of(place, wanted.seen), rest)
    if name := meta_values.leading(wanted):
        key, (value,) = meta_values.asked(name, rest.pop(name))
        return LeadingRows("meta_values", Q(key=key, value=value), rest)
    return None


# The denied axis whose entries are one range of an index.
def leading_axis(wanted: EntryFilter) -> str | None:
    axes = wanted.include.get("axis", ())
    return axes[0] if axes else themes.leading_axis(wanted)


def _with_copies(name: str, condition: Q, rest: dict[str, tuple[str, ...]]) -> LeadingRows:
    # The rows have the Blueprint, too, and whether the run was rejected. Asked for twice, SQLite may begin with the
    # Blueprint's entries.
    if blueprint_ids := rest.pop("blueprint_id", ()):
        condition &= Q(blueprint_id__in=records.only_ids(blueprint_ids, may_be_empty=True))
    if rest.get("status") == ("rejected",):
        condition &= Q(rejected=True)
        del rest["status"]
    return LeadingRows(name, condition, rest)


def _with_keys(rows: QuerySet[Any], ts_ms: str, position: str) -> QuerySet[Any]:
    keyed: QuerySet[Any] = rows.annotate(key_ts_ms=F(ts_ms), key_position=F(position))
    return keyed


def _of_relation(name: str, condition: Q) -> Q:
    parts = [
        _of_relation(name, part) if isinstance(part, Q) else (f"{name}__{part[0]}", part[1])
        for part in cast("list[Q | tuple[str, object]]", condition.children)
    ]
    return Q(*parts, _connector=condition.connector, _negated=condition.negated)
