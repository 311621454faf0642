"""What the entries of a list have in common: counts by denied axis, Blueprint and so on, within the filter.

Every count is how many entries of the list have the value. ``axes`` has a third value beside the parameter's two,
``none``: its values, those of ``blueprint_id`` and those of ``source`` add up to the total. Up to ``CAP`` entries all are
exact. Beyond, axes and Blueprints come from the tallies where these can tell; the rest are at least what the newest
``CAP`` entries hold, and say so.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from django.db import connection
from django.db.models import Q

from enhancelog.filters import EntryFilter
from enhancelog.models import Denial, Entry, EntryBadge
from enhancelog.queries.chains import GAP
from enhancelog.queries.counts import CAP, Count, tallied_by
from enhancelog.queries.selection import in_order, select

_DENIAL = Denial._meta.db_table
_ENTRY = Entry._meta.db_table
_BADGE = EntryBadge._meta.db_table

_COUNTS: Final = f"""
    SELECT 'axis', d.axis, COUNT(*) FROM sample s JOIN {_DENIAL} d ON d.position = s.position GROUP BY d.axis
    UNION ALL
    SELECT 'axes', CASE WHEN d.sole THEN 'one' ELSE 'many' END, COUNT(DISTINCT s.position)
        FROM sample s JOIN {_DENIAL} d ON d.position = s.position GROUP BY 2
    UNION ALL SELECT 'blueprint_id', s.blueprint_id, COUNT(*) FROM sample s GROUP BY s.blueprint_id
    UNION ALL SELECT 'source', s.source, COUNT(*) FROM sample s GROUP BY s.source
    UNION ALL
    SELECT 'has', 'badge', COUNT(DISTINCT s.position) FROM sample s JOIN {_BADGE} b ON b.position = s.position
    UNION ALL
    SELECT 'has', 'gap', COUNT(*) FROM sample s JOIN {_ENTRY} ON {_ENTRY}.position = s.position WHERE {GAP}
    UNION ALL SELECT 'has', 'ops', COUNT(*) FROM sample s WHERE s.with_ops"""


class Choice(NamedTuple):
    """One value of a parameter and how many entries of the list have it."""

    value: str
    count: Count


@dataclass(frozen=True)
class Facets:
    """``by``: parameter to its values, most entries first. ``total``: of the list."""

    total: Count
    by: Mapping[str, tuple[Choice, ...]]


def facets(wanted: EntryFilter, up_to: int, total: Count) -> Facets:
    """The facets of the entries up to position ``up_to`` that ``wanted`` describes; ``total`` is their ``count``."""
    beyond_cap = total.capped or total.number > CAP
    counted: dict[str, dict[str, Count]] = {}
    for name, value, number in _sampled(wanted, up_to):
        counted.setdefault(name, {})[value] = Count(number, capped=beyond_cap)
    axes = counted.setdefault("axes", {})
    none = min(total.number, CAP) - sum(count.number for count in axes.values())
    axes["none"] = Count(none, capped=beyond_cap)
    if beyond_cap:
        for name in ("axis", "blueprint_id"):
            counted[name] = tallied_by(name, wanted, up_to) or counted.get(name, {})
    return Facets(total, {name: _ranked(values) for name, values in counted.items()})


def _sampled(wanted: EntryFilter, up_to: int) -> list[tuple[str, str, int]]:
    """Parameter, value and number among the newest ``CAP`` entries, in one statement."""
    columns = ("position", "blueprint_id", "source", "with_ops")
    newest = in_order(select(wanted, up_to).annotate(with_ops=Q(ops__isnull=False)), ascending=False)[:CAP]
    sample, parameters = newest.values(*columns).query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(f"WITH sample ({', '.join(columns)}) AS MATERIALIZED ({sample}) {_COUNTS}", parameters)
        return cursor.fetchall()


def _ranked(values: Mapping[str, Count]) -> tuple[Choice, ...]:
    found = [Choice(value, count) for value, count in values.items() if count.number]
    return tuple(sorted(found, key=lambda choice: (-choice.count.number, choice.value)))
