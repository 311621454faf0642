"""The filter ``has=flip``: entries whose candidate an axis judged differently in another run."""

from functools import reduce
from operator import or_
from typing import Final

from django.db.models import Exists, OuterRef, Q, QuerySet

from enhancelog.domain.filters import EntryFilter
from enhancelog.models import Rejudgement
from enhancelog.queries import phrases

_EITHER: Final = ("entry_id", "earlier_id")


def flipped(up_to: int | None) -> Q:
    """On entries."""
    return reduce(or_, (Q(Exists(_rows(up_to).filter(**{name: OuterRef("position")}))) for name in _EITHER))


def few(wanted: EntryFilter, up_to: int) -> list[int] | None:
    """Positions; ``None`` if too many, or if the filter asks for something else too."""
    if wanted.one("has") != "flip":
        return None
    rows = _rows(up_to).order_by("-ts_ms").values_list(*_EITHER)
    found = list(rows[: phrases.FEW + 1])
    return sorted({position for pair in found for position in pair}) if len(found) <= phrases.FEW else None


def _rows(up_to: int | None) -> QuerySet[Rejudgement]:
    rows = Rejudgement.objects.filter(flips=True)
    return rows if up_to is None else rows.filter(entry_id__lte=up_to, earlier_id__lte=up_to)
