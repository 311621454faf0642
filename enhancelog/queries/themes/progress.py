"""Which axes are prose, and up to where their denials have themes."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from django.db.models import Exists, Min, QuerySet

from enhancelog import themes
from enhancelog.domain import records
from enhancelog.domain.theme_figures import Kind
from enhancelog.models import Denial, ThemeAxis, ThemeProgress
from enhancelog.store.database import last_position
from enhancelog.store.theme_counting import FIRST_ASKED

FEWEST_DENIALS: Final = 2 * FIRST_ASKED  # the second answer to whether an axis is prose may be yes

_CURRENT: Final = ThemeProgress.objects.filter(rules=themes.RULES_VERSION)


class Themed(NamedTuple):
    last: int
    up_to: int


class Standing(NamedTuple):
    kind: Kind
    denials: int  # counted so far
    last: int
    up_to: int  # up to here, denials of an axis in prose have themes, and those of others are counted

    @property
    def to_come(self) -> int:
        return self.last - self.up_to


def served(axes: Iterable[str]) -> QuerySet[ThemeAxis]:
    """Those that are prose. What others still have, or what other rules made, is about to go."""
    rows = ThemeAxis.objects.filter(axis__in=records.only_ids(tuple(axes)), is_prose=True, starts_over=False)
    return rows.filter(Exists(_CURRENT))


def is_prose(axis: str) -> bool:
    return served([axis]).exists()


def themed(axes: Iterable[str]) -> Themed:
    """Of all these axes; those that are not prose have no themes to wait for."""
    # In this order: else an entry could come, or a denial be counted that has no theme yet, between two of them.
    last = last_position()
    counted = _counted_to(last)
    if counted is None:
        return Themed(last, 0)
    in_prose = ThemeAxis.objects.filter(axis__in=records.only_ids(tuple(axes)), is_prose=True)
    return Themed(last, min([last, *(_end(axis, counted) for axis in in_prose)]))


def _end(axis: ThemeAxis, counted: int) -> int:
    if axis.starts_over:
        return 0
    return counted if axis.grouped == axis.denials else axis.position


def standing(axis: str) -> Standing:
    last, up_to = themed([axis])
    counted = _counted_to(last) or 0
    row = ThemeAxis.objects.filter(axis__in=records.only_ids([axis])).first()
    denials = row.denials if row else 0
    if row and served([axis]).exists():
        return Standing("prose", denials, last, up_to)
    if row and row.starts_over:
        return Standing("not known", denials, last, 0)
    if counted < last:
        return Standing("not known", denials, last, counted)
    if row and row.prose_since is not None:  # others were prose before it
        return Standing("too many axes", denials, last, counted)
    return Standing("few denials" if denials < FEWEST_DENIALS else "not prose", denials, last, counted)


def _counted_to(last: int) -> int | None:
    # The position up to which denials of all axes are counted; ``None``: by other rules.
    done = ThemeProgress.objects.first()
    if done is not None and done.rules != themes.RULES_VERSION:
        return None
    beyond = Denial.objects.filter(entry_id__gt=done.position if done else 0).aggregate(first=Min("entry_id"))["first"]
    return last if beyond is None else min(last, beyond - 1)
