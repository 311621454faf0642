"""The patterns that deny most in a window, compared with the window before."""

# Numbers count rejected runs, so that each equals the length of a list of rejections.

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from django.db.models import Aggregate, Count, F, Q, QuerySet, Sum, Value

from enhancelog.domain import records
from enhancelog.domain.pattern_states import NEW, PatternState
from enhancelog.domain.times import day_of
from enhancelog.models import Entry, TemplateTally
from enhancelog.queries.blueprint_ids import EVERY, Named
from enhancelog.queries.charts import Window
from enhancelog.queries.counts import in_days
from enhancelog.queries.pattern_ids import SERVED
from enhancelog.queries.pattern_states import expected, states_of
from enhancelog.queries.patterns.served import patterns
from enhancelog.queries.prepared import Statement, fetch, written
from enhancelog.queries.selection import PLAUSIBLE
from enhancelog.queries.windowed import fetch_in, now_and_before

MOST_NEW: Final = 5
MOST_NEW_READ: Final = 100  # patterns with most rejections, of which some may be new

SPARK_DAYS: Final = 21  # days of a sparkline, the last one included


class Place(NamedTuple):
    name: str
    rejected: int


class Numbers(NamedTuple):
    """``rejected`` in the window; ``before``: in the window before."""

    rejected: int = 0
    before: int = 0


@dataclass(frozen=True)
class PatternRow:
    """``place``: with most rejections. ``days``: rejections on each of the last ``SPARK_DAYS`` days. ``first_ms`` and
    ``last_ms`` (epoch ms): of all denials; ``None`` without a plausible time."""

    id: str
    axis: str
    template: str
    numbers: Numbers
    place: Place | None
    days: Sequence[int]
    first_ms: int | None
    last_ms: int | None
    is_new: bool
    state: PatternState = NEW


class Leader(NamedTuple):
    """The template that stands for a pattern."""

    pk: int
    key: str
    axis: str
    wording: str
    first_ms: int | None
    last_ms: int | None

    def row(
        self,
        window: Window,
        numbers: Numbers,
        place: Place | None,
        days: Sequence[int] = (),
        state: PatternState = NEW,
    ) -> PatternRow:
        return PatternRow(
            id=self.key,
            axis=self.axis,
            template=self.wording,
            numbers=numbers,
            place=place,
            days=days,
            first_ms=self.first_ms,
            last_ms=self.last_ms,
            is_new=is_new(self.first_ms, window),
            state=state,
        )


class Scope(NamedTuple):
    """``axis``: ``None`` for any."""

    blueprints: Named = EVERY
    axis: str | None = None


EVERYWHERE: Final = Scope()


class Hidden(NamedTuple):
    """Expected patterns with rejections in the window, and these rejections."""

    patterns: int = 0
    rejected: int = 0


class Ranking(NamedTuple):
    """``left_out``: patterns with rejections in either window but without a row, hidden ones aside. ``new``: first seen
    in the window."""

    rows: Sequence[PatternRow]
    left_out: int
    new: Sequence[PatternRow] = ()
    hidden: Hidden = Hidden()


def ranked(
    window: Window, spark_until_ms: int, most: int, scope: Scope = EVERYWHERE, *, shows_expected: bool = False
) -> Ranking:
    """The ``most`` patterns with most rejections. Sparklines end with the day before ``spark_until_ms``."""
    counted, hidden = without_expected(numbers(window, scope), shows_expected)
    order = sorted(counted, key=lambda pattern: (-counted[pattern].rejected, -counted[pattern].before, pattern))
    possible = [pattern for pattern in order if not counted[pattern].before][:MOST_NEW_READ]
    leaders = leaders_of([*order[:most], *possible])
    new = [each for each in possible if each in leaders and is_new(leaders[each].first_ms, window)][:MOST_NEW]
    shown = list(dict.fromkeys([*order[:most], *new]))
    rows = {row.id: row for row in described(shown, counted, window, spark_until_ms, scope, leaders)}
    first, latest = (
        [rows[leaders[pattern].key] for pattern in part if pattern in leaders] for part in (order[:most], new)
    )
    return Ranking(first, len(order) - len(first), latest, hidden)


def without_expected(found: dict[int, Numbers], shows_expected: bool) -> tuple[dict[int, Numbers], Hidden]:
    """``Hidden`` counts them also if they are shown."""
    apart = expected().keys() & found.keys()
    hidden = [found[pattern].rejected for pattern in apart if found[pattern].rejected]
    if not shows_expected:
        found = {pattern: here for pattern, here in found.items() if pattern not in apart}
    return found, Hidden(len(hidden), sum(hidden))


def numbers(window: Window, scope: Scope = EVERYWHERE) -> dict[int, Numbers]:
    def write(window: Window) -> Statement:
        source = _source(window, scope)
        # Columns of both windows, because rows that are grouped by window, too, would have to be sorted.
        sums = {
            "n_rejected": source.rejected(source.now),
            "n_before": source.rejected(source.before),
        }
        return written(source.rows.values("pattern").annotate(**sums).values_list("pattern", *sums))

    found = {
        pattern: Numbers(*(int(number or 0) for number in numbers))
        for pattern, *numbers in fetch_in(window, ("pattern numbers", scope), write)
    }
    return {pattern: here for pattern, here in found.items() if here.rejected or here.before}


