"""Bars cover their window without gaps, are never too many, and widen to whole weeks."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enhancelog.domain.times import DAY_MS, HOUR_MS
from enhancelog.queries.charts import MAX_BARS, Bar, Window, scale
from enhancelog.web import periods

NOW_MS = 1_795_000_000_000  # Wednesday 18 November 2026, 11:06:40 UTC


@given(st.sets(st.integers(0, 40_000), min_size=1, max_size=20))
def test_bars_of_everything_hold_every_day_once(days: set[int]) -> None:
    bars = scale(Window(), days)
    spans = bars.bars()
    assert 1 <= len(spans) <= MAX_BARS
    assert all(left.until_ms == right.since_ms for left, right in itertools.pairwise(spans))
    for day in days:
        span = spans[bars.index(day)]
        assert span.since_ms <= day * DAY_MS < span.until_ms


@given(st.integers(0, 20_000), st.integers(MAX_BARS, 20_000))
def test_bars_that_widen_begin_on_a_monday_and_last_whole_weeks(first: int, length: int) -> None:
    for span in scale(Window(), [first, first + length]).bars():
        assert (span.since_ms // DAY_MS - 4) % 7 == 0
        assert (span.until_ms - span.since_ms) % (7 * DAY_MS) == 0


def test_no_day_makes_no_bar() -> None:
    assert scale(Window(), []).bars() == []


@given(st.sampled_from(["24h", "7d", "30d", "90d"]), st.integers(0, 2**42))
def test_bars_fill_the_period_exactly(name: str, end_ms: int) -> None:
    window = periods.period(name, end_ms).window
    spans = scale(window, []).bars()
    assert (spans[0].since_ms, spans[-1].until_ms) == (window.since_ms, window.until_ms)
    assert len(spans) in (({24, 25}) if name == "24h" else {int(name[:-1])})


def test_days_of_a_period_are_whole_and_end_with_today() -> None:
    period = periods.period("7d", NOW_MS)
    today = NOW_MS // DAY_MS
    assert period.window == Window((today - 6) * DAY_MS, (today + 1) * DAY_MS, (today - 13) * DAY_MS)
    assert (period.span, period.length) == ("12 – 18 Nov 2026 (whole days, UTC)", "7 days")


def test_24_hours_are_exact() -> None:
    period = periods.period("24h", NOW_MS)
    assert period.window == Window(NOW_MS - DAY_MS, NOW_MS, NOW_MS - 2 * DAY_MS, hourly=True)
    assert period.span == "17 Nov 2026, 11:06 – 18 Nov 2026, 11:06 (UTC)"


@pytest.mark.parametrize(
    ("bar", "short", "full"),
    [
        (Bar(NOW_MS // HOUR_MS * HOUR_MS, NOW_MS), "11:00", "18 Nov, 11:00 to 11:06"),
        (Bar(20_775 * DAY_MS, 20_776 * DAY_MS), "Wed 18", "Wed 18 Nov 2026"),
        (Bar(20_775 * DAY_MS, 20_782 * DAY_MS), "Wed 18", "18 – 24 Nov 2026"),
        (Bar(20_783 * DAY_MS, 20_790 * DAY_MS), "Thu 26", "26 Nov – 2 Dec 2026"),
        (Bar(20_775 * DAY_MS, 20_789 * DAY_MS), "18 Nov 2026", "18 Nov – 1 Dec 2026"),
        (Bar(20_815 * DAY_MS, 20_822 * DAY_MS), "Mon 28", "28 Dec 2026 – 3 Jan 2027"),
    ],
)
def test_a_bar_says_what_it_covers(bar: Bar, short: str, full: str) -> None:
    assert (periods.short_label(bar, few=True), periods.full_label(bar)) == (short, full)


@pytest.mark.parametrize(("days", "words"), [(1, "day"), (7, "week"), (28, "4 weeks"), (364, "52 weeks")])
def test_the_width_of_bars_is_named(days: int, words: str) -> None:
    assert periods.bar_width([Bar(0, days * DAY_MS)]) == words
