"""Sums by key, of which there may be more than memory should hold."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Final

from enhancelog.models import NO_DAY
from enhancelog.projections.expected import Row, Sums

# In memory; then they are written.
MOST_PENDING: Final = 5_000
_CACHE_KIB: Final = 16_384


@contextmanager
def temporary() -> Iterator[sqlite3.Connection]:
    """A database in a file without a name, which is gone when the process ends, however that ends."""
    with closing(sqlite3.connect("", isolation_level=None)) as disk:
        disk.execute("PRAGMA journal_mode = OFF")
        disk.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        yield disk


class Totals:
    """Of one table's sums. ``None`` in a key is ``NO_DAY`` here, as in the table's index."""

    def __init__(self, disk: sqlite3.Connection, number: int, sums: Sums) -> None:
        self._disk, self._merge, self._table = disk, sums.merge, f"total_{number}"
        self._keys = [f"k{number}" for number, _ in enumerate(sums.keys)]
        self._unique = len(sums.unique)
        self._amounts = [f"a{number}" for number, _ in enumerate(sums.amounts)]
        self._pending: dict[Row, Row] = {}
        columns = ", ".join([*self._keys, *self._amounts])
        disk.execute(f"CREATE TABLE {self._table} ({columns}, PRIMARY KEY ({', '.join(self._keys)})) WITHOUT ROWID")

    def add(self, sums: Mapping[Row, Row]) -> None:
        for key, amounts in sums.items():
            key = tuple(NO_DAY if part is None else part for part in key)
            known = self._pending.get(key)
            self._pending[key] = amounts if known is None else self._merge(known, amounts)
        if len(self._pending) > MOST_PENDING:
            self._write()

    def after(self, key: Row | None, most: int) -> dict[Row, Row]:
        """The next in order, by the parts of the key from which the others follow. Zero counts have none."""
        self._write()
        keys = ", ".join(self._keys[: self._unique])
        beyond = "" if key is None else f"WHERE ({keys}) > ({', '.join('?' * len(key))})"
        columns = ", ".join([*self._keys, *self._amounts])
        width = len(self._keys)
        found = self._disk.execute(f"SELECT {columns} FROM {self._table} {beyond} ORDER BY {keys}", key or ())
        rows: dict[Row, Row] = {}
        for row in found:
            if any(row[width:]):
                rows[row[: self._unique]] = row
                if len(rows) == most:
                    break
        return rows

    def _write(self) -> None:
        is_key = " AND ".join(f"{name} = ?" for name in self._keys)
        read = f"SELECT {', '.join(self._amounts)} FROM {self._table} WHERE {is_key}"
        marks = ", ".join("?" * (len(self._keys) + len(self._amounts)))
        self._disk.execute("BEGIN")
        for key, amounts in sorted(self._pending.items()):
            known = self._disk.execute(read, key).fetchone()
            merged = amounts if known is None else self._merge(known, amounts)
            self._disk.execute(f"INSERT OR REPLACE INTO {self._table} VALUES ({marks})", (*key, *merged))
        self._disk.execute("COMMIT")
        self._pending.clear()
