"""Rows of search results, with the matches marked."""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

from enhancelog.domain.records import Entry
from enhancelog.domain.search_words import Phrase, spans
from enhancelog.domain.terminal import without_terminal_codes
from enhancelog.domain.text import isolated
from enhancelog.projections.search_index import MOST_CHARACTERS
from enhancelog.web.entry_rows import EntryRow

BEFORE: Final = 60  # maximum length before the first match
LENGTH: Final = 180

Spans = Sequence[tuple[int, int]]


class Segment(NamedTuple):
    text: str
    is_match: bool


Segments = Sequence[Segment]


class MarkedReason(NamedTuple):
    axis: str
    text: Segments


class Excerpt(NamedTuple):
    """``axis`` is empty unless the text is a verdict's detail."""

    field: str
    axis: str
    text: Segments


@dataclass(frozen=True)
class SearchRow:
    row: EntryRow
    phrases: tuple[Phrase, ...]

    @property
    def key(self) -> Hashable:
        """Equal for rows that look alike."""
        return self.row.key, self.phrases

    @cached_property
    def intent(self) -> Segments:
        return marked(self.row.entry.intent, self.phrases)

    @cached_property
    def reasons(self) -> Sequence[MarkedReason]:
        return [MarkedReason(axis, marked(text, self.phrases)) for axis, text in self.row.entry.reasons.shown]

    @property
    def excerpt(self) -> Excerpt | None:
        """``None`` if the row's own texts have a match."""
        texts = (self.intent, *(reason.text for reason in self.reasons))
        is_shown = any(segment.is_match for text in texts for segment in text)
        return None if is_shown or not self.phrases else excerpt(self.row.listed.entry, self.phrases)


def marked(text: str, phrases: Sequence[Phrase]) -> Segments:
    return _split(text, spans(text, phrases) if phrases else ())


def excerpt(entry: Entry, phrases: Sequence[Phrase]) -> Excerpt | None:
    for field, axis, text in _texts(entry):
        text = isolated(_without_table_markup(without_terminal_codes(text[:MOST_CHARACTERS])))
        if found := spans(text, phrases):
            return Excerpt(field, axis, _around(text, found))
    return None


def _without_table_markup(text: str) -> str:
    return "\n".join(filter(None, map(_cells, text.split("\n")))) if "|" in text else text


# A row of a Markdown table as its cells, empty for the line below the head. Other lines stay.
def _cells(line: str) -> str:
    if not line.lstrip().startswith("|"):
        return line
    cells = [cell.strip() for cell in line.split("|")]
    return " · ".join(cell for cell in cells if cell.strip(":-"))


def _texts(entry: Entry) -> Iterator[tuple[str, str, str]]:
    yield "intent", "", entry.intent
    for verdict in entry.verdicts:
        yield "detail", verdict.axis, verdict.detail
    for reason in entry.reasons:
        yield "reason", "", reason
    yield "rationale", "", entry.rationale


def _around(text: str, found: Spans) -> Segments:
    first = found[0][0]
    start = max(0, first - BEFORE)
    if start:
        start = text.find(" ", start, first) + 1 or start
    end = min(len(text), max(start + LENGTH, found[0][1]))
    inside = [(max(at, start) - start, min(to, end) - start) for at, to in found if at < end]
    before = [Segment("… ", is_match=False)] if start else []
    after = [Segment(" …", is_match=False)] if end < len(text) else []
    return [*before, *_split(text[start:end], inside), *after]


def _split(text: str, found: Spans) -> Segments:
    segments: list[Segment] = []
    at = 0
    for start, end in found:
        segments += [Segment(text[at:start], is_match=False), Segment(text[start:end], is_match=True)]
        at = end
    segments.append(Segment(text[at:], is_match=False))
    return [segment for segment in segments if segment.text]
