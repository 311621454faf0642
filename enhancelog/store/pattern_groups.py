"""Groups an axis's templates after the commit that added them."""

import enum
import time
from collections import deque
from typing import Final

from django.db import connection
from django.db.backends.utils import CursorWrapper

from enhancelog.backends import dialect, faults
from enhancelog.patterns import Rest, no_rest
from enhancelog.projections.patterns import axes, regrouping
from enhancelog.store.writing import last_position

# Expensive work is done without the append lock, and the result is written in short transactions. Several processes may
# work on it: a transaction that finds the axis changed by another writes nothing, and the work starts again. After an
# interruption, the next process repeats it.

# How long a transaction blocks appends, about.
HOLD_S: Final = 0.003
# Between two transactions.
PAUSE_S: Final = 0.005
PAUSE_IF_BUSY_S: Final = 0.05


class Step(enum.Enum):
    WORKED = enum.auto()
    # Another process was faster and continues.
    BUSY = enum.auto()
    # Nothing is left to do.
    DONE = enum.auto()


def settle(axis: str | None = None) -> None:
    """Group the current log, in one axis or all. Raises ``Other``."""
    with faults(), connection.cursor() as cursor:
        up_to = last_position(cursor)
    while (became := step(axis, up_to)) is not Step.DONE:
        if became is Step.BUSY:
            time.sleep(PAUSE_IF_BUSY_S)


def waiting() -> list[axes.Pending]:
    with faults(), connection.cursor() as cursor:
        return axes.pending(cursor)


def step(axis: str | None = None, up_to: int = axes.EVERYWHERE, rest: Rest = no_rest) -> Step:
    """Group one large axis or a few small ones that are pending from ``up_to`` or earlier. Raises ``Other``."""
    with faults():
        with connection.cursor() as cursor:
            found = axes.pending(cursor, up_to, axis)
        if not found:
            return Step.DONE
        works = deque(_Work(each, rest) for each in found)
        return Step.WORKED if _write(works) else Step.BUSY


class _Work:
    def __init__(self, found: axes.Pending, rest: Rest) -> None:
        self._axis, self._version = found.axis, found.version
        with connection.cursor() as cursor:
            basis = regrouping.read(cursor, self._axis)
        moving = basis.moving()  # left by an interrupted process
        self._operations = regrouping.moves(moving) if moving else regrouping.operations(basis, basis.places(rest))

    def go_on(self, cursor: CursorWrapper, until: float) -> Step:
        if not axes.advance(cursor, self._axis, self._version):
            return Step.BUSY
        self._version += 1
        is_left = any(time.monotonic() >= until for _ in self._operations)
        return Step.WORKED if is_left else Step.DONE


def _write(works: deque[_Work]) -> bool:
    has_written = False
    while works:
        with dialect().appending() as cursor:
            until = time.monotonic() + HOLD_S
            while works:
                became = works[0].go_on(cursor, until)
                has_written |= became is not Step.BUSY
                if became is not Step.WORKED:
                    works.popleft()
                if time.monotonic() >= until:
                    break
        if works:
            time.sleep(PAUSE_S)
    return has_written
