"""The next attempt at a run's intent, as SQL."""

from collections.abc import Sequence
from typing import Any, Final

from django.db.models import Q, TextField
from django.db.models.expressions import RawSQL
from django.db.models.lookups import In

from enhancelog.domain import records
from enhancelog.domain.filters import EntryFilter
from enhancelog.domain.intents import APART_MS
from enhancelog.models import Attempt, Denial, DenialPattern, Entry, Template
from enhancelog.projections.next_attempts import LAST, neighbor
from enhancelog.queries.pattern_ids import is_pattern_id, leaders
from enhancelog.queries.prepared import Statement, written

_ATTEMPT: Final = Attempt._meta.db_table
_DENIAL: Final = Denial._meta.db_table
_PATTERN: Final = DenialPattern._meta.db_table
_TEMPLATE: Final = Template._meta.db_table


def is_any_of(values: Sequence[str], wanted: EntryFilter, up_to: int | None) -> Q:
    outcome = _outcome(f"{Entry._meta.db_table}.position", _same(wanted), up_to)
    return Q(In(RawSQL(outcome.sql, outcome.values, output_field=TextField()), values))


def of_joined_denial() -> RawSQL:
    """For rows of entries joined to ``Denial``: what came next for its axis."""
    same = f"SELECT 1 FROM {_DENIAL} again WHERE again.position = later.position AND again.axis = {_DENIAL}.axis"
    outcome = _outcome(f"{_DENIAL}.position", Statement(same), None)
    return RawSQL(outcome.sql, outcome.values, output_field=TextField())


def _outcome(position: str, same: Statement, up_to: int | None) -> Statement:
    # Nothing follows applied runs and runs without a thread.
    sql = f"""COALESCE((
        SELECT CASE WHEN later.applied THEN 'applied' WHEN EXISTS ({same.sql}) THEN 'same' ELSE 'other' END
        FROM {_ATTEMPT} mine JOIN {_ATTEMPT} later
            ON later.position = {neighbor("mine", ">", "AND a.position <= %s")}
        WHERE mine.position = {position} AND NOT (mine.applied OR mine.crowded)
            AND later.ts_ms <= mine.ts_ms + {APART_MS}), 'none')"""
    return Statement(sql, (*same.values, LAST if up_to is None else up_to))


def _same(wanted: EntryFilter) -> Statement:
    """By the pattern or else the axis of the filter, or without one, by any axis that denied the run."""
    patterns = [*filter(is_pattern_id, wanted.include.get("pattern", ()))]
    if patterns:
        ids = written(leaders(patterns))
        return Statement(
            f"""SELECT 1 FROM {_PATTERN} again JOIN {_TEMPLATE} template ON template.id = again.template_id
            WHERE again.position = later.position AND template.pattern_id IN ({ids.sql})""",
            ids.values,
        )
    axes: list[Any] = records.only_ids(wanted.include.get("axis", ()))
    if axes:
        places = ", ".join(["%s"] * len(axes))
        sql = f"SELECT 1 FROM {_DENIAL} again WHERE again.position = later.position AND again.axis IN ({places})"
        return Statement(sql, tuple(axes))
    return Statement(f"""
        SELECT 1 FROM {_DENIAL} again JOIN {_DENIAL} first ON first.axis = again.axis
        WHERE again.position = later.position AND first.position = mine.position""")
