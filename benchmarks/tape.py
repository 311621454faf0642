"""Records the product's statements, so that the raw driver can do the same work.

A tape is a list of transactions of statements with values. It plays on a database with the same start, where
positions and counts come out the same. Playing needs no Django.
"""

import pickle
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple


class Statement(NamedTuple):
    """``many``: ``values`` is a list of rows, as it is for COPY."""

    sql: str
    values: Any
    many: bool = False

    @property
    def is_copy(self) -> bool:
        return self.sql.startswith("COPY")


Transaction = list[Statement]


class Tape(NamedTuple):
    """``rows``: row count per table after playing."""

    vendor: str
    transactions: list[Transaction]
    rows: dict[str, int]

    def save(self, path: Path) -> None:
        path.write_bytes(pickle.dumps(tuple(self)))

    @classmethod
    def load(cls, path: Path) -> "Tape":
        """Only tapes of this run (pickle)."""
        return cls(*pickle.loads(path.read_bytes()))


class Recorder:
    """Listens to this thread's connections to the configured database."""

    def __init__(self, vendor: str) -> None:
        self.vendor = vendor
        self.transactions: list[Transaction] = []
        self._current: Transaction | None = None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Records the block as one transaction."""
        self._current = []
        with _psycopg(self._hear) if self.vendor == "postgresql" else _django(self._hear):
            yield
        self.transactions.append(self._current)
        self._current = None

    def _hear(self, sql: str, values: Any, many: bool) -> None:
        if self._current is not None and not sql.startswith(("BEGIN", "COMMIT", "ROLLBACK")):
            # Rows of the product's own types could not be read without Django.
            self._current.append(Statement(sql, list(map(tuple, values)) if many else values, many))


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
