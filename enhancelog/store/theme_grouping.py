"""Adds the denials of an axis in prose to its themes."""

import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from django.db import connection
from django.db.backends.utils import CursorWrapper

from enhancelog.backends import dialect
from enhancelog.domain.times import tally_day
from enhancelog.models import NO_DAY
from enhancelog.patterns import Rest
from enhancelog.store import redacted, theme_rows
from enhancelog.store.pattern_groups import Step
from enhancelog.store.theme_rows import AXIS, DENIAL, LABEL, STATE, TALLY, WORDING, Said
from enhancelog.themes import Move, Themes

# In position order, from the first on: what is written follows from the log alone, wherever a step ends. The themes are
# computed without the append lock. A step that another process has done finds another position, and writes nothing.

DENIALS_AT_ONCE: Final = 250

DENIAL_COLUMNS: Final = ("position", "axis", "wording", "ts_ms", "blueprint_id", "rejected")
TALLY_COLUMNS: Final = ("axis", "wording", "day", "denied", "rejected")
WORDING_COLUMNS: Final = ("axis", "number", "leader", "theme")
_ADD_TALLY: Final = f"""
    ON CONFLICT (axis, wording, COALESCE(day, {NO_DAY})) DO UPDATE SET
        denied = tally.denied + excluded.denied, rejected = tally.rejected + excluded.rejected"""
_WAITING: Final = f"""
    SELECT axis, denials, position, grouped, (SELECT position FROM {theme_rows.PROGRESS} WHERE id = 1) FROM {AXIS}
    WHERE is_prose AND NOT starts_over AND grouped < denials AND axis > %s ORDER BY axis LIMIT 1"""
_MUCH: Final = f"SELECT 1 FROM {AXIS} WHERE is_prose AND NOT starts_over AND denials - grouped >= %s LIMIT 1"
_AT: Final = f"SELECT position, grouped FROM {AXIS} WHERE axis = %s AND is_prose AND NOT starts_over"
_KEEP: Final = "ON CONFLICT (axis) DO UPDATE SET saved = excluded.saved"
_LABEL: Final = "ON CONFLICT (axis, theme) DO UPDATE SET words = excluded.words"


class Waiting(NamedTuple):
    axis: str
    denials: int
    position: int
    grouped: int
    up_to: int  # the position up to which these are all


class Row(NamedTuple):
    said: Said
    wording: int


class _Kept:
    """The themes of one axis, so that a process does not decode in each step what it has just saved.

    ``after``: the last axis that had its turn, until it had no more. Its denials may never end, so others follow.
    """

    def __init__(self) -> None:
        self.after = ""
        self._lock = threading.Lock()
        self._found: tuple[str, Rest, Themes] | None = None

    def take(self, saved: str, rest: Rest) -> Themes:
        with self._lock:
            found, self._found = self._found, None
        if found is not None and found[:2] == (saved, rest):
            return found[2]
        return Themes(saved.encode(), rest)

    def put(self, saved: str, rest: Rest, themes: Themes) -> None:
        with self._lock:
            self._found = saved, rest, themes


_kept: Final = _Kept()


def is_done(cursor: CursorWrapper) -> bool:
    return _next(cursor, "") is None


def has_much(cursor: CursorWrapper) -> bool:
    """Whether the next step of some axis is a whole one."""
    cursor.execute(_MUCH, [DENIALS_AT_ONCE])
    return cursor.fetchone() is not None


def step(rest: Rest) -> Step:
    """Add the next denials of one axis."""
    redactions = redacted.number()
    with connection.cursor() as cursor:
        waiting = _next(cursor, _kept.after) or _next(cursor, "")
        if waiting is None:
            return Step.DONE
        saved = read_saved(cursor, waiting.axis)
    positions = theme_rows.positions(waiting.axis, waiting.position, waiting.up_to, DENIALS_AT_ONCE, rest)
    themes = _kept.take(saved, rest)
    rows, moves = add(themes, theme_rows.said(waiting.axis, positions, rest))
    saved, labels = themes.save().decode(), labels_of(themes)
    with dialect().appending() as cursor:
        cursor.execute(_AT, [waiting.axis])
        if cursor.fetchone() != (waiting.position, waiting.grouped) or redacted.number() != redactions:
            return Step.BUSY
        _write(cursor, waiting.axis, rows, moves)
        _write_labels(cursor, waiting.axis, labels)
        dialect().insert_rows(cursor, STATE, ("axis", "saved"), [(waiting.axis, saved)], _KEEP)
        _go_on(cursor, waiting, positions)
    _kept.put(saved, rest, themes)
    if len(positions) < DENIALS_AT_ONCE:
        _kept.after = waiting.axis
    return Step.WORKED


