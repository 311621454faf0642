"""Statements that are compiled once: for a small page the ORM takes longer to compile one than the database to answer.

A statement is kept under what decides its text and its values. The numbers that change from one reading to the next
(positions, times) stay open: it is compiled with an ``OpenNumber`` in place of each.
"""

from collections.abc import Callable, Hashable
from typing import Any, Final, NamedTuple

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import BigIntegerField, Expression, QuerySet

MOST: Final = 512
"""Statements that are kept."""
LONGEST: Final = 16_384
"""Characters of a statement and its values that are kept, at most."""


class OpenNumber(Expression):
    """A whole number that is known only when the statement runs: the ``index``th that ``fetch`` is given.

    It compiles to a placeholder and is itself the value there, until ``fetch`` replaces it.
    """

    output_field = BigIntegerField()

    def __init__(self, index: int) -> None:
        super().__init__()
        self.index = index

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        return "%s", (self,)


class Statement(NamedTuple):
    """SQL and its values, in their order."""

    sql: str
    values: tuple[Any, ...] = ()


class _Kept(NamedTuple):
    """``open_at``: where in the values which of the numbers belong."""

    sql: str
    values: tuple[Any, ...]
    open_at: tuple[tuple[int, int], ...]


_kept: dict[Hashable, _Kept] = {}


def written(rows: QuerySet[Any]) -> Statement:
    """A queryset as the statement that it stands for."""
    try:
        sql, values = rows.query.sql_with_params()
    except EmptyResultSet:
        return Statement("SELECT 0 WHERE 1 = 0")
    return Statement(sql, tuple(values))


def fetch(key: Hashable, write: Callable[..., Statement], *numbers: int | None) -> list[tuple[Any, ...]]:
    """All rows of the statement kept under ``key``, with these numbers in it.

    Where there is none, ``write`` is called with an ``OpenNumber`` for each number (``None`` remains ``None``). It may
    not calculate with them, nor query the database. Rows come as the driver gives them.
    """
    full_key = (key, connection.vendor, tuple(number is None for number in numbers))
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
    """All its rows, as the driver gives them."""
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
