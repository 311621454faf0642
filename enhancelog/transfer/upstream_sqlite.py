"""Reads an engine host's SQLite file, ordered by ``ts_ms, rowid``."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from enhancelog.domain import records, strict_json
from enhancelog.domain.errors import Invalid
from enhancelog.domain.records import Entry
from enhancelog.transfer.items import Found, Item
from enhancelog.transfer.sqlite_rows import MAX_VALUE_BYTES, Row, RowReader, Rows, Table

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
TABLE: Final = Table("enhance_log", COLUMNS, "an enhance log")


class UpstreamFile(RowReader[Found]):
    """Raises ``Unreadable`` if the file is not an enhance log."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        super().__init__(Rows(path, TABLE, order="ts_ms", max_bytes=max(max_bytes, MAX_VALUE_BYTES)))
        self._max_bytes = max_bytes

    def _records(self, row: Row) -> Iterator[Item]:
        yield Found(row.where, _entry(row, self._max_bytes))


def _entry(row: Row, max_bytes: int) -> Entry:
    values: dict[str, Any] = {"ts_ms": row.values["ts_ms"]}
    for column in COLUMNS[:-1]:
        field = column.removesuffix("_json")
        values[field] = _parsed(row, column) if field != column else row.text(column)
    return records.from_values(max_bytes=max_bytes, **values)


def _parsed(row: Row, column: str) -> Any:
    try:
        return strict_json.parse(row.text(column))
    except Invalid as reason:
        if reason.field == column:
            raise
        raise Invalid(f"{column}.{reason.field}".rstrip(".").replace(".[", "["), reason.rule, reason.detail) from None
