"""Parameters as a filter: times, choices, limits."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enhancelog.domain import filters
from enhancelog.domain.errors import Invalid
from enhancelog.domain.filters import MAX_VALUES, instant, parse, span_of
from enhancelog.domain.times import DAY_MS

NOW = 1_795_000_000_000
MIDNIGHT = NOW // DAY_MS * DAY_MS


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("0", 0),
        ("-1", -1),
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        ("1970-01-02", DAY_MS),
        ("1969-12-31", -DAY_MS),
        ("2026-11-08+02:00", 1_794_088_800_000),
        ("2026-11-08 02:00", 1_794_088_800_000),
        ("2026-11-08-05:30", 1_794_115_800_000),
        ("2026-11-08Z", 1_794_096_000_000),
        ("today", MIDNIGHT),
        ("yesterday", MIDNIGHT - DAY_MS),
        ("2026-11-18T10:00:00Z", 1_794_996_000_000),
        ("2026-11-18t10:00:00z", 1_794_996_000_000),
        ("2026-11-18 10:00:00Z", 1_794_996_000_000),
        ("2026-11-18T12:00:00+02:00", 1_794_996_000_000),
        ("2026-11-18T12:00:00 02:00", 1_794_996_000_000),
        ("2026-11-18T10:00:00.1239999Z", 1_794_996_000_123),
        ("2026-11-18T10:00:00.5Z", 1_794_996_000_500),
        ("90m", NOW - 90 * 60_000),
        ("24h", NOW - DAY_MS),
        ("1d", MIDNIGHT),
        ("7d", MIDNIGHT - 6 * DAY_MS),
        ("2w", MIDNIGHT - 13 * DAY_MS),
    ],
)
def test_times(text, ms):
    assert instant("since", text, NOW) == ms


@pytest.mark.parametrize(
    "text",
    [
        "", "tomorrow", "Today", "7D", "2026-11-08+2", "2026-11-08+24:00",
        "0d", "-7d", "1y", "٧d", "1.5h", "9999999d", "2026-13-01", "2026-02-30", "2026-1-1",
        "2026-11-18T10:00Z", "2026-11-18T10:00:00", "2026-11-18T25:00:00Z", "2026-11-18T10:00:00+99:00", "0000-01-01",
        "9223372036854775808", "1e3", " 7d", "7d\n", "2026-11-18\n",
    ],
)  # fmt: skip
def test_what_is_no_time_is_refused_by_name(text):
    with pytest.raises(Invalid) as refused:
        instant("until", text, NOW)
    assert refused.value.field == "until"


@given(
    st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)),
    st.integers(-23 * 60, 23 * 60),
)
def test_rfc3339_is_read_to_the_millisecond(moment, offset):
    moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    there = moment.replace(tzinfo=timezone(timedelta(minutes=offset)))
    text = there.isoformat(timespec="milliseconds")
    exact = (there - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    assert instant("since", text, NOW) == exact
    assert instant("since", text.replace("+", " "), NOW) == exact


@given(st.text(max_size=30))
def test_any_text_is_a_time_or_refused(text):
    try:
        assert -(2**63) <= instant("since", text, NOW) < 2**63
    except Invalid as refused:
        assert refused.field == "since"


@given(st.integers(1, 999_999), st.sampled_from("mhdw"), st.integers(0, 2**52))
def test_ages_count_back_from_now(number, unit, now):
    found = instant("since", f"{number}{unit}", now)
    length = {"m": 60_000, "h": 3_600_000, "d": DAY_MS, "w": 7 * DAY_MS}[unit] * number
    if unit in "mh":
        assert found == now - length
    else:
        assert found % DAY_MS == 0
        assert found <= now - length + DAY_MS < found + 2 * DAY_MS


def test_latest_since_and_earliest_until_hold():
    wanted = parse({"since": ["5", "7"], "until": ["9", "8"]}, NOW)
    assert (wanted.since_ms, wanted.until_ms) == (7, 8)


def test_negated_bounds_turn_round():
    wanted = parse({"not_until": ["5"], "not_since": ["9"]}, NOW)
    assert (wanted.since_ms, wanted.until_ms) == (5, 9)


@pytest.mark.parametrize(
    ("name", "bounds"),
    [
        ("24h", (NOW - DAY_MS, NOW)),
        ("90m", (NOW - 90 * 60_000, NOW)),
        ("1d", (MIDNIGHT, MIDNIGHT + DAY_MS)),
        ("today", (MIDNIGHT, MIDNIGHT + DAY_MS)),
        ("yesterday", (MIDNIGHT - DAY_MS, MIDNIGHT)),
        ("7d", (MIDNIGHT - 6 * DAY_MS, MIDNIGHT + DAY_MS)),
        ("2w", (MIDNIGHT - 13 * DAY_MS, MIDNIGHT + DAY_MS)),
        ("all", (None, None)),
    ],
)
def test_a_period_has_a_beginning_and_an_end(name, bounds):
    wanted = parse({"period": [name]}, NOW)
    assert (wanted.since_ms, wanted.until_ms) == bounds == span_of(name, NOW)
    if name != "all":
        wanted = parse({"since": [name]}, NOW)
        assert (wanted.since_ms, wanted.until_ms) == (bounds[0], None)


@pytest.mark.parametrize(("name", "end"), [("24h", NOW - DAY_MS), ("7d", MIDNIGHT - 6 * DAY_MS), ("all", -(2**63))])
def test_negated_period_is_what_was_before(name, end):
    wanted = parse({"not_period": [name]}, NOW)
    assert (wanted.since_ms, wanted.until_ms) == (None, end)


def test_negated_period_that_is_none_is_refused_by_its_name():
    with pytest.raises(Invalid, match=r'^not_period: "1y" is not a period: use 7d,'):
        parse({"not_period": ["1y"]}, NOW)


def test_unknown_parameters_are_ignored():
    assert parse({"colour": ["red"], "limit": ["1"]}, NOW).pairs == ()


def test_values_are_limited():
    assert len(parse({"axis": ["a"] * MAX_VALUES}, NOW).pairs) == MAX_VALUES
    with pytest.raises(Invalid) as refused:
        parse({"axis": ["a"] * MAX_VALUES, "source": ["b"]}, NOW)
    assert refused.value.field == "source"


@pytest.mark.parametrize("value", ["", "0", "1001", "-1", "ten", "1.0", "٥", "00001", "1\n"])
def test_page_size_is_refused(value):
    with pytest.raises(Invalid, match="page_size"):
        filters.page_size({"page_size": [value]})


def test_fingerprint_tells_filter_and_order():
    one = parse({"axis": ["a"]}, NOW)
    assert one.fingerprint("asc") == parse({"axis": ["a"]}, NOW + 1).fingerprint("asc")
    assert one.fingerprint("asc") != one.fingerprint("desc")
    assert one.fingerprint("asc") != parse({"axis": ["b"]}, NOW).fingerprint("asc")
