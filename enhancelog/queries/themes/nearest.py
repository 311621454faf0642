"""The next denials of a theme, in the order of a list."""

from typing import Any, Final, NamedTuple

from django.db.models import F, Q, QuerySet

from enhancelog.domain import records
from enhancelog.domain.filters import EntryFilter
from enhancelog.domain.theme_ids import ThemeId
from enhancelog.models import DenialTheme
from enhancelog.queries.selection import beyond, in_order
from enhancelog.queries.themes.of_filter import asks_only, is_tallied_beyond, one, wordings

# Each wording is a range of the index, and the ranges are merged. The denials of a theme may lie far apart among those
# of its axis. Those of a larger theme do not: there, the axis leads.
LARGEST: Final = 100_000

# ``ts_ms`` and position.
Key = tuple[int, int]

_SAID: Final = frozenset(("theme", "axis", "status", "blueprint_id"))


class Nearest(NamedTuple):
    """``end``: key of the last one; ``None``: there are no more."""

    positions: list[int]
    end: Key | None


def nearest(wanted: EntryFilter, up_to: int, most: int, *, ascending: bool, after: Key | None) -> Nearest | None:
    """``None`` if the rows of themes do not say all that the filter asks for, or if there are too many."""
    theme = one(wanted)
    if theme is None or not asks_only(wanted, theme, _SAID) or is_tallied_beyond(theme, LARGEST):
        return None
    rows = _rows(wanted, theme, up_to)
    if after is not None:
        at = "gte" if ascending else "lte"  # which an index serves for each wording
        rows = rows.filter(beyond(*after, ascending=ascending), **{f"ts_ms__{at}": after[0]})
    found = list(in_order(rows, ascending=ascending).values_list("key_ts_ms", "key_position")[: most + 1])
    kept = found[:most]
    return Nearest([position for _, position in kept], kept[-1] if len(found) > most else None)


def _rows(wanted: EntryFilter, theme: ThemeId, up_to: int) -> QuerySet[Any]:
    conditions = Q(axis=theme.axis, wording__in=wordings(theme), entry_id__lte=up_to)
    if "status" in wanted.include:
        conditions &= Q(rejected=True)
    if blueprint_ids := wanted.include.get("blueprint_id"):
        conditions &= Q(blueprint_id__in=records.only_ids(blueprint_ids, may_be_empty=True))
    if wanted.since_ms is not None:
        conditions &= Q(ts_ms__gte=wanted.since_ms)
    if wanted.until_ms is not None:
        conditions &= Q(ts_ms__lt=wanted.until_ms)
    rows: QuerySet[Any] = DenialTheme.objects.annotate(key_ts_ms=F("ts_ms"), key_position=F("entry_id"))
    return rows.filter(conditions)
