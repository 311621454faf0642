"""The filter ``theme``."""

from collections import defaultdict
from collections.abc import Iterable, Set
from functools import reduce
from itertools import starmap
from operator import or_
from typing import Any, Final

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery, Sum, TextField, Value
from django.db.models.functions import Coalesce
from django.db.models.lookups import In

from enhancelog.domain import records, theme_ids
from enhancelog.domain.filters import EntryFilter
from enhancelog.domain.theme_ids import ThemeId
from enhancelog.domain.times import DAY_MS
from enhancelog.models import DenialTheme, ThemeTally, ThemeWording
from enhancelog.queries.plausible import Plausible
from enhancelog.queries.prepared import Statement, one_number, run
from enhancelog.queries.themes.progress import served

# Up to so many denials, each is looked up: they may lie far apart among those of the axis.
FEW: Final = 2_000

_NONE: Final = -1  # the theme of a denial without one
_PLAUSIBLE: Final = Plausible("ts_ms", "entry__recorded_ms")


def ids(values: Iterable[str]) -> list[ThemeId]:
    """Those that can exist."""
    found = (theme_ids.read(value) for value in values)
    return [each for each in found if each is not None and records.is_id(each.axis)]


def axes(wanted: EntryFilter) -> set[str]:
    """Of all themes that a filter names."""
    return {each.axis for name, values in wanted.asked if name == "theme" for each in ids(values)}


def leading_axis(wanted: EntryFilter) -> str | None:
    """The one that denied all entries of the filter, because its themes are of no other."""
    values = wanted.include.get("theme", ())
    found = {each.axis for each in ids(values)}
    return found.pop() if len(found) == 1 and len(ids(values)) == len(values) else None


def is_any_of(values: Iterable[str]) -> Q:
    """On entries. Never NULL, so that it can be negated."""
    by_axis: defaultdict[str, list[int]] = defaultdict(list)
    for each in ids(values):
        by_axis[each.axis].append(each.number)
    return reduce(or_, starmap(_is_one_of, by_axis.items()), Q(pk__in=[]))


def _is_one_of(axis: str, numbers: Iterable[int]) -> Q:
    # One value for each entry, found by two keys: PostgreSQL would answer EXISTS by a hash of all denials.
    denial = DenialTheme.objects.filter(entry=OuterRef(OuterRef("position")), axis=axis)
    said = ThemeWording.objects.filter(axis=axis, number=Subquery(denial.values("wording")[:1]))
    today = known(axis, numbers).filter(theme__isnull=False).values("theme")
    return Q(In(Coalesce(Subquery(said.values("theme")[:1]), Value(_NONE)), today.query))


def one(wanted: EntryFilter) -> ThemeId | None:
    """The theme, if the filter names exactly one."""
    value = wanted.one("theme")
    return next(iter(ids([value])), None) if value is not None else None


def few(wanted: EntryFilter, up_to: int) -> list[int] | None:
    """Positions; ``None`` if too many."""
    theme = one(wanted)
    if theme is None:
        return None
    numbers = list(wordings(theme)[: FEW + 1])
    if len(numbers) > FEW:
        return None
    rows = DenialTheme.objects.filter(axis=theme.axis, wording__in=numbers, entry_id__lte=up_to)
    if wanted.since_ms is not None:
        rows = rows.filter(ts_ms__gte=wanted.since_ms)
    if wanted.until_ms is not None:
        rows = rows.filter(ts_ms__lt=wanted.until_ms)
    found = list(rows.order_by().values_list("entry_id", flat=True)[: FEW + 1])
    return found if len(found) <= FEW else None


def without(wanted: EntryFilter) -> dict[str, tuple[str, ...]]:
    """What is asked beside the theme, and beside its axis."""
    theme = one(wanted)
    rest = {name: values for name, values in wanted.include.items() if name != "theme"}
    if theme is not None and rest.get("axis") == (theme.axis,):
        del rest["axis"]
    return rest


def is_tallied_beyond(theme: ThemeId, most: int) -> bool:
    tally = ThemeTally.objects.filter(axis=theme.axis, wording__in=wordings(theme))
    return (tally.aggregate(n=Sum("denied"))["n"] or 0) > most


def tallied(wanted: EntryFilter, up_to: int) -> int | None:
    """How many entries the filter has; ``None`` if tallies do not cover it."""
    theme = one(wanted)
    if theme is None or not _is_covered(wanted, theme):
        return None
    # One statement, so that nothing is derived between the tallies and the rows beyond ``up_to``.
    tally = ThemeTally.objects.filter(axis=theme.axis, wording__in=wordings(theme))
    # The axis as an expression, so that the positions lead, of which there are few.
    late = DenialTheme.objects.alias(of_axis=Coalesce(F("axis"), Value(""), output_field=TextField()))
    late = late.filter(of_axis=theme.axis, wording__in=wordings(theme), entry_id__gt=up_to)
    if wanted.since_ms is not None:
        tally = tally.filter(day__gte=wanted.since_ms // DAY_MS)
        late = late.filter(_PLAUSIBLE, ts_ms__gte=wanted.since_ms)
    if wanted.until_ms is not None:
        tally = tally.filter(day__lt=wanted.until_ms // DAY_MS)
        late = late.filter(_PLAUSIBLE, ts_ms__lt=wanted.until_ms)
    amount = "denied"
    if "status" in wanted.include:
        amount, late = "rejected", late.filter(rejected=True)
    total = one_number(tally, Sum(amount))
    beyond = one_number(late, Count("entry_id"))
    sql = f"SELECT COALESCE(({total.sql}), 0) - COALESCE(({beyond.sql}), 0)"
    return int(run(Statement(sql, total.values + beyond.values))[0][0])


def _is_covered(wanted: EntryFilter, theme: ThemeId) -> bool:
    bounds = (wanted.since_ms, wanted.until_ms)
    is_whole_days = not any(bound is not None and bound % DAY_MS for bound in bounds)
    return is_whole_days and asks_only(wanted, theme, {"theme", "axis", "status"})


def asks_only(wanted: EntryFilter, theme: ThemeId, names: Set[str]) -> bool:
    """Besides ``names``, for nothing; and for no other axis or status than denials of the theme have."""
    return (
        not wanted.exclude
        and wanted.include.keys() <= names
        and wanted.include.get("axis", ()) in ((), (theme.axis,))
        and wanted.include.get("status", ()) in ((), ("rejected",))
    )


def wordings(theme: ThemeId) -> QuerySet[Any, Any]:
    today = known(theme.axis, [theme.number]).values("theme")
    return ThemeWording.objects.filter(axis=theme.axis, theme=Subquery(today[:1])).values_list("number", flat=True)


def known(axis: str, numbers: Iterable[int]) -> QuerySet[ThemeWording]:
    """Wordings with these numbers; ``theme`` is NULL if one belongs to none any more."""
    return ThemeWording.objects.filter(Exists(served([axis])), axis=axis, number__in=list(numbers))
