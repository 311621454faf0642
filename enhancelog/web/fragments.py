"""Rows of lists as HTML, kept for good: they derive from the entry alone, and entries never change.

A kept row holds everything that is costly to render. What depends on the page (the filter that links to entries carry)
or on other entries (which try this is) goes in afterwards, where a NUL stands, which no text of an entry can hold. Gaps
and headings are the page's own.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from html import escape
from typing import Final, NamedTuple

from django.utils.safestring import SafeString

from enhancelog.domain.badges import MEANINGS, badges
from enhancelog.domain.records import Entry
from enhancelog.queries.entries import Listed

KEPT_ROWS: Final = 5_000
SHOWN_DENIALS: Final = 6
SHOWN_CHARACTERS: Final = 240
NO_INTENT: Final = "(no intent)"
NO_REASON: Final = "no reason given"

QUERY: Final = "\0query\0"
THREAD: Final = "\0thread\0"
_NOTHING: Final = SafeString()


class Badge(NamedTuple):
    name: str
    meaning: str


class Why(NamedTuple):
    """One reason for a rejection; ``axis`` is empty where no verdict stands behind it."""

    axis: str
    text: str


class Reasons(NamedTuple):
    """The first reasons for a rejection, and how many ``more`` there are."""

    shown: list[Why]
    more: int


Maker = Callable[[Listed], str]
"""Makes a row of an entry, with ``QUERY`` and ``THREAD`` where these go."""

Key = tuple[Maker, int, str, int]


class Rows:
    """The last rows that were asked for, by what makes them: maker, position, digest and when it was recorded."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._rows: OrderedDict[Key, str] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Key, make: Callable[[], str]) -> str:
        with self._lock:
            if key in self._rows:
                self._rows.move_to_end(key)
                return self._rows[key]
        made = make()
        with self._lock:
            self._rows[key] = made
            if len(self._rows) > self._size:
                self._rows.popitem(last=False)
        return made

    def clear(self) -> None:
        with self._lock:
            self._rows.clear()


_rows = Rows(KEPT_ROWS)


def row(make: Maker, listed: Listed, query: str, thread: SafeString = _NOTHING) -> SafeString:
    """``listed`` as ``make`` writes it; its link to the entry carries ``query``, ``thread`` says which try it is."""
    key = (make, listed.position, listed.digest, listed.recorded_ms)
    return filled(_rows.get(key, lambda: make(listed)), query, thread)


def filled(made: str, query: str, thread: SafeString = _NOTHING) -> SafeString:
    """A row with what depends on the page or on other entries."""
    return SafeString(made.replace(QUERY, escape(query)).replace(THREAD, thread))  # all of it is escaped


def first_line(text: str, limit: int = SHOWN_CHARACTERS) -> str:
    """What stands for a long text in a row: its first line that says something, cut."""
    line = next((line.strip() for line in text[: limit * 20].splitlines() if line.strip()), "")
    return line if len(line) <= limit else f"{line[:limit].rstrip()}…"


def badges_of(listed: Listed) -> str:
    """What is off about an entry, each with its meaning."""
    names = badges(listed.entry, listed.recorded_ms)
    return "".join([f'<span class="badge" title="{escape(MEANINGS[name])}">{escape(name)}</span>' for name in names])


def described(entry: Entry, recorded_ms: int) -> list[Badge]:
    """The entry's badges with their meanings."""
    return [Badge(name, MEANINGS[name]) for name in badges(entry, recorded_ms)]


def reasons(entry: Entry) -> Reasons:
    """Why an entry was rejected: its denials, or failing these the reasons it carries; ``SHOWN_DENIALS`` of them."""
    denied = [verdict for verdict in entry.verdicts if verdict.status == "deny"]
    if denied:
        shown = [Why(verdict.axis, verdict.detail) for verdict in denied[:SHOWN_DENIALS]]
    else:
        shown = [Why("", reason) for reason in entry.reasons[:SHOWN_DENIALS]]
    return Reasons(shown, len(denied or entry.reasons) - len(shown))
