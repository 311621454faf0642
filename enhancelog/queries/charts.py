"""Bars of a chart: equal spans of days or hours, at most ``MAX_BARS`` of them; they widen beyond that."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from enhancelog.domain.times import DAY_MS, day_of

MAX_BARS: Final = 120
HOUR_MS: Final = 3_600_000

WIDTHS: Final = (1, 7, 28, 91, 364)
"""Days of one bar; beyond a day they are whole weeks."""

_MONDAY = 4
"""1970-01-05, as days since 1970-01-01."""


@dataclass(frozen=True)
class Window:
    """What a reader looks at: ``since_ms`` inclusive, ``until_ms`` exclusive (epoch ms), ``None`` for no bound.

    ``before_ms`` is where the period before begins; ``None`` where there is none. An hourly window may begin and end
    within an hour, any other one is whole UTC days.
    """

    since_ms: int | None = None
    until_ms: int | None = None
    before_ms: int | None = None
    hourly: bool = False

    @property
    def slot_ms(self) -> int:
        """What counts are grouped by before they become bars."""
        return HOUR_MS if self.hourly else DAY_MS


class Bar(NamedTuple):
    """``since_ms`` inclusive, ``until_ms`` exclusive, epoch ms."""

    since_ms: int
    until_ms: int


@dataclass(frozen=True)
class Scale:
    """Bars of ``width`` slots each from the slot ``first`` on, cut off at the window's ends."""

    first: int
    width: int
    length: int
    window: Window

    def index(self, slot: int) -> int:
        return (slot - self.first) // self.width

    def bars(self) -> list[Bar]:
        return [self._bar(self.first + number * self.width) for number in range(self.length)]

    def _bar(self, slot: int) -> Bar:
        since, until = slot * self.window.slot_ms, (slot + self.width) * self.window.slot_ms
        if self.window.since_ms is not None:
            since = max(since, self.window.since_ms)
        if self.window.until_ms is not None:
            until = min(until, self.window.until_ms)
        return Bar(since, until)


def days_before(end_ms: int, number: int) -> list[Bar]:
    """So many whole days, the last one with the instant before ``end_ms`` (epoch ms)."""
    last = day_of(end_ms - 1)
    return [Bar(day * DAY_MS, (day + 1) * DAY_MS) for day in range(last - number + 1, last + 1)]


def scale(window: Window, slots: Iterable[int]) -> Scale:
    """The bars of a window; without bounds those that hold ``slots``, in whole weeks from a Monday when they widen."""
    if window.since_ms is not None and window.until_ms is not None:
        first, last = window.since_ms // window.slot_ms, (window.until_ms - 1) // window.slot_ms
    else:
        known = sorted(slots)
        if not known:
            return Scale(0, 1, 0, window)
        first, last = known[0], known[-1]
    if last - first < MAX_BARS:
        return Scale(first, 1, last - first + 1, window)
    first -= (first - _MONDAY) % 7
    width = next((width for width in WIDTHS if (last - first) // width < MAX_BARS), (last - first) // MAX_BARS + 1)
    return Scale(first, width, (last - first) // width + 1, window)
