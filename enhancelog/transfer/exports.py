"""The log as bytes: NDJSON, one JSON array, or CSV, from chunks of rows (values of ``rows.COLUMNS``), as they come.

Every chunk of bytes ends at the end of an entry or of the whole, so that it is valid UTF-8 by itself. NDJSON and JSON
are the canonical form of each record. CSV has one column a field; lists are JSON text in their cell.
"""

import csv as csv_format
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec

from enhancelog.store.rows import RECORD, RECORD_COLUMNS, RowJson, json_from_row

Row = Sequence[Any]
Export = Callable[[Iterable[Sequence[Row]]], Iterator[bytes]]

_FORMULA_STARTS: Final = (*"=+-@", *"＝＋－＠", "\t", "\r", "\n")

_encoder = msgspec.json.Encoder()


def ndjson(chunks: Iterable[Sequence[Row]]) -> Iterator[bytes]:
    """One entry a line."""
    for rows in chunks:
        yield _encoder.encode_lines(_records(rows))


def json_array(chunks: Iterable[Sequence[Row]]) -> Iterator[bytes]:
    """A bare array without white space."""
    opening = b"["
    for rows in chunks:
        if rows:
            yield opening + _encoder.encode(_records(rows))[1:-1]
            opening = b","
    yield b"[]" if opening == b"[" else b"]"


def csv(chunks: Iterable[Sequence[Row]]) -> Iterator[bytes]:
    """RFC 4180 with a header line. A text that a spreadsheet would take for a formula gets a leading apostrophe."""
    buffer = io.StringIO(newline="")
    writer = csv_format.writer(buffer)
    writer.writerow(RECORD_COLUMNS)
    for rows in chunks:
        writer.writerows([_cell(value) for value in row[RECORD]] for row in rows)
        yield buffer.getvalue().encode()
        buffer.seek(0)
        buffer.truncate()
    if buffer.tell():
        yield buffer.getvalue().encode()


def _records(rows: Sequence[Row]) -> list[RowJson]:
    return [json_from_row(row[RECORD]) for row in rows]


def _cell(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value