def described(
    order: Sequence[int],
    counted: Mapping[int, Numbers],
    window: Window,
    spark_until_ms: int,
    scope: Scope = EVERYWHERE,
    leaders: Mapping[int, Leader] | None = None,
) -> list[PatternRow]:
    """``leaders``: if already read."""
    places = _top_places(window, order, scope)
    last_day = day_of(spark_until_ms - 1)
    days = daily(order, last_day, scope)
    leaders = leaders_of(order) if leaders is None else leaders
    states = states_of(order)
    return [
        leader.row(
            window,
            counted[pattern],
            places.get(pattern),
            [days[pattern, day] for day in range(last_day - SPARK_DAYS + 1, last_day + 1)],
            states[pattern],
        )
        for pattern in order
        if (leader := leaders.get(pattern))
    ]


def leaders_of(order: Iterable[int]) -> dict[int, Leader]:
    wanted = tuple(sorted(order))

    def write() -> Statement:
        return written(patterns().filter(pk__in=wanted).values_list(*Leader._fields))

    return {leader.pk: leader for leader in map(Leader._make, fetch(("pattern leaders", wanted), write))}


def top_places(rejections: Iterable[tuple[int, str, int]]) -> dict[int, Place]:
    """``rejections``: pattern, Blueprint and their number."""
    found: dict[int, Place] = {}
    for pattern, blueprint_id, number in rejections:
        top = found.get(pattern)
        if top is None or (-number, blueprint_id) < (-top.rejected, top.name):
            found[pattern] = Place(blueprint_id, int(number))
    return found


def is_new(first_ms: int | None, window: Window) -> bool:
    return window.since_ms is not None and first_ms is not None and first_ms >= window.since_ms


# ``rejected``: their number, of rows that meet a further condition. ``now`` and ``before``: which rows are of the
# window, and of the one before.
class _Source(NamedTuple):
    rows: QuerySet[Any]
    rejected: Callable[[Q], Aggregate]
    now: Q
    before: Q


def _source(window: Window, scope: Scope) -> _Source:
    return _from_index(window, scope) if window.hourly else _from_tallies(window, scope)


def _from_tallies(window: Window, scope: Scope) -> _Source:
    rows = in_days(_tallies(scope), window.start_ms, window.until_ms)
    rows = rows.order_by().annotate(pattern=F("template__pattern_id"), place=F("blueprint_id"))
    return _Source(rows, lambda which: Sum("rejected", filter=which), *now_and_before(window))


def _from_index(window: Window, scope: Scope) -> _Source:
    entries = Entry.objects.filter(PLAUSIBLE, ts_ms__gte=window.start_ms, ts_ms__lt=window.until_ms, status="rejected")
    denials = entries.order_by().filter(_conditions(scope, "patterns__template__"), patterns__template__rules=SERVED)
    # With the bare column, SQLite would read the window once for each template of a pattern; with the entry's own
    # Blueprint, it would follow the index of Blueprints.
    rows = denials.annotate(pattern=F("patterns__template__pattern_id") + Value(0), place=F("patterns__blueprint_id"))
    return _Source(rows, lambda which: Count("position", filter=which), *now_and_before(window))


def _tallies(scope: Scope) -> QuerySet[Any]:
    return TemplateTally.objects.filter(_conditions(scope, "template__"), template__rules=SERVED)


def _conditions(scope: Scope, template: str) -> Q:
    found = scope.blueprints.condition
    return found if scope.axis is None else found & Q(**{f"{template}axis__in": records.only_ids([scope.axis])})


def _top_places(window: Window, order: Iterable[int], scope: Scope) -> dict[int, Place]:
    wanted = tuple(sorted(order))

    def write(window: Window) -> Statement:
        source = _source(window, scope)
        rows = source.rows.filter(pattern__in=wanted).values("pattern", "place").annotate(n=source.rejected(Q()))
        return written(rows.filter(n__gt=0).values_list("pattern", "place", "n"))

    return top_places(fetch_in(replace(window, before_ms=None), ("pattern places", wanted, scope), write))


def daily(order: Iterable[int], last_day: int, scope: Scope = EVERYWHERE) -> Counter[tuple[int, int]]:
    wanted = tuple(sorted(order))

    def write() -> Statement:
        rows = _tallies(scope).filter(day__gt=last_day - SPARK_DAYS, day__lte=last_day)
        rows = rows.order_by().filter(template__pattern_id__in=wanted).values("template__pattern_id", "day")
        return written(rows.annotate(n=Sum("rejected")).values_list("template__pattern_id", "day", "n"))

    sums = fetch(("pattern days", last_day, wanted, scope), write)
    return Counter({(pattern, day): int(number) for pattern, day, number in sums})
