"""The words of every entry in the database's search index."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final

from django.db import connection
from django.db.backends.utils import CursorWrapper

from enhancelog.backends import SEARCH_TABLE, Document, dialect
from enhancelog.domain.reasons import reason
from enhancelog.domain.records import Entry
from enhancelog.domain.search_words import GAP, LONGEST, ascii_words, search_words
from enhancelog.projections.expected import Expected
from enhancelog.projections.stored import Stored

# Indexed are intent, reasons, rationale, and details that no reason repeats. A gap separates two texts, so that
# no phrase spans both. Limits bound the cost of an entry and make both databases equal: MOST_WORDS and
# MOST_CHARACTERS for each of the four, MOST_PLACES for each word.
TABLES = ()  # not a Django table: ``backends`` creates it

MOST_WORDS: Final = 4_000
MOST_CHARACTERS: Final = 32_768
MOST_PLACES: Final = 255
_NOTHING_SAID: Final = f"{GAP} {GAP}"
# Maximum length of a text whose words are cached.
SHORT: Final = 256


def apply(cursor: CursorWrapper, entries: Sequence[Stored]) -> None:
    dialect().search.add(cursor, documents(entries))


def drop(cursor: CursorWrapper, entries: Sequence[Stored]) -> None:
    dialect().search.remove(cursor, documents(entries))


def clear(cursor: CursorWrapper) -> None:
    dialect().search.clear(cursor)


def expected() -> list[Expected]:
    with connection.cursor() as cursor:
        return [] if SEARCH_TABLE in dialect().search.missing(cursor) else [_Indexed()]


def texts(entry: Entry) -> tuple[tuple[str, ...], ...]:
    reasons = set(entry.reasons)
    details = [verdict.detail for verdict in entry.verdicts if not reasons or reason(verdict) not in reasons]
    return (entry.intent,), entry.reasons, (entry.rationale,), tuple(details)


def words(entry: Entry) -> str:
    """The entry's words in order; a ``GAP`` follows each text."""
    parts = texts(entry)
    plain = _plain([text for part in parts for text in part if text])
    if plain is not None:
        return plain
    found = [word for part in parts for word in _limited(part)]
    places: Counter[str] = Counter()
    for at, word in enumerate(found):
        places[word] += 1
        if places[word] > MOST_PLACES:
            found[at] = GAP
    return " ".join(found)


def documents(entries: Iterable[Stored]) -> list[Document]:
    return [
        Document(stored.position, words(stored.entry) if stored.words is None else stored.words) for stored in entries
    ]


# Most entries are so: in a few calls, because no limit concerns them.
def _plain(said: Sequence[str]) -> str | None:
    joined = f" {GAP} ".join([*said, ""])
    if len(joined) > MOST_WORDS or not all(map(str.isascii, said)):
        return None
    found = ascii_words(joined)
    together = " ".join(found)
    has_words_in_each = found[:1] != [GAP] and _NOTHING_SAID not in together
    is_within = len(found) <= MOST_PLACES or max(Counter(found).values()) <= MOST_PLACES
    return together if has_words_in_each and is_within and len(max(found, key=len, default="")) <= LONGEST else None


def _limited(part: Sequence[str]) -> list[str]:
    found: list[str] = []
    together = "".join(part)
    if len(together) <= MOST_WORDS and together.isascii():  # within all limits
        for text in filter(None, part):
            found += _words(text) if len(text) <= SHORT else search_words(text)
            if found and found[-1] != GAP:
                found.append(GAP)
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
        if found and found[-1] != GAP:
            found.append(GAP)
    return found


@lru_cache(maxsize=2048)
def _words(text: str) -> Sequence[str]:
    return search_words(text)  # cached, because verifiers repeat themselves


class _Indexed:
    def __init__(self) -> None:
        self._last = 0

    def feed(self, entries: Sequence[Stored], after: int, up_to: int) -> Iterator[str]:
        self._last = up_to
        with connection.cursor() as cursor:
            yield from dialect().search.differences(cursor, documents(entries), max(after, 0), up_to)

    def finish(self) -> Iterator[str]:
        with connection.cursor() as cursor:
            yield from dialect().search.differences(cursor, [], self._last, 2**63 - 1)
