"""Epoch milliseconds as days and times; the one place that decides which of them mean something.

``ts_ms`` is any i64. It is a time when it lies between 1970-01-01 and one day after we recorded it; otherwise the raw
number is shown and periods, charts and "newest" leave the entry out. Days are whole UTC days, floor division.
"""

import time
from datetime import UTC, datetime
from typing import Final

DAY_MS: Final = 86_400_000


def now_ms() -> int:
    """Our clock, epoch milliseconds."""
    return time.time_ns() // 1_000_000


def is_plausible(ts_ms: int, recorded_ms: int) -> bool:
    """Whether ``ts_ms`` can be the time of a run that was recorded at ``recorded_ms`` (both epoch ms)."""
    return 0 <= ts_ms <= recorded_ms + DAY_MS


def plausible_sql(ts_ms: str, recorded_ms: str) -> str:
    """``is_plausible`` as an SQL condition on two expressions, for instance columns."""
    return f"({ts_ms} >= 0 AND {ts_ms} <= {recorded_ms} + {DAY_MS})"


def day_of(ts_ms: int) -> int:
    """The UTC day as days since 1970-01-01."""
    return ts_ms // DAY_MS


def tally_day(ts_ms: int, recorded_ms: int) -> int | None:
    """The day an entry counts for; ``None`` without a plausible time."""
    return day_of(ts_ms) if is_plausible(ts_ms, recorded_ms) else None


def as_datetime(ts_ms: int, recorded_ms: int) -> datetime | None:
    """``ts_ms`` as an aware UTC time, ``None`` when it is not plausible."""
    if not is_plausible(ts_ms, recorded_ms):
        return None
    return datetime.fromtimestamp(ts_ms // 1000, UTC).replace(microsecond=ts_ms % 1000 * 1000)
