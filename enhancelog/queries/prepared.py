"""Caches SQL, because for a small page the ORM takes longer to compile a statement than the database to run it.

Numbers that change from one reading to the next (positions, times) are parameters of the cached statement.
"""

import secrets
from collections.abc import Callable, Hashable
from typing import Any, Final, NamedTuple

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet

MOST: Final = 512
"""Statements that are kept."""
LONGEST: Final = 16_384
"""Characters of a statement and its values that are kept, at most."""

_OPEN: Final = 64
"""Numbers that one statement can leave open, at most."""

# They must fit into a day, which is a narrow column on PostgreSQL.
_STAND_INS: Final = tuple(secrets.SystemRandom().sample(range(2**30, 2**31), _OPEN))


class Statement(NamedTuple):
    """SQL and its values, in their order."""

    sql: str
    values: tuple[Any, ...] = ()


_kept: dict[Hashable, Statement] = {}


def written(rows: QuerySet[Any]) -> Statement:
    """A queryset as the statement that it stands for."""
    try:
        sql, values = rows.query.sql_with_params()
    except EmptyResultSet:
        return Statement("SELECT 0 WHERE 1 = 0")
    return Statement(sql, tuple(values))


def fetch(key: Hashable, write: Callable[..., Statement], *numbers: int | None) -> list[tuple[Any, ...]]:
    """All rows of the statement kept under ``key``, with these numbers in it.

    ``write`` is called where there is none, with stand-ins for the numbers (``None`` remains ``None``), and must not
    ask the database itself. Rows come as the driver gives them.
    """
    full_key = (key, connection.vendor, tuple(number is None for number in numbers))
    statement = _kept.get(full_key)
    if statement is None:
        pairs = zip(numbers, _STAND_INS, strict=False)
        statement = write(*(None if number is None else stand_in for number, stand_in in pairs))
        _keep(full_key, statement)
    places = dict(zip(_STAND_INS, numbers, strict=False))
    return run(Statement(statement.sql, tuple(_placed(value, places) for value in statement.values)))


def run(statement: Statement) -> list[tuple[Any, ...]]:
    """All its rows, as the driver gives them."""
    with connection.cursor() as cursor:
        cursor.execute(statement.sql, statement.values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _placed(value: Any, places: dict[int, int | None]) -> Any:
    # PostgreSQL's integers are kinds of int that say how wide they are.
    return places.get(value, value) if isinstance(value, int) else value


def _keep(key: Hashable, statement: Statement) -> None:
    if len(statement.sql) + sum(len(value) for value in statement.values if isinstance(value, str)) > LONGEST:
        return
    if len(_kept) >= MOST:
        _kept.clear()
    _kept[key] = statement
