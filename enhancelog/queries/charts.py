"""Bars of charts, at most ``MAX_BARS``."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from enhancelog.domain.times import DAY_MS, HOUR_MS, day_of

MAX_BARS: Final = 120
MOST_HOURS: Final = 72  # an hourly window is counted from its entries

# Days per bar; bars wider than a day are whole weeks from a Monday.
WIDTHS: Final = (1, 7, 28, 91, 364)

# 1970-01-05, as days since 1970-01-01.
_MONDAY = 4


@dataclass(frozen=True)
class Window:
    """A half-open time range in epoch ms; ``None``: unbounded. Unless ``hourly``, whole UTC days."""

    since_ms: int | None = None
    until_ms: int | None = None
    before_ms: int | None = None  # start of the previous period, if any
    hourly: bool = False

    @property
    def start_ms(self) -> int | None:
        """Of the previous period if there is one."""
        return self.since_ms if self.before_ms is None else self.before_ms

    @property
    def slot_ms(self) -> int:
        return HOUR_MS if self.hourly else DAY_MS


class Bar(NamedTuple):
    since_ms: int
    until_ms: int


@dataclass(frozen=True)
class Scale:
    """Bars of ``width`` slots from slot ``first``."""

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
    """Whole days, ending with the one before ``end_ms`` (epoch ms)."""
    last = day_of(end_ms - 1)
    return [Bar(day * DAY_MS, (day + 1) * DAY_MS) for day in range(last - number + 1, last + 1)]


def weeks_before(end_ms: int, number: int) -> Scale:
    """Seven days each, ending with the day before ``end_ms`` (epoch ms)."""
    end = day_of(end_ms - 1) + 1
    first = end - 7 * number
    return Scale(first, 7, number, Window(first * DAY_MS, end * DAY_MS))


def scale(window: Window, slots: Iterable[int]) -> Scale:
    """If the window is unbounded, the bars that contain ``slots``."""
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
