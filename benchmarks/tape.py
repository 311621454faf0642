"""The product's own statements, recorded while it works, so that the raw driver can be given the same work.

A tape is a list of transactions, each a list of statements with their values. It is recorded on one database and played
on another that began alike, where positions and counts come out the same. Whatever projections the product has are on
it. Playing needs no Django.
"""

import pickle
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple


class Statement(NamedTuple):
    """``many``: ``values`` is a list of rows. A COPY has its rows in ``values`` too."""

    sql: str
    values: Any
    many: bool = False

    @property
    def is_copy(self) -> bool:
        return self.sql.startswith("COPY")


Transaction = list[Statement]


class Tape(NamedTuple):
    """``rows``: table to how many rows it has when everything was played."""

    vendor: str
    transactions: list[Transaction]
    rows: dict[str, int]

    def save(self, path: Path) -> None:
        path.write_bytes(pickle.dumps(tuple(self)))

    @classmethod
    def load(cls, path: Path) -> "Tape":
        """One that this very run has saved."""
        return cls(*pickle.loads(path.read_bytes()))


class Recorder:
    """Listens to the configured database's connections of this thread, below Django where it can."""

    def __init__(self, vendor: str) -> None:
        self.vendor = vendor
        self.transactions: list[Transaction] = []
        self._current: Transaction | None = None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """What is executed meanwhile is one transaction of the tape."""
        self._current = []
        with _psycopg(self._hear) if self.vendor == "postgresql" else _django(self._hear):
            yield
        self.transactions.append(self._current)
        self._current = None

    def _hear(self, sql: str, values: Any, many: bool) -> None:
        if self._current is not None and not sql.startswith(("BEGIN", "COMMIT", "ROLLBACK")):
            self._current.append(Statement(sql, list(values) if many else values, many))


@contextmanager
def _django(hear: Any) -> Iterator[None]:
    from django.db import connection

    def wrapper(execute: Any, sql: str, values: Any, many: bool, context: Any) -> Any:
        values = list(values) if many else values
        hear(sql, values, many)
        return execute(sql, values, many, context)

    with connection.execute_wrapper(wrapper):
        yield


@contextmanager
def _psycopg(hear: Any) -> Iterator[None]:
    """Django's cursors and the product's own are all psycopg's."""
    import psycopg

    execute, executemany, copy = psycopg.Cursor.execute, psycopg.Cursor.executemany, psycopg.Cursor.copy

    def heard_execute(cursor: Any, query: Any, params: Any = None, **more: Any) -> Any:
        hear(str(query), params, False)
        return execute(cursor, query, params, **more)

    def heard_executemany(cursor: Any, query: Any, rows: Any, **more: Any) -> Any:
        rows = list(rows)
        hear(str(query), rows, True)
        return executemany(cursor, query, rows, **more)

    @contextmanager
    def heard_copy(cursor: Any, statement: Any, *arguments: Any, **more: Any) -> Iterator[Any]:
        rows: list[Any] = []
        with copy(cursor, statement, *arguments, **more) as inner:
            yield _HeardCopy(inner, rows)
        hear(str(statement), rows, True)

    patched: Any = psycopg.Cursor
    patched.execute, patched.executemany, patched.copy = heard_execute, heard_executemany, heard_copy
    try:
        yield
    finally:
        patched.execute, patched.executemany, patched.copy = execute, executemany, copy


class _HeardCopy:
    def __init__(self, inner: Any, rows: list[Sequence[Any]]) -> None:
        self._inner = inner
        self._rows = rows

    def write_row(self, row: Sequence[Any]) -> None:
        self._rows.append(row)
        self._inner.write_row(row)
