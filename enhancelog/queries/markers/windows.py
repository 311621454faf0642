"""The same length of time before and after a marker, up to its neighbors."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from django.db.models import Min

from enhancelog.domain.markers import Marker
from enhancelog.domain.times import DAY_MS, HOUR_MS, day_of
from enhancelog.models import DailyStatusTally
from enhancelog.queries.charts import MOST_HOURS, Window

_LONGEST_MS: Final = MOST_HOURS * HOUR_MS


class Windows(NamedTuple):
    """Equally long. ``previous`` and ``following``: neighbors that end them, if any. ``left_out_day``: the marker's own
    day (days since 1970), of which a part is before and a part after."""

    before: Window
    after: Window
    previous: Marker | None
    following: Marker | None
    left_out_day: int | None = None


def windows(marker: Marker, others: Iterable[Marker], newest_ms: int | None, now_ms: int) -> Windows | None:
    """``newest_ms``: of the log. ``None`` without time on one of the sides.

    Markers of the same UTC day are no neighbors, nor are hidden ones and those that do not concern all that this does.
    """
    day = day_of(marker.ts_ms)
    neighbors = [each for each in others if _is_neighbor(each, marker) and day_of(each.ts_ms) != day]
    previous = max((each for each in neighbors if each.ts_ms < marker.ts_ms), key=_time, default=None)
    following = min((each for each in neighbors if each.ts_ms > marker.ts_ms), key=_time, default=None)
    start_ms = _log_begins_ms()
    if start_ms is None or newest_ms is None:
        return None
    end_ms = min(newest_ms + 1, now_ms)
    if previous is not None:
        start_ms = max(start_ms, previous.ts_ms)
    # Of a log that ended, its last day counts whole.
    days_end = min(-(-(newest_ms + 1) // DAY_MS), day_of(now_ms))
    if following is not None:
        end_ms, days_end = min(end_ms, following.ts_ms), min(days_end, day_of(following.ts_ms))
    found = _days(marker.ts_ms, -(-start_ms // DAY_MS), days_end) or _exact(marker.ts_ms, start_ms, end_ms)
    return None if found is None else Windows(*found[:2], previous, following, found[2])


def _is_neighbor(other: Marker, marker: Marker) -> bool:
    return not other.hidden and other.blueprint_id in (None, marker.blueprint_id)


def _time(marker: Marker) -> tuple[int, str]:
    return marker.ts_ms, marker.id


# Whole days; of a marker within a day only if there is more than can be counted exactly.
def _days(ts_ms: int, first: int, end: int) -> tuple[Window, Window, int | None] | None:
    last, begin = day_of(ts_ms), -(-ts_ms // DAY_MS)
    number = min(last - first, end - begin)
    if number < 1 or (last != begin and number * DAY_MS < _LONGEST_MS):
        return None
    before = Window((last - number) * DAY_MS, last * DAY_MS)
    return before, Window(begin * DAY_MS, (begin + number) * DAY_MS), None if last == begin else last


def _exact(ts_ms: int, start_ms: int, end_ms: int) -> tuple[Window, Window, int | None] | None:
    length = min(ts_ms - start_ms, end_ms - ts_ms, _LONGEST_MS)
    if length < 1:
        return None
    return Window(ts_ms - length, ts_ms, hourly=True), Window(ts_ms, ts_ms + length, hourly=True), None


def _log_begins_ms() -> int | None:
    day = DailyStatusTally.objects.aggregate(day=Min("day"))["day"]
    return None if day is None else int(day) * DAY_MS
