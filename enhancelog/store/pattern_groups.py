"""Grouping the templates of an axis, after the commit that brought them and behind the append lock.

What takes long is done without the lock; the result is written in short transactions that each hold it for
``HOLD_S``. Several processes may try: a transaction that finds the axis changed by somebody else changes nothing, and
the work begins anew. Interrupted, it is done again by whoever looks next.
"""

import enum
import time
from collections.abc import Iterator
from typing import Final

from django.db import connection

from enhancelog.backends import dialect, faults
from enhancelog.patterns import Rest, no_rest
from enhancelog.projections.patterns import axes, regrouping

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
    """Group until nothing is left to do, in one axis or in all. Raises ``Other``."""
    while (became := step(axis)) is not Step.DONE:
        if became is Step.BUSY:
            time.sleep(PAUSE_IF_BUSY_S)


def waiting() -> axes.Pending | None:
    """The axis that waits from the lowest position on. Raises ``Other``."""
    with faults(), connection.cursor() as cursor:
        return axes.first_pending(cursor)


def step(axis: str | None = None, rest: Rest = no_rest) -> Step:
    """Group one axis, the one that waits from the lowest position on unless one is named. Raises ``Other``."""
    with faults():
        with connection.cursor() as cursor:
            found = axes.first_pending(cursor) if axis is None else axes.pending(cursor, axis)
        return Step.DONE if found is None else _group(found.axis, found.version, rest)


def _group(axis: str, version: int, rest: Rest) -> Step:
    basis = _read(axis)
    moving = basis.moving()  # of somebody who was interrupted
    operations = regrouping.moves(moving) if moving else regrouping.operations(basis, basis.places(rest))
    return Step.WORKED if _write(operations, axis, version) else Step.BUSY


def _read(axis: str) -> regrouping.Basis:
    with connection.cursor() as cursor:
        return regrouping.read(cursor, axis)


def _write(operations: Iterator[None], axis: str, version: int) -> bool:
    """No: somebody else changed the axis, so that there is no going on."""
    while True:
        with dialect().appending() as cursor:
            if not axes.advance(cursor, axis, version):
                return False
            version += 1
            until = time.monotonic() + HOLD_S
            goes_on = any(time.monotonic() >= until for _ in operations)
        if not goes_on:
            return True
        time.sleep(PAUSE_S)
