"""The last position that a reading sees."""

from typing import Final, NamedTuple

from enhancelog import patterns
from enhancelog.domain.filters import EntryFilter
from enhancelog.domain.origin import Origin
from enhancelog.models import Entry, PatternAxis, PatternRules, Template
from enhancelog.queries.prepared import Statement, run
from enhancelog.store.database import last_position

# With it, no entry appears later among those that a reader has passed. It is the log's last position; for patterns, the
# position before the first template that is not grouped yet.
_GROUPED: Final = f"""
    SELECT (SELECT MAX(position) FROM {Entry._meta.db_table}),
        (SELECT pending - 1 FROM {PatternAxis._meta.db_table}
         WHERE rules = %s AND pending IS NOT NULL AND rules = (SELECT served FROM {PatternRules._meta.db_table})
         ORDER BY pending LIMIT 1)"""

_NEWEST: Final = 1_000
_BROUGHT: Final = f"""
    SELECT COALESCE(MAX(entry.position), 0) FROM {Entry._meta.db_table} entry JOIN (
        SELECT template.first_position FROM {PatternAxis._meta.db_table} axis JOIN {Template._meta.db_table} template
        ON template.rules = axis.rules AND template.axis = axis.axis AND template.first_position >= axis.pending
        WHERE axis.rules = %s AND axis.pending IS NOT NULL
        ORDER BY template.first_position DESC LIMIT {_NEWEST}) newest ON newest.first_position = entry.position
    WHERE entry.actor_kind = %s AND entry.actor_name = %s"""


class Grouped(NamedTuple):
    last: int
    up_to: int


def horizon(wanted: EntryFilter) -> int:
    return grouped().up_to if asks_for_patterns(wanted) else last_position()


def grouped() -> Grouped:
    ((last, up_to),) = run(Statement(_GROUPED, (patterns.RULES_VERSION,)))
    last = last or 0
    return Grouped(last, last if up_to is None else min(last, up_to))


def asks_for_patterns(wanted: EntryFilter) -> bool:
    return not {"pattern", "is"}.isdisjoint((*wanted.include, *wanted.exclude))


def brought_by(origin: Origin) -> int:
    """The last position at which this actor added an ungrouped template; 0: none."""
    ((position,),) = run(Statement(_BROUGHT, (patterns.RULES_VERSION, origin.actor_kind, origin.actor_name)))
    return int(position)
