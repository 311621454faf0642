"""Reads and writes the progress of themes, and reads the denials that they are derived from."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import msgspec
from django.db import connection
from django.db.backends.utils import CursorWrapper

from enhancelog import themes
from enhancelog.backends import in_parts
from enhancelog.domain.redactions import REDACTED
from enhancelog.models import (
    Denial,
    DenialTheme,
    Entry,
    ThemeAxis,
    ThemeLabel,
    ThemeProgress,
    ThemeState,
    ThemeTally,
    ThemeWording,
)
from enhancelog.patterns import Rest, no_rest
from enhancelog.store.rows import decode_verdicts

PROGRESS: Final = ThemeProgress._meta.db_table
AXIS: Final = ThemeAxis._meta.db_table
STATE: Final = ThemeState._meta.db_table
LABEL: Final = ThemeLabel._meta.db_table
DENIAL: Final = DenialTheme._meta.db_table
TALLY: Final = ThemeTally._meta.db_table
WORDING: Final = ThemeWording._meta.db_table

# With their keys; the first that are emptied are those with words.
TABLES: Final = ((STATE, "axis"), (LABEL, "axis, theme"), (DENIAL, "position, axis"), (TALLY, "id"),
                 (WORDING, "axis, number"))  # fmt: skip
# Of ``ThemeProgress.rules``: what is there is to be emptied.
NO_RULES: Final = 0
ROWS_AT_ONCE: Final = 1_000  # deleted in a transaction
DENIALS_AT_ONCE: Final = 2_000  # counted; or those of one entry, if it has more
POSITIONS_AT_ONCE: Final = 1_000  # looked through for denials of an axis; then twice as many, and so on
MOST_POSITIONS_AT_ONCE: Final = 64_000
ENTRIES_AT_ONCE: Final = 50  # whose verdicts are read; each may have 1 MiB

_DENIAL_ROWS: Final = Denial._meta.db_table
_READ: Final = f"SELECT rules, position, version FROM {PROGRESS} WHERE id = 1"
_WRITE: Final = f"""
    INSERT INTO {PROGRESS} (id, rules, position, version) VALUES (1, %s, %s, %s) ON CONFLICT (id) DO UPDATE SET
        rules = excluded.rules, position = excluded.position, version = excluded.version"""
_NEXT: Final = f"SELECT position, axis FROM {_DENIAL_ROWS} WHERE position > %s ORDER BY position, axis LIMIT %s"
_OF_ENTRY: Final = f"SELECT position, axis FROM {_DENIAL_ROWS} WHERE position = %s ORDER BY axis"
# The concatenation keeps SQLite from reading all denials of the axis.
_OF_AXIS: Final = f"""
    SELECT position FROM {_DENIAL_ROWS} WHERE position > %s AND position <= %s AND axis || '' = %s
    ORDER BY position LIMIT %s"""


class Progress(NamedTuple):
    rules: int
    position: int
    version: int


class Said(NamedTuple):
    """A denial of an axis. ``detail``: ``None`` if it was redacted, or cannot be read."""

    position: int
    recorded_ms: int
    ts_ms: int
    blueprint_id: str
    rejected: bool
    detail: str | None


def read(cursor: CursorWrapper) -> Progress:
    cursor.execute(_READ)
    row = cursor.fetchone()
    return Progress(*row) if row else Progress(themes.RULES_VERSION, 0, 0)


def write(cursor: CursorWrapper, progress: Progress) -> None:
    """Whoever writes anything of themes does this, too, so that readers see that something changed."""
    cursor.execute(_WRITE, [*progress[:2], progress.version + 1])


def next_denials(cursor: CursorWrapper, after: int) -> list[tuple[int, str]]:
    """Positions and axes, of whole entries."""
    cursor.execute(_NEXT, [after, DENIALS_AT_ONCE])
    found: list[tuple[int, str]] = cursor.fetchall()
    if len(found) < DENIALS_AT_ONCE:
        return found
    first, last = found[0][0], found[-1][0]
    if first < last:
        return [row for row in found if row[0] < last]
    cursor.execute(_OF_ENTRY, [first])
    return list(cursor.fetchall())


def has_denial(cursor: CursorWrapper, after: int) -> bool:
    cursor.execute(f"SELECT 1 FROM {_DENIAL_ROWS} WHERE position > %s LIMIT 1", [after])
    return cursor.fetchone() is not None


def positions(axis: str, after: int, up_to: int, most: int, rest: Rest = no_rest) -> list[int]:
    """Where the axis denied in (``after``, ``up_to``], the first ``most``."""
    found: list[int] = []
    width = POSITIONS_AT_ONCE
    with connection.cursor() as cursor:
        while after < up_to and len(found) < most:
            end = min(after + width, up_to)
            cursor.execute(_OF_AXIS, [after, end, axis, most - len(found)])
            found += [position for (position,) in cursor.fetchall()]
            after, width = end, min(2 * width, MOST_POSITIONS_AT_ONCE)
            rest()
    return found


def said(axis: str, at: Sequence[int], rest: Rest = no_rest) -> Iterator[Said]:
    """In order."""
    columns = ("position", "recorded_ms", "ts_ms", "blueprint_id", "status", "verdicts")
    for part in in_parts(at, ENTRIES_AT_ONCE):
        for row in Entry.objects.filter(position__in=part).order_by("position").values_list(*columns):
            rest()
            position, recorded_ms, ts_ms, blueprint_id, status, verdicts = row
            detail = _detail(axis, verdicts)
            yield Said(position, recorded_ms, ts_ms, blueprint_id, status == "rejected", detail)


def _detail(axis: str, verdicts: str) -> str | None:
    try:
        denied = [each.detail for each in decode_verdicts(verdicts) if each.axis == axis and each.status == "deny"]
    except (ValueError, msgspec.MsgspecError):  # damaged, as ``verify_log`` says
        return None
    return denied[0] if denied and denied[0] != REDACTED else None


def delete_some(cursor: CursorWrapper, table: str, key: str, axis: str | None = None) -> bool:
    """Whether there were any."""
    condition, values = ("WHERE axis = %s", [axis]) if axis is not None else ("", [])
    some = f"SELECT {key} FROM {table} {condition} LIMIT {ROWS_AT_ONCE}"
    cursor.execute(f"DELETE FROM {table} WHERE ({key}) IN ({some})", values)
    return int(cursor.rowcount) > 0
