"""Counts the denials of each axis, and asks at some of them whether the axis is prose."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Final, NamedTuple

from django.db import connection
from django.db.backends.utils import CursorWrapper

from enhancelog import patterns, themes
from enhancelog.backends import dialect
from enhancelog.models import Denial
from enhancelog.patterns import Rest
from enhancelog.projections.patterns.details import masked
from enhancelog.store import redacted, theme_rows
from enhancelog.store.pattern_groups import Step
from enhancelog.store.theme_rows import AXIS

# It is asked at 50, 100, 200, 400 ... denials, of the last ``ASKED_ABOUT`` up to there: the answer follows from the log
# alone, also when it is derived again. Two answers alike change what an axis is, so that none flickers.

FIRST_ASKED: Final = 50
ASKED_ABOUT: Final = 200
MOST_PROSE: Final = 64  # axes, the first by position
RECOUNTED_AT_ONCE: Final = 10_000

_COLUMNS: Final = (
    "axis", "denials", "inclined", "prose_since", "is_prose", "starts_over", "position", "grouped"
)  # fmt: skip
_UPSERT: Final = """
    ON CONFLICT (axis) DO UPDATE SET denials = excluded.denials, inclined = excluded.inclined,
        prose_since = excluded.prose_since"""
_LAST: Final = f"""
    SELECT position FROM {Denial._meta.db_table} WHERE axis = %s AND position <= %s
    ORDER BY position DESC LIMIT {ASKED_ABOUT}"""
_PROSE: Final = f"SELECT axis FROM {AXIS} WHERE prose_since IS NOT NULL ORDER BY prose_since, axis LIMIT %s"


class Counted(NamedTuple):
    denials: int = 0
    inclined: bool = False
    prose_since: int | None = None


def step(rest: Rest) -> Step:
    """Count the next denials."""
    redactions = redacted.number()
    with connection.cursor() as cursor:
        seen = theme_rows.read(cursor)
        found = theme_rows.next_denials(cursor, seen.position)
        if not found:
            return Step.DONE
        by_axis: defaultdict[str, list[int]] = defaultdict(list)
        for position, axis in found:
            by_axis[axis].append(position)
        before = _read(cursor, by_axis)
    after = {axis: counted(axis, before.get(axis, Counted()), at, rest) for axis, at in sorted(by_axis.items())}
    with dialect().appending() as cursor:
        if theme_rows.read(cursor) != seen or redacted.number() != redactions:
            return Step.BUSY
        _write(cursor, after, has_changed=any(before.get(axis, Counted())[2] != now[2] for axis, now in after.items()))
        theme_rows.write(cursor, seen._replace(position=found[-1][0]))
    return Step.WORKED


def counted(axis: str, before: Counted, positions: Iterable[int], rest: Rest) -> Counted:
    """With the denials at ``positions``, which follow in order."""
    denials, inclined, prose_since = before
    for position in positions:
        denials += 1
        if not _is_asked(denials):
            continue
        answer = is_prose(axis, position, rest)
        if answer == inclined and answer != (prose_since is not None):
            prose_since = position if answer else None
        inclined = answer
    return Counted(denials, inclined, prose_since)


def recounted(axis: str, up_to: int, rest: Rest) -> Counted:
    found, after = Counted(), 0
    while at := theme_rows.positions(axis, after, up_to, RECOUNTED_AT_ONCE, rest):
        found = counted(axis, found, at, rest)
        after = at[-1]
    return found


def recount(axis: str, rest: Rest) -> Step:
    """Of an axis without rows, which starts over."""
    redactions = redacted.number()
    with connection.cursor() as cursor:
        seen = theme_rows.read(cursor)
    found = recounted(axis, seen.position, rest)
    with dialect().appending() as cursor:
        if theme_rows.read(cursor) != seen or redacted.number() != redactions:
            return Step.BUSY
        cursor.execute(f"UPDATE {AXIS} SET starts_over = %s, position = 0, grouped = 0 WHERE axis = %s", [False, axis])
        _write(cursor, {axis: found}, has_changed=True)
        theme_rows.write(cursor, seen)
    return Step.WORKED


def is_prose(axis: str, position: int, rest: Rest) -> bool:
    """Asked about the denials up to this one. Only their details count: neither other templates of the axis, nor what
    people split or merged.
    """
    with connection.cursor() as cursor:
        cursor.execute(_LAST, [axis, position])
        last = sorted(at for (at,) in cursor.fetchall())
    details = [one.detail for one in theme_rows.said(axis, last, rest) if one.detail is not None]
    templates = Counter(masked(detail).template for detail in details)
    groups = patterns.join(list(templates), rest)
    return themes.is_prose({group.template: sum(templates[one] for one in group.members) for group in groups})


def _is_asked(denials: int) -> bool:
    times, left = divmod(denials, FIRST_ASKED)
    return left == 0 and times.bit_count() == 1


def _read(cursor: CursorWrapper, axes: Collection[str]) -> dict[str, Counted]:
    condition, parameter = dialect().one_of("axis", sorted(axes))
    cursor.execute(f"SELECT axis, denials, inclined, prose_since FROM {AXIS} WHERE {condition}", [parameter])
    return {axis: Counted(denials, bool(inclined), since) for axis, denials, inclined, since in cursor.fetchall()}


def _write(cursor: CursorWrapper, found: Mapping[str, Counted], *, has_changed: bool) -> None:
    rows = [(axis, *now, False, False, 0, 0) for axis, now in sorted(found.items())]
    dialect().insert_rows(cursor, AXIS, _COLUMNS, rows, _UPSERT)
    if has_changed:
        _choose(cursor)


def _choose(cursor: CursorWrapper) -> None:
    """Which axes have themes. One that has no more starts over, for its rows go."""
    cursor.execute(_PROSE, [MOST_PROSE])
    chosen = {axis for (axis,) in cursor.fetchall()}
    cursor.execute(f"SELECT axis FROM {AXIS} WHERE is_prose")
    before = {axis for (axis,) in cursor.fetchall()}
    cursor.executemany(f"UPDATE {AXIS} SET is_prose = %s WHERE axis = %s", [(True, axis) for axis in chosen - before])
    cursor.executemany(
        f"UPDATE {AXIS} SET is_prose = %s, starts_over = %s, position = 0, grouped = 0 WHERE axis = %s",
        [(False, True, axis) for axis in before - chosen],
    )
