"""Caches compiled SQL by key. Positions and times, which vary between calls, are compiled as ``OpenNumber``."""

from collections.abc import Callable, Hashable
from typing import Any, Final, NamedTuple

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import BigIntegerField, Expression, QuerySet, Value

from enhancelog.projections import source_names

# For a small page, Django takes longer to compile a statement than the database to run it.

MOST: Final = 512  # cached statements
LONGEST: Final = 16_384  # characters of a cached statement and its values


class OpenNumber(Expression):
    """``fetch`` puts its number at ``index`` here."""

    output_field = BigIntegerField()

    def __init__(self, index: int) -> None:
        super().__init__()
        self.index = index

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        return "%s", (self,)


class Statement(NamedTuple):
    sql: str
    values: tuple[Any, ...] = ()


class _Kept(NamedTuple):
    """``open_at``: (index in ``values``, index of the number)."""

    sql: str
    values: tuple[Any, ...]
    open_at: tuple[tuple[int, int], ...]


_kept: dict[Hashable, _Kept] = {}


def written(rows: QuerySet[Any]) -> Statement:
    try:
        sql, values = rows.query.sql_with_params()
    except EmptyResultSet:
        return Statement("SELECT 0 WHERE 1 = 0")
    return Statement(sql, tuple(values))


def one_number(rows: QuerySet[Any], number: Any) -> Statement:
    """Selects one aggregate over all rows, and nothing if there are none."""
    return written(rows.order_by().values(group=Value(1)).annotate(n=number).values("n"))


def fetch(key: Hashable, write: Callable[..., Statement], *numbers: int | None) -> list[tuple[Any, ...]]:
    """Rows of the statement cached under ``key``. If it is missing, ``write`` gets an ``OpenNumber`` for each number
    but ``None``; it must not calculate with them nor query the database."""
    # Filters by source compile to the sources that have the name.
    full_key = (key, connection.vendor, source_names.current().key, tuple(number is None for number in numbers))
    kept = _kept.get(full_key)
    if kept is None:
        places = (None if number is None else OpenNumber(index) for index, number in enumerate(numbers))
        kept = _with_places(write(*places))
        _keep(full_key, kept)
    values = list(kept.values)
    for place, index in kept.open_at:
        values[place] = numbers[index]
    return run(Statement(kept.sql, tuple(values)))


def run(statement: Statement) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement.sql, statement.values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _with_places(statement: Statement) -> _Kept:
    open_at = ((at, value.index) for at, value in enumerate(statement.values) if isinstance(value, OpenNumber))
    return _Kept(statement.sql, statement.values, tuple(open_at))


def _keep(key: Hashable, kept: _Kept) -> None:
    if len(kept.sql) + sum(len(value) for value in kept.values if isinstance(value, str)) > LONGEST:
        return
    if len(_kept) >= MOST:
        _kept.clear()
    _kept[key] = kept
