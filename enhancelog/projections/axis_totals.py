"""Sums over all runs by axis, in the order in which the axes appeared."""

from collections.abc import Iterable, Sequence

from django.db.backends.utils import CursorWrapper

from enhancelog.backends import dialect
from enhancelog.domain import records
from enhancelog.models import AxisTotal, Entry
from enhancelog.projections.expected import Expected, Row, Sums
from enhancelog.projections.stored import Stored

TABLES = (AxisTotal,)
TOTAL = AxisTotal._meta.db_table
EVERY = ""  # no axis has the empty name

COLUMNS = ("axis", "first_position", "judged", "rejected")
ADD = """
    ON CONFLICT (axis) DO UPDATE SET
        first_position = CASE WHEN excluded.first_position < total.first_position
                              THEN excluded.first_position ELSE total.first_position END,
        judged = total.judged + excluded.judged, rejected = total.rejected + excluded.rejected"""


def apply(cursor: CursorWrapper, entries: Sequence[Stored]) -> None:
    _add(cursor, [(*key, *amounts) for key, amounts in sorted(sums(entries).items())])


def drop(cursor: CursorWrapper, entries: Sequence[Stored]) -> None:
    found = sums(entries)
    _add(cursor, [(*key, first, -judged, -rejected) for key, (first, judged, rejected) in sorted(found.items())])
    cursor.execute(f"DELETE FROM {TOTAL} WHERE judged = 0")
    dropped = {stored.position for stored in entries}
    moved = AxisTotal.objects.filter(axis__in=[axis for (axis,) in found], first_position__in=dropped)
    for axis in moved.values_list("axis", flat=True):
        first = _first_position(axis, dropped)
        cursor.execute(f"UPDATE {TOTAL} SET first_position = %s WHERE axis = %s", [first, axis])


def expected() -> list[Expected]:
    return [Sums(AxisTotal, ("axis",), COLUMNS[1:], sums, merge=_merged)]


def sums(entries: Sequence[Stored]) -> dict[Row, Row]:
    """(axis,) to (position of the first entry, judged, denied in a rejected entry)."""
    alike: dict[tuple[tuple[str, ...], tuple[str, ...]], list[int]] = {}  # most have the same verdicts
    for stored in entries:
        rejected = (*stored.denied,) if stored.entry.status == "rejected" else ()
        alike.setdefault((records.judged_axes(stored.entry), rejected), []).append(stored.position)
    found: dict[Row, Row] = {}
    for (axes, rejected), positions in alike.items():
        first, runs, some = min(positions), len(positions), set(rejected)
        for axis in axes:
            amounts = (first, runs, runs if axis in some else 0)
            found[axis,] = _merged(found[axis,], amounts) if (axis,) in found else amounts
        if axes:
            amounts = (0, runs * len(axes), runs * len(some))
            found[EVERY,] = _merged(found[EVERY,], amounts) if (EVERY,) in found else amounts
    return found


def _merged(one: Row, other: Row) -> Row:
    return min(one[0], other[0]), one[1] + other[1], one[2] + other[2]


def _first_position(axis: str, dropped: Iterable[int]) -> int | None:
    """The ``axis`` still has an entry that is not ``dropped``."""
    written = f'{{"axis":{records.encode_part(axis)},'
    entries = Entry.objects.filter(verdicts__contains=written).exclude(position__in=dropped)
    rows = entries.order_by("position").values_list("position", "verdicts")
    return next((position for position, verdicts in rows.iterator() if written in verdicts), None)


def _add(cursor: CursorWrapper, rows: Sequence[Row]) -> None:
    if rows:
        dialect().insert_rows(cursor, f"{TOTAL} AS total", COLUMNS, rows, ADD)
