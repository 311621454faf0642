"""Gives other bases to the documents that are based on one that is to be redacted."""

from collections.abc import Iterator
from tempfile import SpooledTemporaryFile
from typing import Final, NamedTuple

from django.db.backends.utils import CursorWrapper

from enhancelog.domain.errors import Damaged
from enhancelog.models import Document
from enhancelog.store.documents import Base, compress, decompress

# Compressing thousands of documents takes seconds, so ``prepare`` does it without the append lock: texts never change.
# ``carry_out`` only writes rows, 100 with a statement. Both hold the text of one document and of two bases at a time.
# The differences wait in a file without a name once they are large.

IN_MEMORY_BYTES: Final = 16 << 20
ROWS_AT_ONCE: Final = 100

_TABLE: Final = Document._meta.db_table
_BASED: Final = f"SELECT position FROM {_TABLE} WHERE base = %s AND form = %s ORDER BY position"
_PACKED: Final = f"SELECT hash, compressed FROM {_TABLE} WHERE position = %s AND base = %s"
_WHOLE: Final = f"SELECT base, compressed FROM {_TABLE} WHERE hash = %s AND form = %s"
_CHANGE: Final = f"UPDATE {_TABLE} SET base = %s, compressed = %s WHERE position = %s"

# What triggers allow: a document may be stored in another way once its base was redacted, because without it nothing
# can read it. That is so only while the redaction's transaction runs.
CHANGED: Final = ("base", "compressed")
ALLOWED: Final = f"""OLD.redacted IS NULL AND NEW.compressed IS NOT NULL AND EXISTS (
        SELECT 1 FROM {_TABLE} was WHERE was.hash = OLD.base AND was.form = OLD.form AND was.redacted IS NOT NULL)
    AND (NEW.base IS NULL OR EXISTS (
        SELECT 1 FROM {_TABLE} whole WHERE whole.hash = NEW.base AND whole.form = NEW.form AND whole.base IS NULL
            AND whole.redacted IS NULL))"""


class _Place(NamedTuple):
    position: int
    base: str | None
    length: int  # of the difference, which lies in the file after those of the places before


# Of the documents based on this one, as texts of this form.
class Repacking:
    """Close it after use."""

    def __init__(self, hash: str, form: str) -> None:
        self._based_on = hash, form
        self._text: bytes | None = None
        self._base: Base | None = None
        self._places: list[_Place] = []
        self._seen: set[int] = set()
        self._file = SpooledTemporaryFile[bytes](IN_MEMORY_BYTES)

    def close(self) -> None:
        self._file.close()

    def prepare(self, cursor: CursorWrapper) -> None:
        """Those that are new since the last time."""
        cursor.execute(_BASED, self._based_on)
        positions = [position for (position,) in cursor.fetchall() if position not in self._seen]
        if not positions or not self._is_readable(cursor):
            return
        for position in positions:
            self._seen.add(position)
            self._pack(cursor, position)

    def carry_out(self, cursor: CursorWrapper) -> int:
        """Under the append lock, after the redaction; returns how many have another base."""
        self._file.seek(0)
        for start in range(0, len(self._places), ROWS_AT_ONCE):
            cursor.executemany(_CHANGE, list(self._rows(self._places[start : start + ROWS_AT_ONCE])))
        return len(self._places)

    def _rows(self, places: list[_Place]) -> Iterator[tuple[str | None, bytes, int]]:
        for position, base, length in places:
            yield base, self._file.read(length), position

    # If the base is damaged, nothing that is based on it can be read, and there is nothing to keep.
    def _is_readable(self, cursor: CursorWrapper) -> bool:
        if self._text is None:
            cursor.execute(_WHOLE, self._based_on)
            base, compressed = cursor.fetchone()
            try:
                self._text = decompress(bytes(compressed), None) if base is None and compressed is not None else None
            except Damaged:
                self._text = None
        return self._text is not None

    def _pack(self, cursor: CursorWrapper, position: int) -> None:
        cursor.execute(_PACKED, [position, self._based_on[0]])
        row = cursor.fetchone()
        if row is None:
            return  # another redaction changed it meanwhile, so all is prepared again
        hash, packed = row
        try:
            text = decompress(bytes(packed), self._text)
        except Damaged:
            return  # nothing could read it before
        compressed = self._base.pack(text) if self._base else None
        if self._base is not None and compressed is not None:
            self._keep(position, self._base.hash, compressed)
            return
        compressed = compress(text, None)
        self._base = Base(hash, text, len(compressed), 1)
        self._keep(position, None, compressed)

    def _keep(self, position: int, base: str | None, compressed: bytes) -> None:
        self._places.append(_Place(position, base, len(compressed)))
        self._file.write(compressed)
