"""Normalizes intents, so that retries of one intent share a key."""

import re
import unicodedata
from typing import Final

from enhancelog.domain.search_words import ascii_words
from enhancelog.domain.short_keys import short_key
from enhancelog.domain.times import DAY_MS

# Attempts at one intent follow each other if they are at most so far apart.
APART_MS: Final = 7 * DAY_MS

# Attempts of a thread that are followed each way, which bounds the cost of a run.
FOLLOWED: Final = 50

# Characters considered; bounds the cost of an intent.
LONGEST: Final = 10_000

# Separators. Marks outside ASCII match too, but belong to their word (see ``_space_or_mark``).
_BETWEEN: Final = re.compile(r"[\W_]")
# Dropped from an intent: these, and everything after ", and this time".
_THIS_TIME: Final = re.compile(r",\s*and\s+this\s+time\b")
_WHICH_TRY: Final = re.compile(r"(?<!\S)(?:again|(?:attempt|try) \d+)(?!\S)")
_TRIES: Final = frozenset({"again", "attempt", "try"})


def intent_key(intent: str) -> str:
    """Words joined by single spaces; empty without words."""
    wanted = _THIS_TIME.split(_folded(intent), maxsplit=1)[0]
    words = ascii_words(wanted) if wanted.isascii() else _BETWEEN.sub(_space_or_mark, wanted).split()
    if not _TRIES.isdisjoint(words):
        words = _WHICH_TRY.sub("", " ".join(words)).split()
    return " ".join(words)


def intent_hash(intent: str) -> int | None:
    """Of its words; ``None`` without words."""
    key = intent_key(intent)
    return short_key(key.encode()) if key else None


def thread_key(blueprint_id: str, source: str, intent: str) -> int | None:
    """Of the retry threads that a run can be part of; ``None`` if the intent has no words."""
    return thread_key_of(blueprint_id, source, intent_hash(intent))


def thread_key_of(blueprint_id: str, source: str, intent: int | None) -> int | None:
    """``intent``: its ``intent_hash``, which is kept when the intent is redacted and its source gets another name."""
    if intent is None:
        return None
    # In one of 37 million logs with a million keys each, two collide by chance; they share a thread only if their
    # times meet too. A deliberate collision gains no more than writing the same intent.
    return short_key("\0".join((blueprint_id, source, str(intent))).encode())


def _folded(intent: str) -> str:
    text = unicodedata.normalize("NFKC", intent[:LONGEST])[:LONGEST]
    return unicodedata.normalize("NFKC", text.casefold())  # folding can take the normal form apart


def _space_or_mark(found: re.Match[str]) -> str:
    character = found[0]
    return character if unicodedata.category(character).startswith("M") else " "
