"""Which database a request reads: the replica if it has replayed all that anybody can have seen, else the primary."""

# The primary is asked for its position at the start of each request, as in a read index of Raft. So a replica is used
# only at or beyond whatever its reader has written or seen, by whichever server, session or token.

import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, Error, connections

from enhancelog.backends.permit import permit
from enhancelog.domain.errors import PrimaryGone

if TYPE_CHECKING:
    from enhancelog.backends.postgresql.base import DatabaseWrapper
    from enhancelog.backends.postgresql.replica import Floor, ReplicaWrapper
    from enhancelog.backends.postgresql.replica_watch import State, Watch

# How long a request waits for the replica to replay what was just written.
PATIENCE_S: Final = 0.05
SHORTEST_PAUSE_S: Final = 0.001
# After a wait in vain, nobody waits for so long.
IMPATIENT_S: Final = 1.0

# Why a replica is not read.
NEVER_SEEN: Final = "the primary has never been seen, so nobody knows whether it has the same log"


class Source(NamedTuple):
    """Where a request reads. ``read_only_since``: the primary is gone since then (epoch ms)."""

    floor: "Floor"
    read_only_since: int | None = None


class Reading:
    """One run of a request. ``has_failed``: the replica could not answer what the primary can."""

    def __init__(self, replica: "ReplicaWrapper | None") -> None:
        self._replica = replica

    @property
    def is_of_replica(self) -> bool:
        return self._replica is not None

    @property
    def has_failed(self) -> bool:
        return self._replica is not None and self._replica.has_failed


_lock: Final = threading.Lock()
_watch: "Watch | None" = None
_threads: Final = threading.local()
_wrappers: "Final[weakref.WeakSet[ReplicaWrapper]]" = weakref.WeakSet()
_impatient_until = 0.0


def is_configured() -> bool:
    return settings.READ_DATABASE is not None


def watch() -> "Watch":
    """Started at the first use."""
    global _watch
    with _lock:
        if _watch is None:
            _watch = _new_watch()
            _watch.start()
        return _watch


def look() -> "State":
    """Of now, also in a command, which watches nothing."""
    if _watch is not None:
        return _watch.look()
    once = _new_watch()
    try:
        return once.look()
    finally:
        once.stop()


# As servers do: they have seen the primary, or are not ready.
def is_watching() -> bool:
    return _watch is not None


def read_only_since() -> int | None:
    """When the primary went (epoch ms); ``None`` if it is there."""
    return None if _watch is None else _watch.state.primary_gone_ms


def is_read_only() -> bool:
    """Whether the primary is gone and pages are read from the replica."""
    return _watch is not None and _watch.state.primary_gone_ms is not None and not _watch.state.replica_problem


def is_on_replica() -> bool:
    """Whether ``django.db.connection`` is the replica in this thread."""
    return getattr(_threads, "replica", None) is connections[DEFAULT_DB_ALIAS]


def gone() -> PrimaryGone | None:
    """The error of whatever needs the primary while it is gone."""
    since = read_only_since()
    return None if since is None else PrimaryGone(rfc3339(since))


def rfc3339(ms: int) -> str:
    return datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def source() -> Source | None:
    """Where a request that begins now reads; ``None``: on the primary."""
    watching = watch()
    state = watching.state
    if state.replica_problem:
        return None
    if state.primary_gone_ms is None:
        floor = _ask_primary(watching)
        if floor is not None:
            return Source(floor)
        state = watching.state
    if state.primary_gone_ms is None or watching.floor is None:
        return None
    return Source(watching.floor, state.primary_gone_ms)


@contextmanager
def at(wanted: Source | None) -> Iterator[Reading]:
    """In this thread, ``django.db.connection`` is the replica if that is at the source, else the primary."""
    replica = None if wanted is None else _replica_at(wanted)
    if replica is None:
        yield Reading(None)
        return
    primary = connections[DEFAULT_DB_ALIAS]
    connections[DEFAULT_DB_ALIAS] = cast(Any, replica)
    try:
        with watch().waiting(replica):
            yield Reading(replica)
    finally:
        connections[DEFAULT_DB_ALIAS] = primary
        if replica.is_lost:
            replica.close()
            watch().replica_failed("it went away during a request")


