"""Which numbers are times, and on which day they fall."""

from datetime import UTC, datetime

import pytest

from enhancelog.domain.times import DAY_MS, as_datetime, day_of, is_plausible, tally_day

NOW_MS = 1_795_000_000_000
I64_EXTREMES = (-(2**63), 2**63 - 1)


@pytest.mark.parametrize("ts_ms", [0, 1, NOW_MS, NOW_MS + DAY_MS])
def test_from_1970_to_a_day_after_recording_is_plausible(ts_ms: int) -> None:
    assert is_plausible(ts_ms, NOW_MS)


@pytest.mark.parametrize("ts_ms", [-1, NOW_MS + DAY_MS + 1, *I64_EXTREMES])
def test_any_other_number_is_no_time_and_has_no_day(ts_ms: int) -> None:
    assert not is_plausible(ts_ms, NOW_MS)
    assert as_datetime(ts_ms, NOW_MS) is None
    assert tally_day(ts_ms, NOW_MS) is None


@pytest.mark.parametrize(("ts_ms", "day"), [(-1, -1), (0, 0), (DAY_MS - 1, 0), (DAY_MS, 1), (-(2**63), -106751991168)])
def test_days_are_floor_divided(ts_ms: int, day: int) -> None:
    assert day_of(ts_ms) == day


def test_a_time_keeps_its_millisecond() -> None:
    assert as_datetime(1_795_000_000_123, NOW_MS) == datetime(2026, 11, 18, 11, 6, 40, 123_000, UTC)
