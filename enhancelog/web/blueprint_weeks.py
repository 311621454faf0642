"""A Blueprint's rejection rate, and the rate of each of its axes, over weeks."""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from enhancelog import links
from enhancelog.queries import blueprints
from enhancelog.queries.blueprints import BlueprintWeeks
from enhancelog.queries.charts import Window
from enhancelog.queries.runs import Totals
from enhancelog.web import charts, overview_chart, periods
from enhancelog.web.overview_chart import Label, Row
from enhancelog.web.ticks import Ticks, ticks

MOST_AXES: Final = 10


class AxisRow(NamedTuple):
    axis: str
    denied: int
    judged: int
    strip: charts.Strip


class Drawing(NamedTuple):
    """``table``: a row for each week. Iterators are read once."""

    window: Window
    span: str
    labels: Iterator[Label]
    total: Totals
    rejected: charts.Strip
    axes: Sequence[AxisRow]
    more_axes: int
    table: Iterator[Row]
    ticks: Ticks


@dataclass(frozen=True)
class Weeks:
    blueprint_id: str
    figures: BlueprintWeeks
    ticks: Ticks

    @property
    def key(self) -> Hashable:
        """Equal for those that look alike."""
        return self.blueprint_id, self.figures, self.ticks

    def drawn(self) -> Drawing:
        return _drawn(self.blueprint_id, self.figures, self.ticks)


def weeks(blueprint_id: str, newest_ms: int) -> Weeks:
    found = blueprints.of_one(blueprint_id, newest_ms, MOST_AXES)
    return Weeks(blueprint_id, found, ticks([span for span, _ in found.bars], blueprint_id))


def _drawn(blueprint_id: str, found: BlueprintWeeks, ticks: Ticks) -> Drawing:
    spans = [span for span, _ in found.bars]
    window = Window(spans[0].since_ms, spans[-1].until_ms)
    scope = [("blueprint_id", blueprint_id)]
    top = _highest_rate(found)
    return Drawing(
        window=window,
        span=periods.span_in_words(window.since_ms, window.until_ms),
        labels=overview_chart.labels(spans),
        total=found.total,
        rejected=charts.rejected_strip(found.bars, top, scope),
        axes=[
            AxisRow(
                row.axis,
                row.total.rejected,
                row.total.judged,
                charts.strip(found.bars, row.bars, row.axis, top, scope, charts.rate_denied),
            )
            for row in found.axes
        ],
        more_axes=found.more_axes,
        table=overview_chart.by_bar(
            found.bars,
            [(row.axis, row.bars) for row in found.axes],
            links.blueprint(blueprint_id, [("status", "applied")]),  # /search/ cannot name the empty id
            scope,
        ),
        ticks=ticks,
    )


def _highest_rate(found: BlueprintWeeks) -> float:
    of_axes = max((here.rate for row in found.axes for here in row.bars), default=0.0)
    return max(of_axes, *(totals.rate for _, totals in found.bars)) or 1.0
