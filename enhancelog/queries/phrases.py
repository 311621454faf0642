"""Positions of entries that contain a phrase."""

import time
from typing import Final

from django.db import connection

from enhancelog.backends import Found, dialect
from enhancelog.domain.filters import EntryFilter

# Up to so many entries, reading each is faster than scanning any list.
FEW: Final = 500

_FEW_S: Final = 0.05


def find(wanted: EntryFilter, between: tuple[int, int], most: int, seconds: float, *, asc: bool) -> Found:
    """``between``: inclusive."""
    phrases = [phrase for phrase in wanted.phrases if phrase.tokens]
    if not phrases:
        return Found([], stopped=False)
    index = dialect().search
    deadline = time.monotonic() + seconds
    with connection.cursor() as cursor:
        return index.find(cursor, index.question(phrases), between, most, deadline, asc=asc)


def few(wanted: EntryFilter, up_to: int) -> list[int] | None:
    """``None`` if too many or too slow."""
    found = find(wanted, (1, up_to), FEW + 1, _FEW_S, asc=False)
    return None if found.stopped or len(found.positions) > FEW else found.positions
