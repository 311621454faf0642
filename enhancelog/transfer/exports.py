"""Encodes rows (``rows.COLUMNS``); chunks end between entries. JSON is the canonical form, and CSV holds lists as JSON
text."""

import csv as csv_format
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec

from enhancelog.domain.times import as_datetime
from enhancelog.store.rows import COLUMNS, RECORD, RECORD_COLUMNS, RowJson, json_from_row

Row = Sequence[Any]
Export = Callable[[Iterable[Sequence[Row]]], Iterator[bytes]]

# Spreadsheets would evaluate such texts; they get a leading apostrophe
_FORMULA_STARTS: Final = (*"=+-@", *"＝＋－＠", "\t", "\r", "\n")

TS_MS: Final = COLUMNS.index("ts_ms")
RECORDED_MS: Final = COLUMNS.index("recorded_ms")

_encoder = msgspec.json.Encoder()


def ndjson(chunks: Iterable[Sequence[Row]]) -> Iterator[bytes]:
    for rows in chunks:
        yield _encoder.encode_lines(_records(rows))


def json_array(chunks: Iterable[Sequence[Row]]) -> Iterator[bytes]:
    opening = b"["
    for rows in chunks:
        if rows:
            yield opening + _encoder.encode(_records(rows))[1:-1]
            opening = b","
    yield b"[]" if opening == b"[" else b"]"


def csv(chunks: Iterable[Sequence[Row]]) -> Iterator[bytes]:
    """RFC 4180 with a header line; ``time_utc``, which is not part of the record, comes last."""
    return csv_lines(chunks, (*RECORD_COLUMNS, "time_utc"), _csv_cells)


def csv_lines(
    chunks: Iterable[Sequence[Row]], columns: Sequence[str], cells: Callable[[Row], Sequence[Any]]
) -> Iterator[bytes]:
    buffer = io.StringIO(newline="")
    writer = csv_format.writer(buffer)
    writer.writerow(columns)
    for rows in chunks:
        writer.writerows(map(cells, rows))
        yield buffer.getvalue().encode()
        buffer.seek(0)
        buffer.truncate()
    if buffer.tell():
        yield buffer.getvalue().encode()


def _csv_cells(row: Row) -> list[Any]:
    cells = [without_formula(value) for value in row[RECORD]]
    time = as_datetime(row[TS_MS], row[RECORDED_MS])
    cells.append("" if time is None else time.isoformat(timespec="milliseconds").replace("+00:00", "Z"))
    return cells


def without_formula(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value


def _records(rows: Sequence[Row]) -> list[RowJson]:
    return [json_from_row(row[RECORD]) for row in rows]
