"""The words of every entry in the database's own index: of intent, reasons, rationale, and details no reason repeats.

The index is no table of ours: ``backends`` makes it and knows its ways. A place without a word stands between two
texts, so that no phrase reaches from one into the next. So that no entry costs too much and both databases hold the
same, of each of the four the first ``MOST_WORDS`` words and ``MOST_CHARACTERS`` characters are indexed, and of one word
the first ``MOST_PLACES`` places.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final

from django.db import connection
from django.db.backends.utils import CursorWrapper

from enhancelog.backends import SEARCH_TABLE, Document, dialect
from enhancelog.domain.records import Entry
from enhancelog.domain.search_words import search_words
from enhancelog.projections.expected import Expected
from enhancelog.projections.stored import Stored

TABLES = ()

MOST_WORDS: Final = 4_000
MOST_CHARACTERS: Final = 32_768
MOST_PLACES: Final = 255
SHORT: Final = 256
"""Characters of a text whose words are remembered for the next entry, at most."""


def apply(cursor: CursorWrapper, entries: Sequence[Stored]) -> None:
    dialect().search.add(cursor, documents(entries))


def drop(cursor: CursorWrapper, entries: Sequence[Stored]) -> None:
    dialect().search.remove(cursor, documents(entries))


def clear(cursor: CursorWrapper) -> None:
    """Forget every entry."""
    dialect().search.clear(cursor)


def expected() -> list[Expected]:
    with connection.cursor() as cursor:
        return [] if SEARCH_TABLE in dialect().search.missing(cursor) else [_Indexed()]


def texts(entry: Entry) -> tuple[tuple[str, ...], ...]:
    """What is searched: intent, reasons, rationale and details, each as the texts it consists of."""
    reasons = set(entry.reasons)
    details = [verdict.detail for verdict in entry.verdicts if f"{verdict.axis}: {verdict.detail}" not in reasons]
    return (entry.intent,), entry.reasons, (entry.rationale,), tuple(details)


def words(entry: Entry) -> list[str]:
    """The word at each place of the entry, empty where there is none."""
    found = [word for part in texts(entry) for word in _limited(part)]
    if len(found) <= MOST_PLACES:
        return found
    places: Counter[str] = Counter()
    for at, word in enumerate(found):
        places[word] += 1
        if places[word] > MOST_PLACES:
            found[at] = ""
    return found


def documents(entries: Iterable[Stored]) -> list[Document]:
    return [
        Document(stored.position, words(stored.entry) if stored.words is None else stored.words) for stored in entries
    ]


def _limited(part: Sequence[str]) -> list[str]:
    """The words of some texts with a place between two, up to the limits."""
    found: list[str] = []
    if sum(map(len, part)) <= MOST_WORDS and all(map(str.isascii, part)):  # then they are within all of them
        for text in filter(None, part):
            found += _words(text) if len(text) <= SHORT else search_words(text)
            if found and found[-1]:
                found.append("")
        return found
    characters = MOST_CHARACTERS
    for text in filter(None, part):
        words = _words(text) if len(text) <= min(characters, SHORT) else search_words(text[:characters])
        size = sum(map(len, words))
        if size <= characters and len(found) + len(words) <= MOST_WORDS:
            characters -= size
            found += words
            words = ()
        for word in words:
            characters -= len(word)
            if characters < 0 or len(found) >= MOST_WORDS:
                return found
            found.append(word)
        if found and found[-1]:
            found.append("")
    return found


@lru_cache(maxsize=2048)
def _words(text: str) -> Sequence[str]:
    """Verifiers say the same of most runs."""
    return search_words(text)


class _Indexed:
    """The index holds each entry's words, as far as the database can tell."""

    def __init__(self) -> None:
        self._last = 0

    def feed(self, entries: Sequence[Stored], after: int, up_to: int) -> Iterator[str]:
        self._last = up_to
        with connection.cursor() as cursor:
            yield from dialect().search.differences(cursor, documents(entries), max(after, 0), up_to)

    def finish(self) -> Iterator[str]:
        with connection.cursor() as cursor:
            yield from dialect().search.differences(cursor, [], self._last, 2**63 - 1)
