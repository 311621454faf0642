"""Verifies themes: replays the denials of each axis in prose, and compares what is stored."""

from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final, cast

from django.db import connection

from enhancelog import themes
from enhancelog.backends import Row, dialect, faults
from enhancelog.domain.times import tally_day
from enhancelog.models import Denial, DenialTheme, ThemeTally
from enhancelog.patterns import no_rest
from enhancelog.store import redacted, theme_counting, theme_grouping, theme_rows
from enhancelog.store.theme_counting import Counted
from enhancelog.store.theme_grouping import DENIALS_AT_ONCE
from enhancelog.store.theme_rows import AXIS, DENIAL, LABEL, TALLY, WORDING
from enhancelog.store.verification import Part, Progress
from enhancelog.themes import Move, Themes

# What is being emptied or counted again is left out, and so is what a redaction changes meanwhile. Memory: the themes
# of one axis, and a few numbers for each of its wordings.

WORDINGS_AT_ONCE: Final = 500
EVERY: Final = 2**31 - 1  # wordings

Key = tuple[int, int | None]  # wording, day

_HINT: Final = "run rebuild_projections"
_AXES: Final = f"SELECT axis, starts_over, denials, inclined, prose_since FROM {AXIS}"
_PROSE: Final = f"SELECT axis FROM {AXIS} WHERE is_prose AND NOT starts_over ORDER BY axis"
_POSITION: Final = f"SELECT position FROM {AXIS} WHERE axis = %s AND is_prose AND NOT starts_over"
_STORED: Final = f"""
    SELECT {", ".join(theme_grouping.DENIAL_COLUMNS)} FROM {DENIAL}
    WHERE position > %s AND position <= %s AND axis || '' = %s ORDER BY position"""
_COUNTS: Final = f"SELECT axis, COUNT(*) FROM {Denial._meta.db_table} WHERE position <= %s GROUP BY axis"
_LABELS: Final = f"SELECT theme, words FROM {LABEL} WHERE axis = %s"
_LAST_WORDING: Final = f"SELECT MAX(number) FROM {WORDING} WHERE axis = %s"
_WORDINGS: Final = f"SELECT number, leader, theme FROM {WORDING} WHERE axis = %s ORDER BY number"


def _findings(progress: Progress) -> Iterator[str]:
    done = 0
    with faults(), dialect().reading_any_text():
        with connection.cursor() as cursor:
            if theme_rows.read(cursor).rules != themes.RULES_VERSION:
                return
        yield from _miscounted()
        for (axis,) in _rows(_PROSE):
            replay = _Replay(axis)
            yield from replay.findings()
            yield from _mistallied(axis)
            done += replay.denials
            progress(done)
        yield from _astray()


def _miscounted() -> Iterator[str]:
    redactions = redacted.number()
    with dialect().appending() as cursor:  # both as of the same progress
        up_to = theme_rows.read(cursor).position
        rows = _rows(_AXES)
    counts: dict[str, int] = dict(_rows(_COUNTS, up_to))
    stored = {axis: Counted() for axis in counts}
    stored |= {axis: Counted(denials, bool(inclined), since) for axis, _, denials, inclined, since in rows}
    for axis in sorted(stored.keys() - {axis for axis, starts_over, *_ in rows if starts_over}):
        found = stored[axis]
        if found.denials != counts.get(axis, 0):
            yield f"{found.denials:,} denials of {axis} are counted instead of {counts.get(axis, 0):,}; {_HINT}"
        elif (found.inclined or found.prose_since is not None) and (
            found != theme_counting.recounted(axis, up_to, no_rest) and redacted.number() == redactions
        ):
            yield f"whether {axis} is prose is not what its denials say; {_HINT}"


