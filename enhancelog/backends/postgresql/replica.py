"""A connection to a streaming replica, and what both servers say about their place in the write-ahead log."""

from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any, ClassVar, Final, NamedTuple

import psycopg
from django.db import Error, OperationalError
from django.db.utils import DatabaseErrorWrapper

from enhancelog.backends.postgresql import hosts, patience
from enhancelog.backends.postgresql.base import DatabaseWrapper
from enhancelog.backends.postgresql.hosts import Host
from enhancelog.domain.errors import ReplicaLocked

# A request does not wait longer for a new connection to either server.
CONNECT_S: Final = 0.5

# A change of a table can be replayed without its end, which never comes if the primary is gone.
LOCK_MS: Final = 500
LOCKED: Final = "55P03"
# After these, the same request can succeed on the primary: it writes, or it conflicts with what is or was replayed.
ON_THE_PRIMARY: Final = frozenset({"25006", "40001", LOCKED})
# The server goes away.
GOING: Final = frozenset({"57P01", "57P02", "57P03", "57P04"})

AGE: Final = "SELECT EXTRACT(EPOCH FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float"

_connectors: Final = ThreadPoolExecutor(8, "connect-replica")

# Of a cluster and its database; a physical replica has the same.
_WHOSE: Final = """(SELECT system_identifier FROM pg_control_system()),
    (SELECT oid::bigint FROM pg_database WHERE datname = current_database())"""

# Everything that anybody can see is at or below the insert position, even with synchronous_commit off.
PRIMARY: Final = f"""
    SELECT {_WHOSE}, CASE WHEN NOT pg_is_in_recovery() THEN
        ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::bigint END,
    CASE WHEN NOT pg_is_in_recovery() THEN pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint END,
    CASE WHEN NOT pg_is_in_recovery() THEN pg_wal_lsn_diff(pg_current_wal_flush_lsn(), '0/0')::bigint END"""

# The timeline of the last restartpoint can be older than the one that is replayed, never newer. What the receiver
# says needs the role pg_read_all_stats.
REPLICA: Final = f"""
    SELECT {_WHOSE}, GREATEST(
        (SELECT timeline_id FROM pg_control_checkpoint()),
        (SELECT min_recovery_end_timeline FROM pg_control_recovery()),
        (SELECT received_tli FROM pg_stat_wal_receiver))::bigint, pg_is_in_recovery()"""

REPLAYED: Final = """
    SELECT CASE WHEN pg_is_in_recovery() THEN pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0')::bigint END"""


class Lineage(NamedTuple):
    """Positions of the write-ahead log can be compared only within one."""

    system: int
    database: int
    timeline: int


class Floor(NamedTuple):
    """Where the primary was: ``written`` covers all that anybody has seen, ``flushed`` all that was acknowledged."""

    lineage: Lineage
    written: int
    flushed: int


class IsStandby(OperationalError):
    pass


class IsLocked(OperationalError, ReplicaLocked):
    pass


def ask_primary(wrapper: DatabaseWrapper, connect_within_s: float | None = CONNECT_S) -> Floor:
    """Raises ``IsStandby`` or the errors of the database, after which the connection is closed."""
    wrapper.connect_within_s = connect_within_s
    try:
        with wrapper.cursor() as cursor:
            ((system, database, timeline, written, flushed),) = wrapper.dialect.fetch(cursor, PRIMARY, [])
        if written is None:
            raise IsStandby("the server of DATABASE_URL is a standby")
    except Error:
        wrapper.close()
        raise
    finally:
        wrapper.connect_within_s = None
    return Floor(Lineage(system, database, timeline), written, flushed)


class ReplicaWrapper(DatabaseWrapper):
    """Never writes, even to a server that was promoted. Takes the place of the connection ``default`` for a while."""

    connect_within_s: float | None = CONNECT_S
    connectors = _connectors
    # Where the watch was answered last. Whoever does not wait for long asks there first, and not one that is gone.
    answering: "ClassVar[Host | None]" = None
    # Of the server that it is connected to, as last asked.
    known: "Lineage | None" = None
    # Whether a statement failed that the primary can answer, and whether it failed because the server is gone.
    has_failed = is_lost = False

    def get_connection_params(self) -> dict[str, Any]:
        params = super().get_connection_params()
        limits = f"-c default_transaction_read_only=on -c lock_timeout={LOCK_MS}"
        params["options"] = f"{limits} {params['options']}"
        params.setdefault("target_session_attrs", "standby")
        if self.connect_within_s is None:
            asked = self.settings_dict["OPTIONS"].get("connect_timeout")
            return {**params, "connect_timeout": asked or patience.LEAST_CONNECT_S}
        return params if self.answering is None else hosts.first(params, self.answering)

    @cached_property
    def wrap_database_errors(self) -> DatabaseErrorWrapper:
        return _Noticing(self)

    def remember_host(self) -> None:
        """It has answered."""
        info = self.connection.info
        ReplicaWrapper.answering = Host(info.host, str(info.port))

    def lineage(self) -> Lineage:
        """Raises the errors of the database, also if it is no standby."""
        with self.cursor() as cursor:
            ((system, database, timeline, is_standby),) = self.dialect.fetch(cursor, REPLICA, [])
        if not is_standby:
            raise OperationalError("it was promoted and is no standby any more")
        return Lineage(system, database, timeline)

    def replayed(self) -> int:
        """Raises the errors of the database, also if it is no standby."""
        with self.cursor() as cursor:
            ((position,),) = self.dialect.fetch(cursor, REPLAYED, [])
        if position is None:
            raise OperationalError("it was promoted and is no standby any more")
        return int(position)

    def age_s(self) -> float | None:
        """Of the last commit that it has replayed, by the clocks of both servers."""
        with self.cursor() as cursor:
            ((age_s,),) = self.dialect.fetch(cursor, AGE, [])
        return None if age_s is None else max(0.0, float(age_s))


class _Noticing(DatabaseErrorWrapper):
    def __init__(self, replica: ReplicaWrapper) -> None:
        super().__init__(replica)
        self._replica = replica

    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        if exc_type is not None:
            state = getattr(exc_value, "sqlstate", None)
            is_lost = state in GOING or (state is None and issubclass(exc_type, psycopg.OperationalError))
            self._replica.is_lost |= is_lost
            self._replica.has_failed |= is_lost or state in ON_THE_PRIMARY
            if state == LOCKED:
                raise IsLocked(str(exc_value)) from exc_value
        super().__exit__(exc_type, exc_value, traceback)
