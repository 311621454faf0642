"""Which attempt at its intent a run is, as SQL."""

from collections.abc import Sequence
from typing import Final

from django.db.models import Q, TextField
from django.db.models.expressions import RawSQL
from django.db.models.lookups import In

from enhancelog.domain.intents import APART_MS
from enhancelog.models import Attempt, Entry
from enhancelog.projections.intents import NUMBERS
from enhancelog.projections.next_attempts import LAST, neighbor

_ATTEMPT: Final = Attempt._meta.db_table
LATER: Final = "later"  # any but the first
_RUNS: Final = ("mine", "before", "second_before", "third_before")


def is_any_of(values: Sequence[str], up_to: int | None) -> Q:
    wanted = {number for value in values for number in (NUMBERS[1:] if value == LATER else (value,))}
    steps = 1 if not wanted & {*NUMBERS[1:]} or wanted >= {*NUMBERS[1:]} else len(NUMBERS) - 1
    parameters = (LAST if up_to is None else up_to,) * steps
    return Q(In(RawSQL(_number(steps), parameters, output_field=TextField()), sorted(wanted)))


def first_or_later(up_to: int) -> RawSQL:
    return RawSQL(_number(1, LATER), (up_to,), output_field=TextField())


def _number(steps: int, further: str = NUMBERS[-1]) -> str:
    """``steps``: how far to look back. What is beyond is ``further``."""
    near, far = _RUNS[:steps], _RUNS[1 : steps + 1]
    # Conditions on one table alone stand outside of the joins: there, SQLite would build a Bloom filter for them.
    joins = " ".join(
        f"""LEFT JOIN {_ATTEMPT} {before} ON {before}.position = {neighbor(run, "<", "AND a.position <= %s")}"""
        for run, before in zip(near, far, strict=True)
    )
    cases = " ".join(
        f"""WHEN {before}.position IS NULL OR {before}.applied OR {before}.crowded
            OR {before}.ts_ms < {run}.ts_ms - {APART_MS} THEN '{number}'"""
        for run, before, number in zip(near, far, NUMBERS, strict=False)
    )
    # A run without a thread is the only attempt at an intent of its own.
    return f"""COALESCE((
        SELECT CASE {cases} ELSE '{further}' END FROM {_ATTEMPT} mine {joins}
        WHERE mine.position = {Entry._meta.db_table}.position), '{NUMBERS[0]}')"""