class _Replay:
    def __init__(self, axis: str) -> None:
        self._axis = axis
        self._redactions = redacted.number()
        self._themes = Themes()
        self._after = 0
        self.denials = 0  # that have a theme
        self._led_by = array("i")  # a wording to the one that it was folded into, or itself
        self._theme_of: dict[int, int | None] = {}  # of those that lead

    def findings(self) -> Iterator[str]:
        while (position := self._position()) is not None:
            if (wrong := self._first_wrong(position)) is not None:
                if self._holds():
                    yield f"what the denial by {self._axis} at position {wrong} says is not its theme; {_HINT}"
                return
            with dialect().appending():
                if self._position() != position or not self._holds():
                    continue
                found = list(self._wrongly_grouped())
            yield from found
            return

    def _position(self) -> int | None:
        """``None``: it starts over, or is no longer prose."""
        found = _rows(_POSITION, self._axis)
        return found[0][0] if found and found[0][0] >= self._after and self._holds() else None

    def _holds(self) -> bool:
        return redacted.number() == self._redactions

    def _first_wrong(self, up_to: int) -> int | None:
        while self._after < up_to:
            positions = theme_rows.positions(self._axis, self._after, up_to, DENIALS_AT_ONCE)
            end = positions[-1] if len(positions) == DENIALS_AT_ONCE else up_to
            rows, moves = theme_grouping.add(self._themes, theme_rows.said(self._axis, positions))
            wanted = {theme_grouping.denial_row(self._axis, row) for row in rows}
            if wrong := wanted ^ set(_rows(_STORED, self._after, end, self._axis)):
                return min(row[0] for row in wrong)
            self._follow(moves)
            self._after, self.denials = end, self.denials + len(rows)
        return None

    def _follow(self, moves: Sequence[Move]) -> None:
        for move in moves:
            if move.led == len(self._led_by):
                self._led_by.append(move.led)
            self._led_by[move.led] = move.leader
            self._theme_of[move.leader] = move.theme

    def _wrongly_grouped(self) -> Iterator[str]:
        with connection.cursor() as cursor:
            if theme_grouping.read_saved(cursor, self._axis) != (self._themes.save().decode() if self._after else ""):
                yield f"the state of the themes of {self._axis} is not what its denials say; {_HINT}"
        if dict(_rows(_LABELS, self._axis)) != theme_grouping.labels_of(self._themes):
            yield f"the labels of the themes of {self._axis} are not what its denials say; {_HINT}"
        stored = _rows(_WORDINGS, self._axis)
        if len(stored) != len(self._led_by) or any(row != self._wanted(row[0]) for row in stored):
            yield f"the wordings of {self._axis} are not in the themes that its denials say; {_HINT}"

    def _wanted(self, number: int) -> Row | None:
        if not 0 <= number < len(self._led_by):
            return None
        leader = number
        while self._led_by[leader] != leader:
            leader = self._led_by[leader]
        return number, leader, self._theme_of[leader]


def _mistallied(axis: str) -> Iterator[str]:
    ((last,),) = _rows(_LAST_WORDING, axis)
    starts = range(0, (last or 0) + 1, WORDINGS_AT_ONCE)
    for start in starts:
        end = EVERY if start == starts[-1] else start + WORDINGS_AT_ONCE
        if _tallied(axis, start, end) == _told(axis, start, end):
            continue
        with dialect().appending():  # looks again
            is_same = _tallied(axis, start, end) == _told(axis, start, end)
        if not is_same:
            yield f"{TALLY} does not count the denials by {axis} of each wording and day; {_HINT}"
            return


def _tallied(axis: str, start: int, end: int) -> dict[Key, tuple[int, int]]:
    rows = ThemeTally.objects.filter(axis=axis, wording__gte=start, wording__lt=end)
    return {
        (wording, day): (denied, rejected)
        for wording, day, denied, rejected in rows.values_list("wording", "day", "denied", "rejected")
    }


def _told(axis: str, start: int, end: int) -> dict[Key, tuple[int, int]]:
    rows = DenialTheme.objects.filter(axis=axis, wording__gte=start, wording__lt=end)
    denied: Counter[Key] = Counter()
    rejected: Counter[Key] = Counter()
    for wording, ts_ms, recorded_ms, is_rejected in rows.values_list(
        "wording", "ts_ms", "entry__recorded_ms", "rejected"
    ).iterator():
        key = wording, tally_day(ts_ms, recorded_ms)
        denied[key] += 1
        rejected[key] += is_rejected
    return {key: (number, rejected[key]) for key, number in denied.items()}


def _astray() -> Iterator[str]:
    for table, _ in theme_rows.TABLES:
        axes = {axis for (axis,) in _rows(f"SELECT DISTINCT axis FROM {table}")}
        for axis in sorted(axes - _with_rows()):
            with dialect().appending():  # looks again
                is_astray = axis not in _with_rows() and _rows(f"SELECT 1 FROM {table} WHERE axis = %s LIMIT 1", axis)
            if is_astray:
                yield f"{table} should not contain {axis}, which has no themes; {_HINT}"


def _with_rows() -> set[str]:
    return {axis for (axis,) in _rows(f"SELECT axis FROM {AXIS} WHERE is_prose OR starts_over")}


def _rows(statement: str, *values: int | str) -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(statement, list(values))
        return cast("list[Row]", cursor.fetchall())


PART: Final = Part("denials with themes", lambda: DenialTheme.objects.count(), _findings)
