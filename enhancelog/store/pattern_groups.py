"""Grouping the templates of an axis, after the commit that brought them and behind the append lock.

What takes long is done without the lock; the result is written in short transactions that each hold it for
``HOLD_S``. Several processes may try: a transaction that finds the axis changed by somebody else changes nothing, and
the work begins anew. Interrupted, it is done again by whoever looks next.
"""

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

HOLD_S: Final = 0.003
"""How long one transaction keeps appends waiting, about."""
PAUSE_S: Final = 0.005
"""Between two of them."""
PAUSE_IF_BUSY_S: Final = 0.05


class Step(enum.Enum):
    """What became of a step."""

    WORKED = enum.auto()
    BUSY = enum.auto()
    """Somebody else was quicker; it is theirs."""
    DONE = enum.auto()
    """Nothing is left to do."""


def settle(axis: str | None = None) -> None:
    """Group what the log says by now, in one axis or in all; what comes meanwhile is for others. Raises ``Other``."""
    with faults(), connection.cursor() as cursor:
        up_to = last_position(cursor)
    while (became := step(axis, up_to)) is not Step.DONE:
        if became is Step.BUSY:
            time.sleep(PAUSE_IF_BUSY_S)


def waiting() -> list[axes.Pending]:
    """What the next step groups. Raises ``Other``."""
    with faults(), connection.cursor() as cursor:
        return axes.pending(cursor)


def step(axis: str | None = None, up_to: int = axes.EVERYWHERE, rest: Rest = no_rest) -> Step:
    """Group one large axis or some small ones, those that wait from the lowest position on unless one is named.

    ``up_to``: the last position from which on they may be waiting. Raises ``Other``.
    """
    with faults():
        with connection.cursor() as cursor:
            found = axes.pending(cursor, up_to, axis)
        if not found:
            return Step.DONE
        works = deque(_Work(each, rest) for each in found)
        return Step.WORKED if _write(works) else Step.BUSY


class _Work:
    """An axis that is being grouped, from the version on that was seen."""

    def __init__(self, found: axes.Pending, rest: Rest) -> None:
        self._axis, self._version = found.axis, found.version
        with connection.cursor() as cursor:
            basis = regrouping.read(cursor, self._axis)
        moving = basis.moving()  # of somebody who was interrupted
        self._operations = regrouping.moves(moving) if moving else regrouping.operations(basis, basis.places(rest))

    def go_on(self, cursor: CursorWrapper, until: float) -> Step:
        """Write a little, but for somebody who was quicker. ``until``: monotonic s."""
        if not axes.advance(cursor, self._axis, self._version):
            return Step.BUSY
        self._version += 1
        is_left = any(time.monotonic() >= until for _ in self._operations)
        return Step.WORKED if is_left else Step.DONE


def _write(works: deque[_Work]) -> bool:
    """In short transactions; whether any of it was to be written."""
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
