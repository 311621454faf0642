"""Epoch milliseconds: which are plausible, and of which day."""

import time
from datetime import UTC, datetime
from typing import Final

# ``ts_ms`` can be any i64. It is plausible between 2000-01-01 and one day after the entry was recorded. Otherwise the
# raw number is shown, periods, charts and "newest" leave the entry out, and lists show it in a block of its own.
MINUTE_MS: Final = 60_000
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000
EARLIEST_MS: Final = 946_684_800_000  # 2000-01-01


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def is_plausible(ts_ms: int, recorded_ms: int) -> bool:
    return EARLIEST_MS <= ts_ms <= recorded_ms + DAY_MS


def plausible_sql(ts_ms: str, recorded_ms: str) -> str:
    """``is_plausible`` as an SQL condition."""
    return f"({ts_ms} >= {EARLIEST_MS} AND {ts_ms} <= {recorded_ms} + {DAY_MS})"


def day_of(ts_ms: int) -> int:
    """UTC days since 1970-01-01."""
    return ts_ms // DAY_MS


def tally_day(ts_ms: int, recorded_ms: int) -> int | None:
    """``None`` if implausible."""
    return day_of(ts_ms) if is_plausible(ts_ms, recorded_ms) else None


def as_datetime(ts_ms: int, recorded_ms: int) -> datetime | None:
    """UTC; ``None`` if implausible."""
    if not is_plausible(ts_ms, recorded_ms):
        return None
    return datetime.fromtimestamp(ts_ms // 1000, UTC).replace(microsecond=ts_ms % 1000 * 1000)
