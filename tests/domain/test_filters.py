"""Parameters as a filter: times, choices, limits."""

import pytest

from enhancelog.domain import filters
from enhancelog.domain.errors import Invalid
from enhancelog.domain.filters import MAX_VALUES, parse
from enhancelog.domain.periods import span_of
from enhancelog.domain.times import DAY_MS

NOW = 1_795_000_000_000
MIDNIGHT = NOW // DAY_MS * DAY_MS


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
