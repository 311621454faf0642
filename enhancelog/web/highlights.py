"""Where an entry holds what was searched for, shown: marks in its texts, and an excerpt of the first that has any."""

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import Final, NamedTuple

from django.utils.safestring import SafeString

from enhancelog.domain.records import Entry
from enhancelog.domain.search_words import Phrase, spans
from enhancelog.projections.search_index import MOST_CHARACTERS

BEFORE: Final = 60
"""Characters of an excerpt before its first mark at most."""
LENGTH: Final = 180

Spans = Sequence[tuple[int, int]]


class Excerpt(NamedTuple):
    """Part of a text. ``field`` says of which one; ``axis``: whose detail it is."""

    field: str
    axis: str
    text: SafeString


def marked(text: str, phrases: Iterable[Phrase]) -> SafeString:
    """The text with what was searched for in ``<mark>``."""
    return _marked(text, spans(text, phrases))


def excerpt(entry: Entry, phrases: Sequence[Phrase]) -> Excerpt | None:
    """From the first text that holds what was searched for."""
    for field, axis, text in _texts(entry):
        text = text[:MOST_CHARACTERS]
        if found := spans(text, phrases):
            return Excerpt(field, axis, _around(text, found))
    return None


def _texts(entry: Entry) -> Iterator[tuple[str, str, str]]:
    yield "intent", "", entry.intent
    for verdict in entry.verdicts:
        yield "detail", verdict.axis, verdict.detail
    for reason in entry.reasons:
        yield "reason", "", reason
    yield "rationale", "", entry.rationale


def _around(text: str, found: Spans) -> SafeString:
    first = found[0][0]
    start = max(0, first - BEFORE)
    if start:
        start = text.find(" ", start, first) + 1 or start
    end = min(len(text), max(start + LENGTH, found[0][1]))
    inside = [(max(at, start) - start, min(to, end) - start) for at, to in found if at < end]
    shown = _marked(text[start:end], inside)
    return SafeString(f"{'… ' if start else ''}{shown}{' …' if end < len(text) else ''}")  # escaped above


def _marked(text: str, found: Spans) -> SafeString:
    parts: list[str] = []
    at = 0
    for start, end in found:
        parts += [escape(text[at:start]), "<mark>", escape(text[start:end]), "</mark>"]
        at = end
    return SafeString("".join([*parts, escape(text[at:])]))  # every text is escaped
