"""The next attempt at a run's intent, as SQL."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from django.db.models import Q, TextField
from django.db.models.expressions import RawSQL
from django.db.models.lookups import In

from enhancelog.backends import dialect
from enhancelog.domain import records
from enhancelog.domain.filters import EntryFilter
from enhancelog.domain.intents import APART_MS
from enhancelog.domain.why import CameNext
from enhancelog.models import Attempt, Denial, DenialPattern, Entry, Template
from enhancelog.projections.next_attempts import LAST, neighbor
from enhancelog.queries.pattern_ids import is_pattern_id, leaders
from enhancelog.queries.prepared import Statement, run, written

_ATTEMPT: Final = Attempt._meta.db_table
_DENIAL: Final = Denial._meta.db_table
_PATTERN: Final = DenialPattern._meta.db_table
_TEMPLATE: Final = Template._meta.db_table
_ENTRY: Final = Entry._meta.db_table

_CASE: Final = "CASE WHEN later.applied THEN 'applied' WHEN EXISTS ({}) THEN 'same' ELSE 'other' END"
_IS_NEXT: Final = f"later.position = {neighbor('mine', '>', 'AND a.position <= %s')}"
# Nothing follows applied runs and runs without a thread.
_IS_FOLLOWED: Final = f"NOT (mine.applied OR mine.crowded) AND later.ts_ms <= mine.ts_ms + {APART_MS}"


def is_any_of(values: Sequence[str], wanted: EntryFilter, up_to: int | None) -> Q:
    outcome = _outcome(f"{_ENTRY}.position", _same(wanted), up_to)
    return Q(In(RawSQL(outcome.sql, outcome.values, output_field=TextField()), values))


def of_joined_denial() -> RawSQL:
    """For rows of entries joined to ``Denial``: what came next for its axis."""
    same = f"SELECT 1 FROM {_DENIAL} again WHERE again.position = later.position AND again.axis = {_DENIAL}.axis"
    outcome = _outcome(f"{_DENIAL}.position", Statement(same), None)
    return RawSQL(outcome.sql, outcome.values, output_field=TextField())


def after(positions: Sequence[int]) -> dict[int, CameNext]:
    """Of rejected runs that were tried again; the same: any axis that denied the run."""
    if not positions:
        return {}
    is_asked, parameter = dialect().one_of("mine.position", positions)
    same = _same(EntryFilter())
    sql = f"""
        SELECT mine.position, {_CASE.format(same.sql)}, entry.issue_id
        FROM {_ATTEMPT} mine JOIN {_ATTEMPT} later ON {_IS_NEXT}
        JOIN {_ENTRY} entry ON entry.position = later.position
        WHERE {is_asked} AND {_IS_FOLLOWED}"""
    found = run(Statement(sql, (*same.values, LAST, parameter)))
    return {position: CameNext(outcome, issue_id) for position, outcome, issue_id in found}


def tally(positions: Statement, wanted: EntryFilter, up_to: int) -> Counter[str]:
    """Outcomes of the entries that a statement selects; the same: as for the filter."""
    outcome = _outcome("asked.position", _same(wanted), up_to)
    sql = f"""
        WITH asked (position) AS MATERIALIZED ({positions.sql})
        SELECT outcome, COUNT(*) FROM (SELECT {outcome.sql} AS outcome FROM asked) found GROUP BY outcome"""
    return Counter(dict(run(Statement(sql, (*positions.values, *outcome.values)))))


def _outcome(position: str, same: Statement, up_to: int | None) -> Statement:
    sql = f"""COALESCE((
        SELECT {_CASE.format(same.sql)} FROM {_ATTEMPT} mine JOIN {_ATTEMPT} later ON {_IS_NEXT}
        WHERE mine.position = {position} AND {_IS_FOLLOWED}), 'none')"""
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
