"""The filter ``touches``, and which places occur."""

from collections.abc import Sequence
from typing import Final

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from enhancelog.domain.filters import EntryFilter, Seen
from enhancelog.models import EntryPatch, Touch
from enhancelog.queries import meta_values, phrases
from enhancelog.queries.prepared import Statement, run

_TABLE: Final = Touch._meta.db_table
_PLACES: Final = meta_values.next_texts(_TABLE, "place")


def touching(values: Sequence[str], seen: Seen | None) -> Q:
    return Q(Exists(_rows(values, seen).filter(entry=OuterRef("position"))))


def has_patch(seen: Seen | None) -> Q:
    joined = EntryPatch.objects.filter(entry_id=OuterRef("position"))
    if seen is not None:
        joined = joined.filter(patch_id__lte=seen.patches)
    return Q(ops__isnull=False) | Q(Exists(joined))


def leading(wanted: EntryFilter) -> str | None:
    """The place whose entries are one range of an index."""
    return wanted.one("touches")


def range_of(place: str, seen: Seen | None) -> Q:
    """A condition on ``Touch``."""
    condition = Q(place=place)
    return condition if seen is None else condition & Q(**_within(seen))


def few(wanted: EntryFilter, up_to: int) -> list[int] | None:
    """Positions; ``None`` if too many."""
    rows = _rows(wanted.include["touches"], wanted.seen).filter(entry_id__lte=up_to).order_by()
    found = list(rows.values_list("entry_id", flat=True)[: phrases.FEW + 1])
    return list(dict.fromkeys(found)) if len(found) <= phrases.FEW else None


def most_touched(positions: Sequence[int], most: int) -> list[tuple[str, int]]:
    """Places that patches of these entries named by themselves, and of how many entries."""
    rows = Touch.objects.filter(entry__in=positions, is_whole=True, has_named=False).order_by()
    found = rows.values_list("place").annotate(n=Count("entry")).order_by("-n", "place")
    return list(found[:most])


def places(beginning: str) -> list[str]:
    if "\0" in beginning:  # PostgreSQL takes no such text
        return []
    found = run(Statement(_PLACES, (beginning, meta_values.MOST)))
    return [text for (text,) in found if text.startswith(beginning)]


def _rows(values: Sequence[str], seen: Seen | None) -> QuerySet[Touch]:
    rows = Touch.objects.filter(place__in=values)
    return rows if seen is None else rows.filter(**_within(seen))


def _within(seen: Seen) -> dict[str, int]:
    return {"patch__lte": seen.patches, "document__lte": seen.documents}
