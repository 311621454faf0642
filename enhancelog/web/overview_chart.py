"""The overview's chart, and its numbers as tables."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from enhancelog import links
from enhancelog.queries.charts import Bar as Span
from enhancelog.queries.judgements import Judged
from enhancelog.queries.overview import Overview, Strip
from enhancelog.queries.patterns.ranking import PatternRow
from enhancelog.web import charts, periods

LABELS: Final = 7  # at most, below the bars


class Label(NamedTuple):
    """Of a bar; mostly empty in a dense chart. ``sparse``: hidden on a phone."""

    text: str
    sparse: bool


class Cell(NamedTuple):
    """``number``: ``None`` if the axis did not judge. ``url``: empty for zero."""

    number: int | None
    url: str = ""


class Row(NamedTuple):
    heading: str
    cells: Sequence[Cell]


class PatternDays(NamedTuple):
    axis: str
    template: str
    cells: Sequence[Cell]


@dataclass(frozen=True)
class Chart:
    """``y_labels``: from the top. ``hatched``: some axis did not judge. ``table``: a row for each bar."""

    stacked: charts.Stacked
    y_labels: Sequence[int]
    # Iterators, which a template can read once: a thousand labels and cells that live until the page is written make
    # the garbage collector run.
    labels: Iterator[Label]
    bar_width: str
    strips: Sequence[charts.Strip]
    hatched: bool
    table: Iterator[Row]


def chart(found: Overview, scope: links.Pairs) -> Chart | None:
    """``None`` if no run has a plausible time. ``scope``: a filter for links."""
    if not found.bars:
        return None
    spans = [span for span, _ in found.bars]
    top = upper_edge(max(totals.runs for _, totals in found.bars))
    strip_top = max((judged.rejected for strip in found.strips for judged in strip.bars), default=0) or 1
    return Chart(
        stacked=charts.stacked(found.bars, top, scope),
        y_labels=range(top, -1, -top // 4),
        labels=labels(spans),
        bar_width=periods.bar_width(spans),
        strips=[charts.strip(found.bars, strip.bars, strip.axis, strip_top, scope) for strip in found.strips],
        hatched=any(_is_hatched(found.bars, strip) for strip in found.strips),
        table=by_bar(
            found.bars,
            [(strip.axis, strip.bars) for strip in found.strips],
            links.runs([*scope, ("status", "applied")]),
            scope,
        ),
    )


def _is_hatched(bars: charts.Bars, strip: Strip) -> bool:
    return any(totals.runs and not judged.judged for (_, totals), judged in zip(bars, strip.bars, strict=True))


def by_day(patterns: Sequence[PatternRow], days: Sequence[Span], scope: links.Pairs) -> Iterator[PatternDays]:
    for pattern in patterns:
        url = links.rejections([*scope, ("pattern", pattern.id)])
        cells = [cell(url, day, number) for day, number in zip(days, pattern.days, strict=True)]
        yield PatternDays(pattern.axis, pattern.template, cells)


def by_bar(
    bars: charts.Bars, denied: Iterable[tuple[str, Sequence[Judged]]], applied_url: str, scope: links.Pairs
) -> Iterator[Row]:
    """Applied, rejected, and what each axis ``denied``."""
    rejected_url = links.rejections(scope)
    axes = [(links.rejections([*scope, ("axis", axis)]), judged) for axis, judged in denied]
    for at, (span, totals) in enumerate(bars):
        not_judged = _NOT_JUDGED if totals.runs else _NONE
        cells = [cell(applied_url, span, totals.applied), cell(rejected_url, span, totals.rejected)]
        for url, judged in axes:
            cells.append(cell(url, span, judged[at].rejected) if judged[at].judged else not_judged)
        yield Row(periods.full_label(span), cells)


_NONE: Final = Cell(0)
_NOT_JUDGED: Final = Cell(None)


def cell(url: str, span: Span, number: int) -> Cell:
    return Cell(number, links.within(url, span)) if number else _NONE


def labels(spans: Sequence[Span]) -> Iterator[Label]:
    """One for each bar."""
    few = len(spans) <= LABELS and periods.bar_width(spans) in ("hour", "day")
    every = -(-len(spans) // LABELS)
    for at, span in enumerate(spans):
        yield Label("" if at % every else periods.short_label(span, few), sparse=bool(at // every % 2))


def upper_edge(highest: int) -> int:
    """The number at the top of a chart whose highest bar counts ``highest``."""
    # The chart has four lines above zero. They are 1, 2, 3 or 5 times a power of ten apart.
    power = 1
    while 20 * power < highest:
        power *= 10
    return 4 * next(step * power for step in (1, 2, 3, 5) if 4 * step * power >= highest)
