"""Derives themes after the commit: which axes are prose, and what their denials say."""

import time
from collections.abc import Iterable
from typing import Final, NamedTuple

from django.db import connection
from django.db.backends.utils import CursorWrapper

from enhancelog import themes
from enhancelog.backends import dialect, faults
from enhancelog.models import DenialTheme, ThemeLabel, ThemeState
from enhancelog.patterns import Rest, no_rest
from enhancelog.store import theme_counting, theme_grouping, theme_rows, writing
from enhancelog.store.pattern_groups import PAUSE_IF_BUSY_S, Step
from enhancelog.store.theme_rows import AXIS, NO_RULES, PROGRESS, Progress

# Everything that is written follows from the log alone: neither the order of steps nor where one ends matters. Several
# processes may work on it. A redaction or new rules empty what there is, in steps, and it is derived again.

# While a server keeps up, it derives for one part in REST of its time, and at most once in GATHER_S after coming to the
# end, so that denials share transactions. It does not rest while more than this waits, as after an upgrade.
REST: Final = 10
GATHER_S: Final = 1.0
MOST_WAITING: Final = 1_000  # entries

# With words of the details
TEXT_TABLES: Final = (ThemeState, ThemeLabel)

_STARTING_OVER: Final = f"SELECT axis FROM {AXIS} WHERE starts_over ORDER BY axis LIMIT 1"
_LAGGING: Final = f"""
    SELECT MIN(CASE WHEN starts_over THEN 0 ELSE position END) FROM {AXIS}
    WHERE is_prose AND (starts_over OR grouped < denials)"""

_rests_until = 0.0


class Lag(NamedTuple):
    """Denials up to ``up_to`` have themes where they are to have them."""

    up_to: int
    last: int
    is_rebuilding: bool = False

    @property
    def is_done(self) -> bool:
        return self.up_to == self.last and not self.is_rebuilding


def settle() -> None:
    """Derive to the end of the log. Raises ``Other``."""
    while (became := step()) is not Step.DONE:
        if became is Step.BUSY:
            time.sleep(PAUSE_IF_BUSY_S)


def step(rest: Rest = no_rest, *, rests: bool = False) -> Step:
    """Do some of the remaining work of each kind. If it ``rests``, not all the time. Raises ``Other``."""
    global _rests_until
    began = time.monotonic()
    if rests and began < _rests_until:
        return Step.DONE
    with faults():
        became = _step(rest)
        if rests and became is Step.WORKED and not _has_much():
            now = time.monotonic()
            _rests_until = now + max(GATHER_S if is_done() else 0.0, REST * (now - began))
    return became


def rests_s() -> float:
    """How long ``step(rests=True)`` still does nothing."""
    return max(0.0, _rests_until - time.monotonic())


def is_done() -> bool:
    """Raises ``Other``."""
    with faults(), connection.cursor() as cursor:
        found = theme_rows.read(cursor)
        if found.rules > themes.RULES_VERSION:
            return True
        if found.rules < themes.RULES_VERSION or theme_rows.has_denial(cursor, found.position):
            return False
        cursor.execute(_STARTING_OVER)
        return cursor.fetchone() is None and theme_grouping.is_done(cursor)


def progress() -> Lag:
    """Raises ``Other``."""
    with faults(), connection.cursor() as cursor:
        last = writing.last_position(cursor)
        found = theme_rows.read(cursor)
        if found.rules < themes.RULES_VERSION:
            return Lag(0, last, is_rebuilding=True)
        cursor.execute(_LAGGING)
        (lagging,) = cursor.fetchone()
        if lagging is not None:
            return Lag(lagging, last)
        return Lag(found.position if theme_rows.has_denial(cursor, found.position) else last, last)


def rebuild(cursor: CursorWrapper) -> None:
    """Forget what is derived; ``settle`` derives it again. Under the append lock, once denials are complete."""
    theme_rows.write(cursor, theme_rows.read(cursor)._replace(rules=NO_RULES))  # also if the row was lost


def forget(cursor: CursorWrapper, position: int, axes: Iterable[str]) -> None:
    """The details of these axes were redacted in an entry. Under the append lock."""
    # At once what has words of them, and in steps all other rows of the axes: they follow from its words, too.
    of_axes = [(axis,) for axis in sorted(axes)]
    if not of_axes:
        return
    cursor.execute(f"DELETE FROM {theme_rows.DENIAL} WHERE position = %s", [position])
    for table in (theme_rows.STATE, theme_rows.LABEL):
        cursor.executemany(f"DELETE FROM {table} WHERE axis = %s", of_axes)
    cursor.executemany(
        f"UPDATE {AXIS} SET starts_over = %s, position = 0, grouped = 0"
        f" WHERE axis = %s AND denials >= {theme_counting.FIRST_ASKED}",
        [(True, axis) for (axis,) in of_axes],
    )
    cursor.execute(f"UPDATE {PROGRESS} SET version = version + 1")


def counts() -> dict[str, int]:
    """How much is derived."""
    with faults():
        return {"denials with themes": DenialTheme.objects.count()}


def _step(rest: Rest) -> Step:
    with connection.cursor() as cursor:
        found = theme_rows.read(cursor)
        cursor.execute(_STARTING_OVER)
        row = cursor.fetchone()
    if found.rules > themes.RULES_VERSION:
        return Step.DONE
    if found.rules < themes.RULES_VERSION:
        return _empty()
    if row is not None:
        return _start_over(row[0], rest)
    # Each in its turn, so that neither waits for the end of the other.
    steps = [theme_counting.step(rest), theme_grouping.step(rest)]
    return next((became for became in (Step.WORKED, Step.BUSY) if became in steps), Step.DONE)


def _has_much() -> bool:
    with connection.cursor() as cursor:
        found = theme_rows.read(cursor)
        cursor.execute(_STARTING_OVER)
        starts_over = found.rules < themes.RULES_VERSION or cursor.fetchone() is not None
        waits = starts_over or theme_rows.has_denial(cursor, found.position + MOST_WAITING)
        return waits or theme_grouping.has_much(cursor)


def _empty() -> Step:
    with dialect().appending() as cursor:
        found = theme_rows.read(cursor)
        if found.rules >= themes.RULES_VERSION:
            return Step.BUSY
        tables = ((AXIS, "axis"), *theme_rows.TABLES)
        if any(theme_rows.delete_some(cursor, table, key) for table, key in tables):
            theme_rows.write(cursor, found)
        else:
            theme_rows.write(cursor, Progress(themes.RULES_VERSION, 0, found.version))
    return Step.WORKED


def _start_over(axis: str, rest: Rest) -> Step:
    with dialect().appending() as cursor:
        if any(theme_rows.delete_some(cursor, table, key, axis) for table, key in theme_rows.TABLES):
            theme_rows.write(cursor, theme_rows.read(cursor))
            return Step.WORKED
    return theme_counting.recount(axis, rest)
