"""Verifies the audit: its positions are dense, and its rows can be read."""

from collections.abc import Iterator
from typing import Final

import msgspec

from enhancelog import models
from enhancelog.backends import dialect, faults
from enhancelog.domain.audit import AuditRecord
from enhancelog.store.audit import last_position
from enhancelog.store.verification import Part, Progress

BATCH_ROWS: Final = 1_000

_COLUMNS: Final = AuditRecord.__struct_fields__


def _findings(progress: Progress) -> Iterator[str]:
    columns = models.AuditRecord.objects.order_by("position").values_list(*_COLUMNS)
    done = 0
    with faults(), dialect().reading_any_text():
        while rows := list(columns.filter(position__gt=done)[:BATCH_ROWS]):
            for number, row in enumerate(rows, done + 1):
                done = row[0]
                if done != number:
                    yield f"position {done} of the audit where {number} was expected: positions are not dense"
                try:
                    values = dict(zip(_COLUMNS, row, strict=True))
                    msgspec.convert({**values, "detail": msgspec.json.decode(values["detail"])}, AuditRecord)
                except (ValueError, TypeError, msgspec.MsgspecError) as error:
                    yield f"position {done} of the audit cannot be read: {error}"
            progress(done)


PART: Final = Part("audit records", last_position, _findings)
