"""The themes of an axis in a window, most denials first."""

# Numbers count rejected runs, so that each equals the length of a list of rejections.

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from django.db.models import F, OuterRef, Q, QuerySet, Subquery, Sum, TextField, Value
from django.db.models.functions import Coalesce

from enhancelog.domain.theme_ids import ThemeId
from enhancelog.domain.times import day_of, plausible_sql
from enhancelog.models import DailyAxisTally, Denial, DenialTheme, Entry, ThemeTally, ThemeWording
from enhancelog.queries.charts import Window
from enhancelog.queries.counts import CAP, in_days
from enhancelog.queries.patterns.ranking import SPARK_DAYS
from enhancelog.queries.plausible import Plausible
from enhancelog.queries.prepared import Statement, one_number, run, written
from enhancelog.queries.themes.labels import words_by_theme

RARE: Final = 3  # themes of fewer denials in the window are rare
MOST: Final = 100  # themes that are listed, and rare ones
MOST_WORDINGS: Final = 5_000  # that are asked for their newest denial

_WORDING: Final = ThemeWording._meta.db_table
_IN_HOURS: Final = f"""
    SELECT w.theme, COUNT(*) FROM {Denial._meta.db_table} d JOIN {Entry._meta.db_table} e ON e.position = d.position
    LEFT JOIN {DenialTheme._meta.db_table} t ON t.position = d.position AND t.axis = d.axis
    LEFT JOIN {_WORDING} w ON w.axis = t.axis AND w.number = t.wording
    WHERE d.axis = %s AND d.ts_ms >= %s AND d.ts_ms < %s AND d.position <= %s AND d.rejected
        AND {plausible_sql("d.ts_ms", "e.recorded_ms")}
    GROUP BY w.theme"""
_PLAUSIBLE: Final = Plausible("ts_ms", "entry__recorded_ms")


class Newest(NamedTuple):
    issue_id: str
    ts_ms: int
    recorded_ms: int


class Theme(NamedTuple):
    id: ThemeId
    words: Sequence[str]  # the most telling first
    denials: int
    days: Sequence[int]  # denials on each of the last ``SPARK_DAYS`` days
    newest: Newest | None  # may be missing if there are very many wordings


@dataclass(frozen=True)
class Listing:
    denials: int  # of the axis in the window, as far as they have been read
    themes: Sequence[Theme]
    rare: Sequence[Theme]
    all_rare: int
    apart: int  # denials of rare themes, of none any more, or without words
    more: int  # themes that are not listed
    more_denials: int


def listing(axis: str, window: Window, up_to: int, spark_until_ms: int) -> Listing:
    found = _in_hours(axis, window, up_to) if window.hourly else _in_days(axis, window, up_to)
    order = sorted(found.by_theme, key=lambda theme: (-found.by_theme[theme], theme))
    usual = [theme for theme in order if found.by_theme[theme] >= RARE]
    rare = order[len(usual) :]
    shown = [*usual[:MOST], *rare[:MOST]]
    themes = _described(axis, window, up_to, spark_until_ms, {theme: found.by_theme[theme] for theme in shown})
    shared = sum(found.by_theme[theme] for theme in usual)
    return Listing(
        denials=found.denials,
        themes=[themes[theme] for theme in usual[:MOST]],
        rare=[themes[theme] for theme in rare[:MOST]],
        all_rare=len(rare),
        apart=found.denials - shared,
        more=max(0, len(usual) - MOST),
        more_denials=sum(found.by_theme[theme] for theme in usual[MOST:]),
    )


class _Counted(NamedTuple):
    by_theme: Mapping[int, int]
    denials: int  # those of no theme included


def _in_days(axis: str, window: Window, up_to: int) -> _Counted:
    # One statement, so that nothing is derived between the tallies and the rows to leave out. By wording first: an axis
    # has a tally for each wording and day.
    tally = in_days(ThemeTally.objects.filter(axis=axis), window.since_ms, window.until_ms)
    sums = written(tally.order_by().values("wording").annotate(n=Sum("rejected")).values("wording", "n"))
    late = written(_late(DenialTheme.objects.all(), axis, window, up_to).values_list("wording", Value(-1)))
    sql = f"""
        SELECT w.theme, SUM(t.n) FROM ({sums.sql} UNION ALL {late.sql}) t
        LEFT JOIN {_WORDING} w ON w.axis = %s AND w.number = t.wording GROUP BY w.theme"""
    numbers = {theme: int(n) for theme, n in run(Statement(sql, (*sums.values, *late.values, axis)))}
    known = {theme: number for theme, number in numbers.items() if theme is not None and number > 0}
    return _Counted(known, _denials(axis, window, up_to, sum(numbers.values())))