@contextmanager
def on_replica(seconds: float) -> Iterator[None]:
    """In this thread, ``django.db.connection`` is the replica, wherever it is. What is not answered in time fails."""
    from enhancelog.backends.postgresql.patience import answering_within

    primary, replica = connections[DEFAULT_DB_ALIAS], _of_thread()
    connections[DEFAULT_DB_ALIAS] = cast(Any, replica)
    try:
        with answering_within(replica, seconds):
            yield
    finally:
        replica.close()
        connections[DEFAULT_DB_ALIAS] = primary


def lacks_writes(wanted: Source) -> bool:
    """Without the primary: whether the replica lacks something that was acknowledged, as far as this process knows."""
    replayed = watch().state.replayed
    return replayed is None or replayed < wanted.floor.flushed


def forget() -> None:
    """Stop watching and close all connections to the replica."""
    global _watch, _impatient_until
    with _lock:
        if _watch is not None:
            _watch.stop()
        _watch, _impatient_until = None, 0.0
    for wrapper in list(_wrappers):
        wrapper.close()


def _new_watch() -> "Watch":
    from enhancelog.backends.postgresql.replica_watch import Watch

    primary = connections.settings[DEFAULT_DB_ALIAS]
    return Watch({**primary}, _settings_of_replica())


def _settings_of_replica() -> dict[str, Any]:
    return {**connections.settings[DEFAULT_DB_ALIAS], **(settings.READ_DATABASE or {})}


def _ask_primary(watching: "Watch") -> "Floor | None":
    # The second time on a new connection: the primary may have restarted.
    from enhancelog.backends.postgresql.replica import ask_primary

    primary = cast("DatabaseWrapper", connections[DEFAULT_DB_ALIAS])
    for is_last in (False, True):
        try:
            with watching.waiting(primary):
                floor = ask_primary(primary)
        except Error:
            if is_last or watching.state.primary_gone_ms is not None:
                watching.primary_failed()
                return None
        else:
            watching.has_seen(floor)
            return floor
    return None


def _replica_at(wanted: Source) -> "ReplicaWrapper | None":
    """This thread's connection, if the replica has come so far, soon."""
    from enhancelog.backends.postgresql.replica_watch import reason_of

    watching = watch()
    if watching.state.replica_problem:
        return None
    replica = _of_thread()
    for is_last in (False, True):
        replica.has_failed = replica.is_lost = False
        try:
            with watching.waiting(replica):
                return replica if _has_come_to(replica, wanted) else None
        except Error as error:
            replica.close()
            if is_last or watching.state.replica_problem:
                watching.replica_failed(reason_of(error))
                return None
    return None


def _has_come_to(replica: "ReplicaWrapper", wanted: Source) -> bool:
    global _impatient_until
    if replica.connection is None or replica.known != wanted.floor.lineage:
        replica.known = replica.lineage()
    if replica.known != wanted.floor.lineage:
        return False
    if wanted.read_only_since is not None:
        return True
    now = time.monotonic()
    deadline, pause_s = now + (PATIENCE_S if now >= _impatient_until else 0.0), SHORTEST_PAUSE_S
    while replica.replayed() < wanted.floor.written:
        if time.monotonic() >= deadline:
            if deadline > now:
                _impatient_until = time.monotonic() + IMPATIENT_S
            return False
        with permit.released():
            time.sleep(pause_s)
        pause_s *= 2
    return True


def _of_thread() -> "ReplicaWrapper":
    from enhancelog.backends.postgresql.replica import ReplicaWrapper

    config = _settings_of_replica()
    found: ReplicaWrapper | None = getattr(_threads, "replica", None)
    if found is None or found.settings_dict != config:
        found = _threads.replica = ReplicaWrapper(config)
        _wrappers.add(found)
    return found
