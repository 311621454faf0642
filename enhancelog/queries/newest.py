"""The last stored entries of a filter."""

from collections.abc import Sequence

from enhancelog.domain.filters import EntryFilter
from enhancelog.models import Entry
from enhancelog.queries.counts import Count
from enhancelog.queries.entries import Listed
from enhancelog.queries.horizon import begun, needs_derivation
from enhancelog.queries.reach import is_one_range, stored_last
from enhancelog.queries.selection import select
from enhancelog.store.rows import COLUMNS


def newest(wanted: EntryFilter, size: int) -> list[int]:
    entries = select(*_reading(wanted)) if is_one_range(wanted) else stored_last(*begun(wanted))
    return list(entries.order_by("-key_position").values_list("key_position", flat=True)[:size])


def listed_at(positions: Sequence[int]) -> list[Listed]:
    """Highest first."""
    rows = Entry.objects.filter(position__in=positions).order_by("-position").values_list(*COLUMNS)
    return [Listed(row) for row in rows]


def count_beyond(wanted: EntryFilter, position: int, most: int) -> Count:
    number = select(*_reading(wanted)).filter(key_position__gt=position).order_by()[: most + 1].count()
    return Count(min(number, most), capped=number > most)


def _reading(wanted: EntryFilter) -> tuple[EntryFilter, int | None]:
    return begun(wanted) if needs_derivation(wanted) else (wanted, None)
