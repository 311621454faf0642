"""The audit as JSON, NDJSON and CSV; CSV holds the detail as JSON text."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from enhancelog.domain.audit import AuditRecord
from enhancelog.transfer.exports import csv_lines
from enhancelog.transfer.spreadsheets import without_formula

COLUMNS: Final = (*AuditRecord.__struct_fields__, "time_utc")

Chunks = Iterable[Sequence[AuditRecord]]

_encoder = msgspec.json.Encoder()
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def json_array(chunks: Chunks) -> Iterator[bytes]:
    opening = b"["
    for records in chunks:
        yield opening + _encoder.encode(records)[1:-1]
        opening = b","
    yield b"[]" if opening == b"[" else b"]"


def ndjson(chunks: Chunks) -> Iterator[bytes]:
    for records in chunks:
        yield _encoder.encode_lines(records)


def csv(chunks: Chunks) -> Iterator[bytes]:
    return csv_lines(chunks, COLUMNS, _cells)  # type: ignore[arg-type]  # its rows are records


def _cells(record: AuditRecord) -> list[Any]:
    cells = [without_formula(getattr(record, name)) for name in AuditRecord.__struct_fields__[:-1]]
    time = _EPOCH + timedelta(milliseconds=record.recorded_ms)
    return [*cells, _encoder.encode(record.detail).decode(), time.isoformat(timespec="milliseconds")[:-6] + "Z"]


EXPORTS: Final[dict[str, Callable[[Chunks], Iterator[bytes]]]] = {"json": json_array, "ndjson": ndjson, "csv": csv}
