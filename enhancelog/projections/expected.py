"""What a projection's tables should contain, derived in memory."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol

from django.db import models
from django.db.backends.utils import CursorWrapper

from enhancelog.backends import dialect
from enhancelog.projections.stored import Stored

Row = tuple[Any, ...]


class Expected(Protocol):
    """Both methods yield a line per difference."""

    def feed(self, entries: Sequence[Stored], after: int, up_to: int) -> Iterator[str]: ...

    def finish(self) -> Iterator[str]: ...


class RowsPerEntry:
    """Rows that belong to one entry each; the first column is its position. ``present`` selects the rows to
    compare.
    """

    def __init__(
        self,
        table: type[models.Model],
        columns: Sequence[str],
        rows: Callable[[Sequence[Stored]], Iterable[Row]],
        present: models.QuerySet[Any] | None = None,
    ) -> None:
        self.table, self._columns, self._rows = table, columns, rows
        self._present = table._default_manager.all() if present is None else present
        self._last = 0

    @property
    def name(self) -> str:
        return self.table._meta.db_table

    def feed(self, entries: Sequence[Stored], after: int, up_to: int) -> Iterator[str]:
        self._last = up_to
        yield from self._differences(set(self._rows(entries)), self._between(after, up_to))

    def differs(self, entries: Sequence[Stored], after: int, up_to: int) -> bool:
        return set(self._rows(entries)) != self._between(after, up_to)

    def repair(self, cursor: CursorWrapper, entries: Sequence[Stored], after: int, up_to: int) -> None:
        """Write the rows of each entry that differ anew. Under the append lock."""
        wanted = list(self._rows(entries))
        differing = {row[0] for row in self._between(after, up_to).symmetric_difference(wanted)}
        if differing:
            condition, parameter = dialect().one_of("position", sorted(differing))
            cursor.execute(f"DELETE FROM {self.name} WHERE {condition}", [parameter])
            rows = [row for row in wanted if row[0] in differing]
            dialect().insert_rows(cursor, self.name, self._columns, rows)

    def finish(self) -> Iterator[str]:
        beyond = self._present.filter(entry_id__gt=self._last)
        yield from self._differences(set(), self._read(beyond))

    def _between(self, after: int, up_to: int) -> set[Row]:
        return set(self._read(self._present.filter(entry_id__gt=after, entry_id__lte=up_to)))

    def _read(self, present: models.QuerySet[Any]) -> Iterable[Row]:
        names = ["entry_id" if column == "position" else column for column in self._columns]
        return present.order_by("entry_id").values_list(*names).iterator()

    def _differences(self, wanted: set[Row], present: Iterable[Row]) -> Iterator[str]:
        missing = set(wanted)
        for row in present:
            if row in wanted:
                missing.discard(row)
            else:
                yield self._line("should not contain", row)
        for row in sorted(missing, key=repr):
            yield self._line("lacks", row)

    def _line(self, said: str, row: Row) -> str:
        return f"{self.name} {said} {_shown(self._columns, row)}"


class Sums:
    """Amounts by key, summed (or merged) over all entries; a key whose amounts are all zero has no row. ``present``
    selects the rows to compare.
    """

    def __init__(
        self,
        table: type[models.Model],
        keys: Sequence[str],
        amounts: Sequence[str],
        sums: Callable[[Sequence[Stored]], dict[Row, Row]],
        merge: Callable[[Row, Row], Row] | None = None,
        present: models.QuerySet[Any] | None = None,
        following: int = 0,
    ) -> None:
        self.table, self.keys, self.amounts = table, keys, amounts
        self.unique = keys[: len(keys) - following]
        self._present = table._default_manager.all() if present is None else present
        self.sums, self.merge = sums, merge or _added
        self._total: dict[Row, Row] = {}

    def feed(self, entries: Sequence[Stored], after: int, up_to: int) -> Iterator[str]:
        for key, amounts in self.sums(entries).items():
            self._total[key] = self.merge(self._total[key], amounts) if key in self._total else amounts
        yield from ()

    def finish(self) -> Iterator[str]:
        wanted = {key: amounts for key, amounts in self._total.items() if any(amounts)}  # zero counts have no row
        width = len(self.keys)
        name = self.table._meta.db_table
        for row in self._present.values_list(*self.keys, *self.amounts).iterator():
            key, amounts = row[:width], row[width:]
            expected = wanted.pop(key, None)
            if expected is None:
                yield f"{name} should not contain {_shown(self.keys, key)}"
            elif expected != amounts:
                said = _shown(self.amounts, amounts), _shown(self.amounts, expected)
                yield f"{name} at {_shown(self.keys, key)} has {said[0]} instead of {said[1]}"
        for key in sorted(wanted, key=repr):
            yield f"{name} lacks {_shown(self.keys, key)}"


def _added(one: Row, other: Row) -> Row:
    return tuple(a + b for a, b in zip(one, other, strict=True))


def _shown(names: Sequence[str], values: Row) -> str:
    return ", ".join(f"{name} {value!r}" for name, value in zip(names, values, strict=True))
