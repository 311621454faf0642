"""Markers on charts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from enhancelog import links
from enhancelog.domain.markers import Marker
from enhancelog.queries.charts import Bar
from enhancelog.queries.markers.listing import markers
from enhancelog.web.charts import STEP

MOST: Final = 20  # of a chart, the newest


class Tick(NamedTuple):
    """``x``: as in the drawings of ``charts``."""

    marker: Marker
    url: str
    x: int


@dataclass(frozen=True)
class Ticks:
    """In the order of time. ``more``: older ones that are left out."""

    shown: tuple[Tick, ...]
    more: int
    more_url: str

    def of_axis(self, axis: str) -> "Ticks":
        shown = tuple(tick for tick in self.shown if tick.marker.axis in (None, axis))
        return Ticks(shown, self.more, self.more_url)


def ticks(bars: Sequence[Bar], blueprint_id: str | None = None, axis: str | None = None) -> Ticks:
    """Of the markers that concern these, within the bars."""
    if not bars:
        return Ticks((), 0, "")
    found = [marker for marker in markers().shown if marker.concerns(blueprint_id, axis)]
    placed = sorted(_placed(found, bars), key=lambda tick: (tick.marker.ts_ms, tick.marker.id))
    more_url = links.markers(links.between(bars[0].since_ms, bars[-1].until_ms))
    return Ticks(tuple(placed[-MOST:]), max(0, len(placed) - MOST), more_url)


def _placed(found: Iterable[Marker], bars: Sequence[Bar]) -> Iterable[Tick]:
    for marker in found:
        for place, bar in enumerate(bars):
            if bar.since_ms <= marker.ts_ms < bar.until_ms:
                within = STEP * (marker.ts_ms - bar.since_ms) // (bar.until_ms - bar.since_ms)
                yield Tick(marker, links.marker(marker.id), place * STEP + within)
                break
