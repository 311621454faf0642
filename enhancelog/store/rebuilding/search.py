"""The search index."""

from collections.abc import Callable
from typing import Final

from django.db import connection
from django.db.backends.utils import CursorWrapper

from enhancelog.backends import dialect
from enhancelog.projections import search_index
from enhancelog.store import redacted
from enhancelog.store.database import last_position
from enhancelog.store.rebuilding.steps import entries_after, locked

ENTRIES_AT_ONCE: Final = 250


def rebuild(progress: Callable[[int], None]) -> None:
    _sweep()  # what one that was interrupted left
    while not _renew(progress):
        pass
    _sweep()


def _sweep() -> None:
    is_left = True
    while is_left:
        with locked() as cursor:
            is_left = dialect().search.sweep(cursor)


# Whether it came to the end: a redaction takes what was made so far with it.
def _renew(progress: Callable[[int], None]) -> bool:
    index = dialect().search
    with locked() as cursor:
        after = index.renewing(cursor)
    done = max(after, 0)
    while True:
        redactions = redacted.number()
        entries = entries_after(after, ENTRIES_AT_ONCE)
        documents = search_index.documents(entries)  # the expensive part, without the lock
        with connection.cursor() as cursor:
            if entries and index.is_right(cursor, documents, after, entries[-1].position):
                after = entries[-1].position
                done += len(entries)
                progress(done)
                continue
        with locked() as cursor:
            if redacted.number() != redactions:
                continue
            if entries and not index.renew(cursor, documents, after, entries[-1].position):
                return False
            after = entries[-1].position if entries else after
            if not entries or last_position() - after <= ENTRIES_AT_ONCE:  # appends may never pause
                _finish(cursor, after)
                return True
        done += len(entries)
        progress(done)


def _finish(cursor: CursorWrapper, after: int) -> None:
    index = dialect().search
    while entries := entries_after(after, ENTRIES_AT_ONCE):
        index.renew(cursor, search_index.documents(entries), after, entries[-1].position)
        after = entries[-1].position
    index.serve(cursor, last_position())