def _denials(axis: str, window: Window, up_to: int, with_words: int) -> int:
    tally = in_days(DailyAxisTally.objects.filter(axis=axis), window.since_ms, window.until_ms)
    total = one_number(tally, Sum("rejected"))
    late = written(_late(Denial.objects.all(), axis, window, up_to).values("entry_id")[: CAP + 1])
    sql = f"SELECT COALESCE(({total.sql}), 0), (SELECT COUNT(*) FROM ({late.sql}) late)"
    ((denials, beyond),) = run(Statement(sql, total.values + late.values))
    # If many are still to come, those without words are not counted yet.
    return with_words if beyond > CAP else max(with_words, int(denials) - int(beyond))


def _in_hours(axis: str, window: Window, up_to: int) -> _Counted:
    values = (axis, window.since_ms, window.until_ms, up_to)
    numbers = {theme: int(number) for theme, number in run(Statement(_IN_HOURS, values))}
    known = {theme: number for theme, number in numbers.items() if theme is not None}
    return _Counted(known, sum(numbers.values()))


def _described(
    axis: str, window: Window, up_to: int, spark_until_ms: int, numbers: Mapping[int, int]
) -> dict[int, Theme]:
    last_day = day_of(spark_until_ms - 1)
    first_day = last_day - SPARK_DAYS + 1
    labels = words_by_theme(axis, numbers)
    days = _daily(axis, numbers, first_day, last_day)
    newest = _newest(axis, window, up_to, numbers)
    return {
        theme: Theme(
            ThemeId(axis, theme),
            labels.get(theme, ()),
            number,
            [days[theme, day] for day in range(first_day, last_day + 1)],
            newest.get(theme),
        )
        for theme, number in numbers.items()
    }


def _daily(axis: str, themes: Iterable[int], first_day: int, last_day: int) -> Counter[tuple[int, int]]:
    of_these = ThemeWording.objects.filter(axis=axis, theme__in=list(themes)).values("number")
    tally: QuerySet[Any] = ThemeTally.objects.filter(axis=axis, wording__in=of_these)
    rows = tally.filter(day__gte=first_day, day__lte=last_day)
    sums = rows.annotate(theme=_theme("wording")).order_by().values("theme", "day").annotate(n=Sum("rejected"))
    return Counter({(theme, day): int(n) for theme, day, n in sums.values_list("theme", "day", "n")})


def _newest(axis: str, window: Window, up_to: int, themes: Iterable[int]) -> dict[int, Newest]:
    denials = DenialTheme.objects.filter(
        _PLAUSIBLE, _within(window), axis=axis, wording=OuterRef("number"), rejected=True, entry_id__lte=up_to
    ).order_by("-ts_ms", "-entry_id")
    rows: QuerySet[Any] = ThemeWording.objects.filter(axis=axis, theme__in=list(themes)).order_by("theme", "number")
    rows = rows.annotate(ts_ms=Subquery(denials.values("ts_ms")[:1]), at=Subquery(denials.values("entry_id")[:1]))
    found: dict[int, tuple[int, int]] = {}
    read = list(rows.values_list("theme", "ts_ms", "at")[: MOST_WORDINGS + 1])
    for theme, *last in read:
        if None not in last:
            found[theme] = max(found.get(theme, (*last,)), (*last,))
    if len(read) > MOST_WORDINGS:  # one wording more may have a newer one
        found = {theme: last for theme, last in found.items() if theme < read[-1][0]}
    positions = [position for _, position in found.values()]
    entries = Entry.objects.filter(position__in=positions).values_list("position", *Newest._fields)
    said = {position: Newest(*rest) for position, *rest in entries}
    return {theme: said[position] for theme, (_, position) in found.items() if position in said}


def _late(denials: QuerySet[Any], axis: str, window: Window, up_to: int) -> QuerySet[Any]:
    # The axis as an expression, so that the positions lead: there are few, and the axis may have a million denials.
    rows: QuerySet[Any] = denials.alias(of_axis=Coalesce(F("axis"), Value(""), output_field=TextField()))
    return rows.filter(_within(window), of_axis=axis, rejected=True, entry_id__gt=up_to).order_by()


def _theme(wording: str) -> Subquery:
    same = ThemeWording.objects.filter(axis=OuterRef("axis"), number=OuterRef(wording))
    return Subquery(same.values("theme")[:1])


def _within(window: Window) -> Q:
    found = Q(_PLAUSIBLE)
    if window.since_ms is None and window.until_ms is None:
        return Q()
    if window.since_ms is not None:
        found &= Q(ts_ms__gte=window.since_ms)
    return found if window.until_ms is None else found & Q(ts_ms__lt=window.until_ms)
