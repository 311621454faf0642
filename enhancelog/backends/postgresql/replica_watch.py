"""Looks at the primary and the replica all the time, so that no request waits for one that is gone."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotInTime
from contextlib import contextmanager
from typing import Any, Final, Generic, NamedTuple, TypeVar

from django.db import Error

from enhancelog.backends.postgresql.base import DatabaseWrapper
from enhancelog.backends.postgresql.patience import interrupt
from enhancelog.backends.postgresql.replica import Floor, Lineage, ReplicaWrapper, ask_primary
from enhancelog.backends.reading import NEVER_SEEN
from enhancelog.domain.times import now_ms

# Together less than a second, within which requests leave a server that hangs.
LOOK_EVERY_S: Final = 0.3
ANSWER_S: Final = 0.4
# A primary that may only be slow is not given up so soon: somebody else may write to it.
PRIMARY_ANSWERS_S: Final = 2.0
MOST_POSITIONS: Final = 20_000
SHORTEST_PAUSE_S: Final = 0.05

NOT_YET: Final = "it was not looked at yet"
NO_ANSWER: Final = f"it does not answer within {ANSWER_S:g} s"

_log = logging.getLogger(__name__)

W = TypeVar("W", bound=DatabaseWrapper)
T = TypeVar("T")


class State(NamedTuple):
    """``replica_problem``: why nothing may be read from it; empty if it may be. ``behind_s``: how long it has lacked
    something that the primary has written."""

    replica_problem: str = NOT_YET
    replayed: int | None = None
    behind_s: float | None = None
    primary_gone_ms: int | None = None
    primary_problem: str = ""


class _Failing(NamedTuple):
    """Since when: on the clock of ``time.monotonic``, and in epoch ms."""

    since: float
    since_ms: int


class _Place(NamedTuple):
    lineage: Lineage
    replayed: int
    age_s: float | None


class Watch:
    """Of a pair of servers. ``start`` looks in a thread until ``stop``; ``look`` does so once."""

    def __init__(self, primary: dict[str, Any], replica: dict[str, Any]) -> None:
        self.state = State()
        # The highest that this process knows.
        self.floor: Floor | None = None
        self._primary = _Probe(lambda: DatabaseWrapper(primary), _floor)
        self._replica = _Probe(lambda: ReplicaWrapper(replica), _place)
        self._waiting_for_primary: set[DatabaseWrapper] = set()
        self._waiting_for_replica: set[DatabaseWrapper] = set()
        self._primary_fails: _Failing | None = None
        self._replica_answered = 0.0
        self._is_failing = False
        # When the primary was seen where, beyond what the replica has replayed.
        self._written: deque[tuple[float, int]] = deque(maxlen=MOST_POSITIONS)
        self._ends = threading.Event()
        self._soon = threading.Event()
        self._lock = threading.Lock()
        self._floors = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Looks once before it returns."""
        self.look()
        self._thread = threading.Thread(target=self._run, name="replica-watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._ends.set()
        self._soon.set()
        if self._thread is not None:
            self._thread.join()
        self._primary.close()
        self._replica.close()

    def look(self) -> State:
        with self._lock:
            self._primary.begin()
            self._replica.begin()
            floor, primary_problem = self._primary.answer()
            place, replica_problem = self._replica.answer()
            if floor is not None:
                self.has_seen(floor)
            gone_ms = self._primary_gone_ms(primary_problem)
            if place is not None:
                self._replica_answered = time.monotonic()
                state = State(_mismatch(place.lineage, self.floor), place.replayed, self._behind_s(place, floor))
            elif replica_problem == NO_ANSWER and gone_ms is not None and self._may_be_slow():
                state = self.state  # there is nothing else to read
            else:
                _interrupt(self._waiting_for_replica)
                state = State(replica_problem)
            self._is_now(state._replace(primary_gone_ms=gone_ms, primary_problem=primary_problem))
            return self.state

    def _may_be_slow(self) -> bool:
        return time.monotonic() - self._replica_answered < PRIMARY_ANSWERS_S

    def _behind_s(self, place: _Place, primary: Floor | None) -> float:
        now = time.monotonic()
        if primary is not None and (not self._written or self._written[-1][1] != primary.written):
            self._written.append((now, primary.written))
        while self._written and self._written[0][1] <= place.replayed:
            self._written.popleft()
        if not self._written:
            return 0.0
        return now - self._written[0][0] if self._thread is not None else place.age_s or 0.0

    def _primary_gone_ms(self, problem: str) -> int | None:
        if not problem:
            self._primary_fails = None
            return None
        now = time.monotonic()
        if self._primary_fails is None:
            self._primary_fails = _Failing(now, now_ms())
            return None
        if problem == NO_ANSWER and now - self._primary_fails.since < PRIMARY_ANSWERS_S:
            return None
        _interrupt(self._waiting_for_primary)
        return self._primary_fails.since_ms

    def has_seen(self, floor: Floor) -> None:
        with self._floors:
            known = self.floor
            if known is not None and known.lineage == floor.lineage:
                floor = Floor(known.lineage, max(known.written, floor.written), max(known.flushed, floor.flushed))
            self.floor = floor

    def primary_failed(self) -> None:
        """A request found out: look soon."""
        self._soon.set()

    def replica_failed(self, problem: str) -> None:
        if not self.state.replica_problem:
            self._is_now(self.state._replace(replica_problem=problem))
        self._soon.set()

    @contextmanager
    def waiting(self, wrapper: DatabaseWrapper) -> Iterator[None]:
        """What this connection waits for is given up if its server is."""
        waiting = self._waiting_for_replica if isinstance(wrapper, ReplicaWrapper) else self._waiting_for_primary
        waiting.add(wrapper)
        try:
            yield
        finally:
            waiting.discard(wrapper)

    def _run(self) -> None:
        while not self._ends.is_set():
            self._ends.wait(SHORTEST_PAUSE_S)
            self._soon.wait(LOOK_EVERY_S - SHORTEST_PAUSE_S)
            self._soon.clear()
            if not self._ends.is_set():
                self._attempt_to_look()

    def _attempt_to_look(self) -> None:
        try:
            self.look()
        except Exception:  # or nothing would ever be found again
            if not self._is_failing:  # three times a second would fill a log
                _log.exception("cannot look at the primary and the replica")
            self._is_failing = True
        else:
            self._is_failing = False

    def _is_now(self, state: State) -> None:
        before, self.state = self.state, state
        if (before.primary_gone_ms is None) != (state.primary_gone_ms is None):
            _log.warning("the primary is %s", f"gone: {state.primary_problem}" if state.primary_gone_ms else "back")
        if before.replica_problem != state.replica_problem and before.replica_problem != NOT_YET:
            _log.warning("the replica is %s", f"not used: {state.replica_problem}" if state.replica_problem else "used")


class _Probe(Generic[W, T]):
    """Asks a server in a thread of its own, with a connection of its own."""

    def __init__(self, connect: Callable[[], W], ask: Callable[[W], T]) -> None:
        self._connect, self._ask = connect, ask
        self._thread = ThreadPoolExecutor(1, "replica-probe")
        self._wrapper: W | None = None
        self._asking: Future[T] | None = None

    def begin(self) -> None:
        # What ends after its time, because it was interrupted, says nothing about now.
        if self._asking is None or self._asking.done():
            self._asking = self._thread.submit(self._ask_once)

    def answer(self) -> tuple[T | None, str]:
        """``None`` with the reason."""
        assert self._asking is not None  # noqa: S101
        try:
            found = self._asking.result(ANSWER_S)
        except NotInTime:
            if self._wrapper is not None:
                interrupt(self._wrapper)
            return None, NO_ANSWER
        except Error as error:
            self._asking = None
            return None, reason_of(error)
        self._asking = None
        return found, ""

    def close(self) -> None:
        self._thread.submit(self._close)
        self._thread.shutdown(wait=False)

    def _ask_once(self) -> T:
        if self._wrapper is None:
            self._wrapper = self._connect()
        try:
            return self._ask(self._wrapper)
        except Error:
            self._close()
            raise

    def _close(self) -> None:
        if self._wrapper is not None:
            self._wrapper.close()


def reason_of(error: BaseException) -> str:
    """One line, without the address, which follows in other lines."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return " ".join(lines[0].split())[:300]


# Of several hosts, the first may be a machine that is gone, for which each attempt waits: nothing shorter than that
# would ever find the others. Requests use what this finds.
def _floor(wrapper: DatabaseWrapper) -> Floor:
    return ask_primary(wrapper, connect_within_s=None)


def _place(wrapper: ReplicaWrapper) -> _Place:
    wrapper.connect_within_s = None
    found = _Place(wrapper.lineage(), wrapper.replayed(), wrapper.age_s())
    wrapper.remember_host()
    return found


def _interrupt(wrappers: set[DatabaseWrapper]) -> None:
    for wrapper in list(wrappers):
        interrupt(wrapper)


def _mismatch(replica: Lineage, primary: Floor | None) -> str:
    if primary is None:
        return NEVER_SEEN
    known = primary.lineage
    if (replica.system, replica.database) != (known.system, known.database):
        return "it holds another log: it is no replica of the primary"
    if replica.timeline != known.timeline:
        return f"it is on timeline {replica.timeline}, the primary on {known.timeline}, since a failover"
    return ""
