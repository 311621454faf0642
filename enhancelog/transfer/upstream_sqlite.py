"""Reads upstream's SQLite file, ordered by ``ts_ms, rowid``. Short reads let upstream commit meanwhile."""

import base64
import json
import sqlite3
from array import array
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from enhancelog.domain import records, strict_json
from enhancelog.domain.errors import Invalid
from enhancelog.domain.records import Entry
from enhancelog.transfer.items import Found, Item, Refused, Unreadable

MAGIC: Final = b"SQLite format 3\0"
TABLE: Final = "enhance_log"
COLUMNS: Final = (
    "issue_id",
    "blueprint_id",
    "prev_hash",
    "new_hash",
    "intent",
    "rationale",
    "verdicts_json",
    "status",
    "reasons_json",
    "ts_ms",
)

_BUSY_S: Final = 10.0
_ROWS_IN_ONE_READ: Final = 100


class UpstreamFile:
    """Raises ``Unreadable`` if the file is not an enhance log."""

    unit = "rows"

    def __init__(self, path: Path, max_bytes: int) -> None:
        self.done = 0
        self._path = path
        self._max_bytes = max_bytes
        with self._connected() as connection:
            _check_schema(connection, path)
            rows = connection.execute(f"SELECT rowid FROM {TABLE} ORDER BY ts_ms, rowid")  # noqa: S608
            self._row_ids = array("q", (row_id for (row_id,) in rows))
        self.total: int | None = len(self._row_ids)

    def __iter__(self) -> Iterator[Item]:
        for start in range(0, len(self._row_ids), _ROWS_IN_ONE_READ):
            row_ids = self._row_ids[start : start + _ROWS_IN_ONE_READ]
            rows = self._read(row_ids)
            self.done = start + len(row_ids)
            for row_id in row_ids:
                if row_id in rows:
                    yield _item(f"row {row_id}", rows[row_id], self._max_bytes)

    def _read(self, row_ids: "array[int]") -> dict[int, tuple[Any, ...]]:
        places = ", ".join("?" * len(row_ids))
        with self._connected() as connection:
            query = f"SELECT rowid, {', '.join(COLUMNS)} FROM {TABLE} WHERE rowid IN ({places})"  # noqa: S608
            return {row[0]: row[1:] for row in connection.execute(query, row_ids.tolist())}

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        address = f"file:{quote(str(self._path.absolute()))}?mode=ro"
        try:
            with closing(sqlite3.connect(address, uri=True, timeout=_BUSY_S)) as connection:
                # Text that is not UTF-8 must not hide its neighbours: it becomes surrogates, which are refused below.
                connection.text_factory = lambda data: data.decode("utf-8", "surrogateescape")
                yield connection
        except sqlite3.Error as error:
            raise Unreadable(f"{self._path}: SQLite cannot read it: {error}") from None


def _check_schema(connection: sqlite3.Connection, path: Path) -> None:
    tables = connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", [TABLE])
    if tables.fetchone() is None:
        raise Unreadable(f"{path}: has no table {TABLE}, so it is not an enhance log")
    present = {row[1] for row in connection.execute(f"PRAGMA table_info({TABLE})")}
    if missing := [column for column in COLUMNS if column not in present]:
        raise Unreadable(f"{path}: the table {TABLE} lacks the column {', '.join(missing)}")


def _item(where: str, row: tuple[Any, ...], max_bytes: int) -> Item:
    try:
        return Found(where, _entry(row, max_bytes))
    except Invalid as reason:
        return Refused(where, reason, _written(row))


def _entry(row: tuple[Any, ...], max_bytes: int) -> Entry:
    values: dict[str, Any] = {}
    for column, value in zip(COLUMNS, row, strict=True):
        if isinstance(value, bytes):
            raise Invalid(column, "type", "is a blob, not text")
        if isinstance(value, str) and not _is_utf8(value):
            raise Invalid(column, "utf-8", "is not UTF-8")
        field = column.removesuffix("_json")
        values[field] = _parsed(column, value) if field != column else value
    return records.from_values(max_bytes=max_bytes, **values)


def _is_utf8(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _parsed(column: str, value: Any) -> Any:
    if not isinstance(value, str):
        raise Invalid(column, "type", "is not text")
    try:
        return strict_json.parse(value)
    except Invalid as reason:
        raise Invalid(f"{column}.{reason.field}".rstrip(".").replace(".[", "["), reason.rule, reason.detail) from None


def _written(row: tuple[Any, ...]) -> str:
    # Blobs become base64; invalid UTF-8 is escaped.
    def plain(value: Any) -> Any:
        if isinstance(value, bytes):
            return {"base64": base64.b64encode(value).decode()}
        if isinstance(value, str):
            return value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        return value

    return json.dumps({column: plain(value) for column, value in zip(COLUMNS, row, strict=True)}, ensure_ascii=False)
