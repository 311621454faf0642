"""What differs between two documents: their changed places, in bounded size."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from enhancelog.domain import blueprint_documents, document_changes
from enhancelog.domain.blueprint_documents import Unreadable
from enhancelog.domain.document_changes import ABSENT, Change
from enhancelog.domain.errors import Damaged, RedactedDocument
from enhancelog.domain.records import Verdict
from enhancelog.domain.text import cut, isolated
from enhancelog.store import documents
from enhancelog.store.documents import Gone, Stored
from enhancelog.web.changed_words import SegmentedLine
from enhancelog.web.denial_marks import Denials, as_word
from enhancelog.web.patches import (
    FOLDED_CHARACTERS,
    FOLDED_LINES,
    SHOWN_CHARACTERS,
    SHOWN_POINTER,
    START_CHARACTERS,
)
from enhancelog.web.value_lines import Shown, both_sides, one_sided

SHOWN_CHANGES: Final = 100
# Comparing values costs more than showing them.
COMPARED_LINES: Final = 3_000


class Read(NamedTuple):
    """``why_not``: why ``value`` is ``ABSENT``."""

    value: Any
    why_not: str = ""


NOT_STORED: Final = Read(ABSENT, "it is not stored")


class Row(NamedTuple):
    """``was_at``: of what moved. ``long``: folded to ``start``. ``denied_by``: axes whose reasons name it."""

    kind: str
    label: str
    pointer: str
    named: str
    was_at: str
    lines: list[SegmentedLine]
    start: str
    long: bool
    cut: bool
    denied_by: list[str]


class Places(NamedTuple):
    """The first of ``total``; ``by_host``: what the host sets itself. ``why_not``: why nothing was compared."""

    rows: list[Row]
    by_host: list[Row]
    total: int
    why_not: str = ""

    @property
    def left_out(self) -> int:
        return self.total - len(self.rows) - len(self.by_host)


def read(stored: Stored | Gone) -> Read:
    """A head's JSON of the same hash, if the YAML cannot be read."""
    if isinstance(stored, Gone):
        return Read(ABSENT, str(RedactedDocument(stored.tombstone.redacted_ms, stored.tombstone.why)))
    try:
        return Read(blueprint_documents.parse(stored.text, stored.form))
    except Unreadable as error:
        head = documents.find(stored.hash, "json") if stored.form == "yaml" else None
        return read(head) if head else Read(ABSENT, str(error))


def read_at(hash: str | None, stored: Mapping[str, str]) -> Read:
    """``stored``: form by hash."""
    try:
        found = documents.find(hash) if hash and hash in stored else None
        return read(found) if found else NOT_STORED
    except Damaged as error:
        return Read(ABSENT, str(error))


def places_at(before: Read, hash: str | None, stored: Mapping[str, str], verdicts: Iterable[Verdict]) -> Places | None:
    """``None`` if one of the documents is not stored."""
    if before is NOT_STORED or not hash or hash not in stored:
        return None
    return places(before, read_at(hash, stored), verdicts)


def places(before: Read, after: Read, verdicts: Iterable[Verdict] = ()) -> Places:
    """``verdicts``: on the run that changed the one to the other."""
    for side, document in (("before", before), ("after", after)):
        if document.why_not:
            return Places([], [], 0, f"The document {side} cannot be compared by its structure: {document.why_not}.")
    changes = document_changes.compare(before.value, after.value)
    # Of both groups, those first that a patch made.
    shown = sorted(changes, key=lambda change: change.is_by_host)[:SHOWN_CHANGES]
    rows = _Rows(before.value, after.value, Denials(verdicts))
    groups: tuple[list[Row], list[Row]] = ([], [])
    for change in shown:
        groups[change.is_by_host].append(rows.row(change))
    return Places(*groups, len(changes))


class _Rows:
    def __init__(self, before: Any, after: Any, denials: Denials) -> None:
        self._documents = before, after
        self._denials = denials
        self._characters, self._lines = SHOWN_CHARACTERS, COMPARED_LINES

    def row(self, change: Change) -> Row:
        place = document_changes.place(change, *self._documents)
        pointer = blueprint_documents.pointer(list(change.tokens))
        is_whole = change.kind in ("added", "removed")
        shown = self._shown(change)
        words = [] if change.is_by_host else as_word(place.item)
        size = sum(len(line.text) for line in shown.lines)
        first = next((line.text for line in shown.lines if line.mark in "+-" and line.text), "")
        return Row(
            kind=change.kind,
            label=cut(place.label, SHOWN_POINTER),
            pointer=cut(pointer, SHOWN_POINTER),
            named=cut(place.named, SHOWN_POINTER) if place.named != pointer else "",
            was_at=str(change.before) if change.kind == "moved" else "",
            lines=shown.lines,
            start=isolated(first[:START_CHARACTERS]),
            long=len(shown.lines) > FOLDED_LINES or size > FOLDED_CHARACTERS,
            cut=shown.cut,
            denied_by=self._denials.naming(pointer, place.named, *words, inside=pointer if is_whole else ""),
        )

    def _shown(self, change: Change) -> Shown:
        if change.kind == "moved":
            return Shown([], False)
        if self._characters <= 0 or self._lines <= 0:
            return Shown([], True)
        if change.kind in ("added", "removed"):
            mark, value = ("+", change.after) if change.kind == "added" else ("-", change.before)
            shown = one_sided(mark, value, self._characters)
        else:
            self._lines -= sum(value.count("\n") for value in (change.before, change.after) if isinstance(value, str))
            shown = both_sides(change.before, change.after, self._characters)
        self._characters -= shown.size
        return shown
