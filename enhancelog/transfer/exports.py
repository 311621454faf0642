"""Encodes rows (``rows.COLUMNS``); chunks end between entries. JSON is the canonical form, and CSV holds lists as JSON
text."""

import csv as csv_format
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec

from enhancelog.store.rows import COLUMNS, RowJson, listed_json

Row = Sequence[Any]
Export = Callable[[Iterable[Sequence[Row]]], Iterator[bytes]]

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


def _records(rows: Sequence[Row]) -> list[RowJson]:
    return list(map(listed_json, rows))
