"""Waits for whatever could still see a row that was deleted before, because VACUUM keeps such rows."""

import time
from collections.abc import Callable
from typing import Final

from django.db.backends.utils import CursorWrapper

# A standby says what its queries see every 10 seconds (``wal_receiver_status_interval``).
LONGEST_S: Final = 15.0
POLL_S: Final = 0.1

# Everybody may see these locks and slots; other roles' ``backend_xmin`` only a member of ``pg_read_all_stats``.
_OPEN: Final = """
    SELECT open.virtualtransaction FROM pg_locks open JOIN pg_stat_activity activity ON activity.pid = open.pid
    WHERE open.locktype = 'virtualxid' AND open.pid <> pg_backend_pid() AND activity.datname = current_database()
        AND activity.backend_type IS DISTINCT FROM 'autovacuum worker'"""
_NEXT: Final = "SELECT pg_snapshot_xmax(pg_current_snapshot())::xid::text"
_OLDER: Final = """
    SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND age(backend_xmin) > age(%s::xid)
            AND COALESCE(datname, current_database()) = current_database()
            AND backend_type IS DISTINCT FROM 'autovacuum worker')
        OR EXISTS (SELECT 1 FROM pg_replication_slots WHERE age(xmin) > age(%s::xid))
        OR EXISTS (SELECT 1 FROM pg_prepared_xacts
            WHERE database = current_database() AND age(transaction) > age(%s::xid))"""


def have_gone(cursor: CursorWrapper, say: Callable[[str], object]) -> bool:
    """Whether nobody sees any more what was deleted before the call; at most after ``LONGEST_S``. In no transaction."""
    cursor.execute(_NEXT)
    (next_id,) = cursor.fetchone()
    open_before = _open(cursor)
    until, has_said = time.monotonic() + LONGEST_S, False
    while True:
        open_before &= _open(cursor)
        cursor.execute(_OLDER, [next_id] * 3)
        if not open_before and not cursor.fetchone()[0]:
            return True
        if time.monotonic() > until:
            return False
        if not has_said:
            say("waiting for older transactions, which still see the deleted texts")
            has_said = True
        time.sleep(POLL_S)


def _open(cursor: CursorWrapper) -> set[str]:
    cursor.execute(_OPEN)
    return {transaction for (transaction,) in cursor.fetchall()}
