"""Geometry of charts, and links from bars to the runs that they count."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final, NamedTuple, Protocol

from enhancelog import links
from enhancelog.queries.charts import Bar as Span
from enhancelog.queries.judgements import Judged
from enhancelog.web.periods import full_label

# ``templates/macros/charts.jinja`` stretches drawings to the place that a page has for them, so none contains text.
HEIGHT: Final = 160
STRIP_HEIGHT: Final = 18
STEP: Final = 100  # width of a bar with its gaps
GAP: Final = 14  # on each side of a bar
SMALLEST: Final = 1.5  # a bar's height, so that a single run can be seen among thousands
_APPLIED: Final = ("status", "applied")

HATCHES: Final = 70  # lines across a whole strip


class Spark(NamedTuple):
    """Paths: ``base`` where numbers are zero, ``bars`` elsewhere."""

    width: int
    height: int
    base: str
    bars: str


class Ratio(NamedTuple):
    """Widths in per cent; ``applied_at`` is where the second part starts."""

    rejected: float
    applied_at: float
    applied: float


class Totals(Protocol):
    @property
    def applied(self) -> int: ...

    @property
    def rejected(self) -> int: ...

    @property
    def runs(self) -> int: ...

    @property
    def rate(self) -> float: ...  # of rejections


Bars = Sequence[tuple[Span, Totals]]  # spans of time from left to right, and their runs


class Part(NamedTuple):
    """``kind``, its CSS class: ``bar-r`` rejected, ``bar-a`` applied, ``bar-l`` later, ``hit`` the whole height."""

    url: str
    title: str
    kind: str
    path: str


class Series(NamedTuple):
    """``words``: what each bar's number counts. ``url``: these runs in all time."""

    kind: str
    words: str
    url: str
    numbers: Sequence[int]


class Stacked(NamedTuple):
    """``lines`` are the heights of the grid."""

    width: int
    height: int
    lines: Sequence[float]
    # An iterator, as below: hundreds of tuples that live until the page is written make the garbage collector run.
    parts: Iterator[Part]


class Strip(NamedTuple):
    """``base``: path where the axis judged. ``hatched`` (where not): title and path. ``bars``: URL, title and path."""

    width: int
    height: int
    base: str
    hatched: Iterator[tuple[str, str]]
    bars: Iterator[tuple[str, str, str]]


def stacked(bars: Bars, top: int, scope: links.Pairs) -> Stacked:
    """Rejected below, applied above. ``top`` is the number at the upper edge, ``scope`` a filter for links."""
    scope = tuple(scope)
    rejected, applied = [here.rejected for _, here in bars], [here.applied for _, here in bars]
    series = (
        Series("bar-r", "rejected", links.rejections(scope), rejected),
        Series("bar-a", "applied", links.runs([*scope, _APPLIED]), applied),
    )
    return layered([span for span, _ in bars], series, top, links.runs(scope))


def layered(spans: Sequence[Span], series: Sequence[Series], top: int, url: str) -> Stacked:
    """The first series is the lowest. ``url``: what all of them count, in all time."""
    lines = [HEIGHT * part / 4 for part in range(5)]
    return Stacked(STEP * max(len(spans), 1), HEIGHT, lines, _parts(spans, series, top, url))


def _parts(spans: Sequence[Span], series: Sequence[Series], top: int, url: str) -> Iterator[Part]:
    for place, span in enumerate(spans):
        if any(each.numbers[place] for each in series):
            yield from _column(place, span, series, top, url)


def _column(place: int, span: Span, series: Sequence[Series], top: int, url: str) -> Iterator[Part]:
    said = ", ".join([f"{each.numbers[place]} {each.words}" for each in reversed(series)])
    title = f"{full_label(span)}: {said}"
    x, width, bottom = place * STEP, STEP - 2 * GAP, float(HEIGHT)
    yield Part(links.within(url, span), title, "hit", _rectangle(x, HEIGHT, STEP, HEIGHT))
    for each in series:
        if number := each.numbers[place]:
            tall = round(HEIGHT * number / top, 1)
            gap = 1.5 if bottom < HEIGHT and tall > 3 else 0
            bar = _rectangle(x + GAP, round(bottom - gap, 1), width, round(tall - gap, 1))
            yield Part(links.within(each.url, span), title, each.kind, bar)
            bottom = round(bottom - tall, 1)


def _title(span: Span, totals: Totals) -> str:
    return f"{full_label(span)}: {totals.applied} applied, {totals.rejected} rejected"


def number_denied(here: Judged) -> float:
    return here.rejected


def rate_denied(here: Judged) -> float:
    return here.rate


