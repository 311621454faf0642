"""Reads a table of another program's SQLite file. Short reads let that program commit meanwhile."""

import base64
import json
import sqlite3
from array import array
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Generic, NamedTuple, TypeVar
from urllib.parse import quote

from enhancelog.domain import strict_json
from enhancelog.domain.errors import Invalid
from enhancelog.transfer.items import Refused, Unreadable, refused

MAGIC: Final = b"SQLite format 3\0"
MAX_VALUE_BYTES: Final = 32 << 20

_WAL_AT: Final = 18  # in the header: 2 in WAL mode
_BUSY_S: Final = 10.0
_ROWS_IN_ONE_READ: Final = 100
_CHARS_IN_ONE_READ: Final = 4 << 20

_Record = TypeVar("_Record")


class Row(NamedTuple):
    number: int
    values: dict[str, Any]

    @property
    def where(self) -> str:
        return f"row {self.number}"

    def text(self, column: str) -> str:
        """Raises ``Invalid`` unless it is text in UTF-8."""
        value = self.values[column]
        if isinstance(value, bytes):
            raise Invalid(column, "type", "is a blob, not text")
        if not isinstance(value, str):
            raise Invalid(column, "type", "is not text")
        if not strict_json.is_text(value):
            raise Invalid(column, "utf-8", "is not UTF-8")
        return value

    def integer(self, column: str) -> int:
        value = self.values[column]
        if not isinstance(value, int):
            raise Invalid(column, "type", "is not an integer")
        return value

    def as_written(self) -> str:
        # Blobs become base64; invalid UTF-8 is escaped.
        return json.dumps({column: _plain(value) for column, value in self.values.items()}, ensure_ascii=False)


class Table(NamedTuple):
    """``what``: the kind of file that has such a table, such as ``an enhance log``."""

    name: str
    columns: tuple[str, ...]
    what: str


class Rows:
    """The rows that exist now. Raises ``Unreadable`` if the table or a column is missing."""

    unit = "rows"

    def __init__(
        self,
        path: Path,
        table: Table,
        *,
        order: str,
        where: str = "1",
        values: tuple[str | int, ...] = (),
        max_bytes: int = MAX_VALUE_BYTES,
    ) -> None:
        self.done = 0
        self._path = path
        self._max_bytes = max_bytes
        self._select = f"SELECT {', '.join(table.columns)} FROM {table.name} WHERE rowid = ?"  # noqa: S608
        self._columns = table.columns
        with connected(path, max_bytes) as connection:
            _check_schema(connection, path, table)
            query = f"SELECT rowid FROM {table.name} WHERE {where} ORDER BY {order}, rowid"  # noqa: S608
            try:
                self._numbers = array("q", (number for (number,) in connection.execute(query, values)))
            except TypeError:
                raise Unreadable(f"{path}: the table {table.name} has a column named rowid") from None
        self.total: int | None = len(self._numbers)

    def __iter__(self) -> Iterator[Row | Refused]:
        self.done = 0
        while self.done < len(self._numbers):
            rows = self._read()
            self.done += len(rows)
            yield from filter(None, rows)

    def _read(self) -> list[Row | Refused | None]:
        rows: list[Row | Refused | None] = []
        chars = 0
        with connected(self._path, self._max_bytes) as connection:
            for number in self._numbers[self.done : self.done + _ROWS_IN_ONE_READ]:
                row = self._row(connection, number)
                rows.append(row)
                if isinstance(row, Row):
                    chars += sum(len(value) for value in row.values.values() if isinstance(value, str | bytes))
                if chars >= _CHARS_IN_ONE_READ:
                    break
        return rows

    # None: it vanished meanwhile.
    def _row(self, connection: sqlite3.Connection, number: int) -> Row | Refused | None:
        try:
            values = connection.execute(self._select, [number]).fetchone()
        except sqlite3.DataError:
            reason = Invalid("", "size", f"holds a value larger than {self._max_bytes:,} bytes")
            return Refused(f"row {number}", reason, "")
        return None if values is None else Row(number, dict(zip(self._columns, values, strict=True)))


class RowReader(Generic[_Record]):
    """Refuses a row that cannot be read, and goes on."""

    unit = Rows.unit

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    @property
    def total(self) -> int | None:
        return self._rows.total

    @property
    def done(self) -> int:
        return self._rows.done

    def __iter__(self) -> Iterator[_Record | Refused]:
        for row in self._rows:
            if isinstance(row, Refused):
                yield row
                continue
            try:
                yield from self._records(row)
            except Invalid as reason:
                yield self._refused(row, reason)

    # Raises ``Invalid``.
    def _records(self, row: Row) -> Iterator[_Record | Refused]:
        raise NotImplementedError

    def _refused(self, row: Row, reason: Invalid) -> Refused:
        return refused(row.where, reason, row.as_written())


@contextmanager
def connected(path: Path, max_bytes: int = MAX_VALUE_BYTES) -> Iterator[sqlite3.Connection]:
    """Read-only. A larger value than ``max_bytes`` raises ``sqlite3.DataError``."""
    address = f"file:{quote(str(path.absolute()))}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=_BUSY_S)) as connection:
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, min(max_bytes, 1 << 30))
            # Text that is not UTF-8 must not hide its neighbors: it becomes surrogates, which ``Row.text`` refuses.
            connection.text_factory = lambda data: data.decode("utf-8", "surrogateescape")
            yield connection
    except (sqlite3.Error, sqlite3.Warning) as error:
        advice = _advice(path) if isinstance(error, sqlite3.OperationalError) else ""
        raise Unreadable(f"{path}: SQLite cannot read it: {error}{advice}") from None


# SQLite keeps an index beside such a file and must be able to create it, even in order to read.
def _advice(path: Path) -> str:
    with suppress(OSError), open(path, "rb") as file:
        is_wal = file.read(_WAL_AT + 1)[_WAL_AT:] == b"\2"
        if is_wal and not path.with_name(f"{path.name}-shm").is_file():
            return "; it has a write-ahead log: copy it and its -wal file to a folder that you can write to"
    return ""


def _check_schema(connection: sqlite3.Connection, path: Path, table: Table) -> None:
    if table.name not in table_names(connection):
        raise Unreadable(f"{path}: has no table {table.name}, so it is not {table.what}")
    present = {row[1] for row in connection.execute(f"PRAGMA table_info({table.name})")}
    if missing := [column for column in table.columns if column not in present]:
        raise Unreadable(f"{path}: the table {table.name} lacks the column {', '.join(missing)}")


def table_names(connection: sqlite3.Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value).decode()}
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return value