def _next(cursor: CursorWrapper, after: str) -> Waiting | None:
    cursor.execute(_WAITING, [after])
    row = cursor.fetchone()
    return Waiting(*row) if row else None


def read_saved(cursor: CursorWrapper, axis: str) -> str:
    cursor.execute(f"SELECT saved FROM {STATE} WHERE axis = %s", [axis])
    row = cursor.fetchone()
    return row[0] if row else ""


def add(themes: Themes, details: Iterable[Said]) -> tuple[list[Row], list[Move]]:
    rows: list[Row] = []
    moves: list[Move] = []
    for said in details:
        if said.detail is None:
            continue
        placed = themes.add(said.detail)
        moves += placed.moves
        if placed.wording is not None:
            rows.append(Row(said, placed.wording))
    return rows, moves


def labels_of(themes: Themes) -> dict[int, str]:
    return {theme: " ".join(words) for theme, words in themes.labels().items()}


def denial_row(axis: str, row: Row) -> tuple[int, str, int, int, str, bool]:
    said = row.said
    return said.position, axis, row.wording, said.ts_ms, said.blueprint_id, said.rejected


def tally_key(row: Row) -> tuple[int, int | None]:
    """Wording and day."""
    return row.wording, tally_day(row.said.ts_ms, row.said.recorded_ms)


def _write(cursor: CursorWrapper, axis: str, rows: Sequence[Row], moves: Sequence[Move]) -> None:
    dialect().insert_rows(cursor, DENIAL, DENIAL_COLUMNS, [denial_row(axis, row) for row in rows])
    denied = Counter(tally_key(row) for row in rows)
    rejected = Counter(tally_key(row) for row in rows if row.said.rejected)
    tallies = [(axis, *key, number, rejected[key]) for key, number in denied.items()]
    dialect().insert_rows(cursor, f"{TALLY} AS tally", TALLY_COLUMNS, tallies, _ADD_TALLY)
    _move(cursor, axis, moves)


class Led(NamedTuple):
    leader: int
    theme: int | None


def led(moves: Iterable[Move]) -> dict[int, Led]:
    """By wording that led before the moves, or began with them, what leads it after them."""
    into: dict[int, int] = {}
    themes: dict[int, int | None] = {}
    for move in moves:
        into[move.led] = move.leader
        into.setdefault(move.leader, move.leader)
        themes[move.leader] = move.theme
    found = {}
    for number in into:
        leader = number
        while into[leader] != leader:
            leader = into[leader]
        found[number] = Led(leader, themes[leader])
    return found


def _move(cursor: CursorWrapper, axis: str, moves: Sequence[Move]) -> None:
    after = led(moves)
    cursor.execute(f"SELECT COALESCE(MAX(number), -1) FROM {WORDING} WHERE axis = %s", [axis])
    (last,) = cursor.fetchone()
    known = [(*now, axis, number) for number, now in after.items() if number <= last]
    cursor.executemany(f"UPDATE {WORDING} SET leader = %s, theme = %s WHERE axis = %s AND leader = %s", known)
    begun = [(axis, number, *now) for number, now in sorted(after.items()) if number > last]
    dialect().insert_rows(cursor, WORDING, WORDING_COLUMNS, begun)


def _write_labels(cursor: CursorWrapper, axis: str, labels: dict[int, str]) -> None:
    cursor.execute(f"SELECT theme, words FROM {LABEL} WHERE axis = %s", [axis])
    before: dict[int, str] = dict(cursor.fetchall())
    gone = [(axis, theme) for theme in before.keys() - labels.keys()]
    cursor.executemany(f"DELETE FROM {LABEL} WHERE axis = %s AND theme = %s", gone)
    changed = [(axis, theme, words) for theme, words in labels.items() if before.get(theme) != words]
    dialect().insert_rows(cursor, LABEL, ("axis", "theme", "words"), changed, _LABEL)


def _go_on(cursor: CursorWrapper, waiting: Waiting, positions: Sequence[int]) -> None:
    is_all = len(positions) < DENIALS_AT_ONCE
    position = positions[-1] if positions else waiting.position
    grouped = waiting.denials if is_all else waiting.grouped + len(positions)
    cursor.execute(f"UPDATE {AXIS} SET position = %s, grouped = %s WHERE axis = %s", [position, grouped, waiting.axis])
    theme_rows.write(cursor, theme_rows.read(cursor))
