"""The search index."""

from collections.abc import Callable

from django.db import connection

from enhancelog.backends import dialect
from enhancelog.projections import search_index
from enhancelog.store import redacted
from enhancelog.store.database import last_position
from enhancelog.store.rebuilding.steps import ENTRIES_AT_ONCE, entries_after, locked


def rebuild(progress: Callable[[int], None]) -> None:
    while not _renew(progress):
        pass
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
                continue
        with locked() as cursor:
            if redacted.number() != redactions:
                continue
            if entries and not index.renew(cursor, documents, after, entries[-1].position):
                return False
            if not entries and last_position() <= after:
                index.serve(cursor, last_position())
                return True
        after = entries[-1].position if entries else after
        done += len(entries)
        progress(done)
