"""Sums over all entries by key: tallies, totals of axes, summaries of Blueprints."""

from collections.abc import Callable
from typing import Any, Final

from django.db import connection
from django.db.backends.utils import CursorWrapper

from enhancelog import projections
from enhancelog.backends import dialect
from enhancelog.models import NO_DAY
from enhancelog.projections import patterns
from enhancelog.projections.expected import Row, Sums
from enhancelog.store.rebuilding.steps import BEFORE_ALL, ENTRIES_AT_ONCE, Basis, basis, entries_after, locked
from enhancelog.store.rebuilding.totals import Totals, temporary

# First, all entries are added up without the append lock. Then, under it, the few that came meanwhile are added, too,
# so that the sums of the next keys are those of the whole log, and the rows of these keys can be compared with them.

KEYS_AT_ONCE: Final = 500


def rebuild(progress: Callable[[int], None]) -> None:
    while not _correct_all(progress):
        pass


# Whether all was added up from the same texts and names.
def _correct_all(progress: Callable[[int], None]) -> bool:
    with temporary() as disk:
        tables = [each for each in projections.expected() if isinstance(each, Sums)]
        tables.append(patterns.stored_sums())
        addition = _Addition([(each, Totals(disk, number, each)) for number, each in enumerate(tables)])
        while addition.go_on() > ENTRIES_AT_ONCE:
            progress(addition.number)
        return all(_correct(addition, sums, totals) for sums, totals in addition.tables)


class _Addition:
    def __init__(self, tables: list[tuple[Sums, Totals]]) -> None:
        self.tables, self.number = tables, 0
        self._done = BEFORE_ALL
        with connection.cursor() as cursor:
            self._basis: Basis = basis(cursor)

    def go_on(self) -> int:
        """Add the next entries; returns how many there were."""
        entries = entries_after(self._done)
        for sums, totals in self.tables:
            totals.add(sums.sums(entries))
        self._done = entries[-1].position if entries else self._done
        self.number += len(entries)
        return len(entries)

    def has_all(self, cursor: CursorWrapper) -> bool:
        """Whether the sums are those of the whole log now. Under the append lock."""
        while self.go_on():
            pass
        return basis(cursor) == self._basis


def _correct(addition: _Addition, sums: Sums, totals: Totals) -> bool:
    after: Row | None = None
    is_first = True
    while is_first or after is not None:
        while addition.go_on() > ENTRIES_AT_ONCE:  # without the lock as far as possible
            pass
        with locked() as cursor:
            if not addition.has_all(cursor):
                return False
            after = _correct_next(cursor, sums, totals, after)
        is_first = False
    return True


# Returns the last of the keys; ``None``: there are no more.
def _correct_next(cursor: CursorWrapper, sums: Sums, totals: Totals, after: Row | None) -> Row | None:
    wanted = {key: _with_null(sums, row) for key, row in totals.after(after, KEYS_AT_ONCE).items()}
    present = _stored_after(cursor, sums, after)
    last = min((list(rows)[-1] for rows in (wanted, present) if len(rows) == KEYS_AT_ONCE), default=None)
    differing = [
        key
        for key in wanted.keys() | present.keys()
        if wanted.get(key) != present.get(key) and (last is None or key <= last)
    ]
    if differing:
        table = sums.table._meta.db_table
        is_key = " AND ".join(f"{name} = %s" for name in _keys(sums))
        cursor.executemany(f"DELETE FROM {table} WHERE {is_key}", sorted(differing))
        rows = [wanted[key] for key in sorted(differing) if key in wanted]
        dialect().insert_rows(cursor, table, (*sums.keys, *sums.amounts), rows)
    return last


def _stored_after(cursor: CursorWrapper, sums: Sums, after: Row | None) -> dict[Row, Row]:
    keys = _keys(sums)
    order, columns = ", ".join(keys), ", ".join([*sums.keys, *sums.amounts])
    # The first condition is for SQLite, which does not seek by an expression in a comparison of rows.
    beyond = "" if after is None else f"WHERE {keys[0]} >= %s AND ({order}) > ({', '.join(['%s'] * len(keys))})"
    cursor.execute(
        f"SELECT {order}, {columns} FROM {sums.table._meta.db_table} {beyond} ORDER BY {order} LIMIT {KEYS_AT_ONCE}",
        [] if after is None else [after[0], *after],
    )
    return {tuple(row[: len(keys)]): tuple(row[len(keys) :]) for row in cursor.fetchall()}


# As the table's unique index has them.
def _keys(sums: Sums) -> list[str]:
    fields: Any = sums.table._meta
    return [f"COALESCE({key}, {NO_DAY})" if fields.get_field(key).null else key for key in sums.unique]


def _with_null(sums: Sums, row: Row) -> Row:
    is_null = row[0] == NO_DAY and sums.keys[0] == "day"
    return (None, *row[1:]) if is_null else row