def strip(
    bars: Bars,
    judged: Sequence[Judged],
    axis: str,
    top: float,
    scope: links.Pairs,
    amount: Callable[[Judged], float] = number_denied,
) -> Strip:
    """``judged``: by ``axis``, for each bar. ``amount``: what heights show; the others as in ``stacked``."""
    base = path((place, 1) for place, here in enumerate(judged) if here.judged)
    denied = _denied(bars, judged, axis, [height(amount(here), top) for here in judged], scope)
    return Strip(STEP * max(len(bars), 1), STRIP_HEIGHT, base, _hatched(bars, judged, axis), denied)


def rejected_strip(bars: Bars, top: float, scope: links.Pairs) -> Strip:
    """Rejection rates of all runs; ``top`` is the one at the upper edge."""
    base = path((place, 1) for place, (_, totals) in enumerate(bars) if totals.runs)
    return Strip(STEP * max(len(bars), 1), STRIP_HEIGHT, base, iter(()), _rejected(bars, top, scope))


def _rejected(bars: Bars, top: float, scope: links.Pairs) -> Iterator[tuple[str, str, str]]:
    url = links.rejections(scope)
    for place, (span, totals) in enumerate(bars):
        if totals.rejected:
            yield links.within(url, span), _title(span, totals), bar_path(place, height(totals.rate, top))


def _hatched(bars: Bars, judged: Sequence[Judged], axis: str) -> Iterator[tuple[str, str]]:
    for place, (span, totals) in enumerate(bars):
        if totals.runs and not judged[place].judged:
            yield f"{full_label(span)}: not judged by {axis}", _hatching(place, len(bars))


def _denied(
    bars: Bars, judged: Sequence[Judged], axis: str, heights: Sequence[float], scope: links.Pairs
) -> Iterator[tuple[str, str, str]]:
    url = links.rejections([*scope, ("axis", axis)])
    for place, (span, _) in enumerate(bars):
        here = judged[place]
        if here.rejected:
            title = f"{full_label(span)}: {here.rejected} denied by {axis}, of {here.judged} judged"
            yield links.within(url, span), title, bar_path(place, heights[place])


def spark(numbers: Iterable[int]) -> Spark:
    return _spark(tuple(numbers))


@lru_cache(maxsize=512)
def _spark(numbers: Sequence[int]) -> Spark:
    top = max(numbers, default=0) or 1
    base = path((place, 1) for place, number in enumerate(numbers) if not number)
    bars = path((place, height(number, top)) for place, number in enumerate(numbers) if number)
    return Spark(STEP * max(len(numbers), 1), STRIP_HEIGHT, base, bars)


def rates(weeks: Iterable[Totals]) -> Spark:
    """Rejection rates; the upper edge is 100 %. Without runs, there is no bar."""
    places = list(enumerate(weeks))
    base = path((place, 1) for place, totals in places if totals.runs and not totals.rejected)
    bars = path((place, height(totals.rate, 1)) for place, totals in places if totals.rejected)
    return Spark(STEP * max(len(places), 1), STRIP_HEIGHT, base, bars)


def ratio(totals: Totals) -> Ratio:
    rejected = round(100 * totals.rejected / max(totals.runs, 1), 1)
    half_gap = 1 if 0 < totals.rejected < totals.runs else 0
    applied = 100 - rejected if totals.applied else 0.0
    return Ratio(max(rejected - half_gap, 0), rejected + half_gap, max(applied - half_gap, 0))


def height(number: float, top: float) -> float:
    return max(round(STRIP_HEIGHT * number / top, 1), SMALLEST)


def path(heights: Iterable[tuple[int, float]]) -> str:
    return "".join([bar_path(place, height) for place, height in heights])


@lru_cache(maxsize=4096)
def bar_path(place: int, height: float) -> str:
    return _rectangle(place * STEP + GAP, STRIP_HEIGHT, STEP - 2 * GAP, height)


def _rectangle(left: int, bottom: float, width: int, height: float) -> str:
    return f"M{left} {bottom:g}v-{height:g}h{width}v{height:g}z"


@lru_cache(maxsize=2048)
def _hatching(place: int, bars: int) -> str:
    # A strip has the same width with 24 bars and with 90. The more bars, the fewer lines each gets, so that lines are
    # equally far apart in all strips.
    lines = max(HATCHES // bars, 1)
    step = (STEP - 2 * GAP) / lines
    starts = (place * STEP + GAP + step * line for line in range(lines))
    return "".join([f"M{round(start, 1):g} {STRIP_HEIGHT}l{round(step, 1):g} -{STRIP_HEIGHT}" for start in starts])
