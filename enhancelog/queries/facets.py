"""Counts by axis, Blueprint and so on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from django.core.exceptions import EmptyResultSet
from django.db import connection

from enhancelog.domain.filters import EntryFilter
from enhancelog.models import BlueprintSummary, Denial, Entry, EntryBadge
from enhancelog.queries.afterwards import afterwards, afterwards_parameters
from enhancelog.queries.chains import gap
from enhancelog.queries.counts import CAP, Count, count, tallied_by
from enhancelog.queries.prepared import Statement, run
from enhancelog.queries.reach import reach
from enhancelog.queries.selection import Entries

_DENIAL = Denial._meta.db_table
_ENTRY = Entry._meta.db_table
_BADGE = EntryBadge._meta.db_table

_BY_SOURCE: Final = f"""
    UNION ALL
    SELECT 'source', source, COUNT(*) FROM {_ENTRY} WHERE position IN (SELECT position FROM sample) GROUP BY source"""
_SOURCES: Final = Statement(
    f"SELECT COUNT(*) FROM (SELECT DISTINCT source FROM {BlueprintSummary._meta.db_table} LIMIT 2) found"
)


def _groups() -> str:
    # IN instead of a join, for which SQLite may read the whole log to build a Bloom filter of its positions.
    return f"""
    SELECT 'blueprint_id', s.blueprint_id, COUNT(*) FROM sample s GROUP BY s.blueprint_id
    UNION ALL
    SELECT 'axis', d.axis, COUNT(*) FROM sample s CROSS JOIN {_DENIAL} d WHERE d.position = s.position GROUP BY d.axis
    UNION ALL
    SELECT 'axes', CASE WHEN d.sole THEN 'one' ELSE 'many' END, COUNT(DISTINCT s.position)
        FROM sample s CROSS JOIN {_DENIAL} d WHERE d.position = s.position GROUP BY 2
    UNION ALL
    SELECT 'has', 'badge', COUNT(DISTINCT s.position) FROM sample s CROSS JOIN {_BADGE} b WHERE b.position = s.position
    UNION ALL
    SELECT 'has', 'gap', COUNT(*) FROM {_ENTRY} WHERE position IN (SELECT position FROM sample) AND {gap()}
    UNION ALL
    SELECT 'afterwards', {afterwards("s.position")}, COUNT(*) FROM sample s GROUP BY 2"""


class Known(NamedTuple):
    """``is_part``: not all positions of the list."""

    positions: Sequence[int]
    is_part: bool


class Choice(NamedTuple):
    value: str
    entries: Count


@dataclass(frozen=True)
class Facets:
    """``by``: parameter to its values, most entries first."""

    total: Count
    by: Mapping[str, tuple[Choice, ...]]


def facets(wanted: EntryFilter, up_to: int, known: Known | None = None) -> Facets:
    """``known``: the positions, if already read."""
    if known is None:
        entries, end = reach(wanted, up_to, ascending=False)
        is_part = end is not None
    else:
        entries, is_part = Entry.objects.filter(position__in=known.positions), known.is_part
    sampled = _sampled(entries, up_to)
    size = sum(sampled.get("blueprint_id", {}).values())
    axes = sampled.setdefault("axes", {})
    axes["none"] = size - sum(axes.values())
    # Beyond CAP, axes and Blueprints come from tallies; the others are minimums, from the newest entries in reach.
    capped = size > CAP or is_part
    counted = {
        name: {value: Count(min(number, CAP), capped) for value, number in values.items()}
        for name, values in sampled.items()
    }
    if capped:
        for name in ("axis", "blueprint_id"):
            counted[name] = tallied_by(name, wanted, up_to) or counted.get(name, {})
    total = count(wanted, up_to) if size > CAP else Count(size, capped)
    return Facets(total, {name: _ranked(values) for name, values in counted.items()})


def _sampled(entries: Entries, up_to: int) -> dict[str, dict[str, int]]:
    try:
        sample, parameters = entries[: CAP + 1].values("position", "blueprint_id").query.sql_with_params()
    except EmptyResultSet:  # the filter can match nothing
        return {}
    groups = _groups() + (_BY_SOURCE if _sources() > 1 else "")
    statement = f"WITH sample (position, blueprint_id) AS MATERIALIZED ({sample}) {groups}"
    found: dict[str, dict[str, int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(statement, [*parameters, *afterwards_parameters(up_to)])
        for name, value, number in cursor.fetchall():
            found.setdefault(name, {})[value] = number
    return found


def _sources() -> int:
    return int(run(_SOURCES)[0][0])


def _ranked(values: Mapping[str, Count]) -> tuple[Choice, ...]:
    found = [Choice(value, number) for value, number in values.items() if number.number]
    return tuple(sorted(found, key=lambda choice: (-choice.entries.number, choice.value)))
