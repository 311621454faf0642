import pytest
from hypothesis import given
from hypothesis import strategies as st

from enhancelog.domain.intervals import difference, wilson


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    # Newcombe (1998), Statistics in Medicine 17, table I: method 3
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_intervals_are_those_of_the_literature(part: int, whole: int, low: float, high: float) -> None:
    assert wilson(part, whole) == pytest.approx((low, high), abs=1e-4)


def test_nothing_says_nothing() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


@given(st.integers(0, 1000), st.integers(1, 1000))
def test_the_rate_lies_within_and_more_runs_narrow_it(part: int, more: int) -> None:
    whole = part + more
    low, high = wilson(part, whole)
    assert 0 <= low <= part / whole <= high <= 1
    narrow = wilson(10 * part, 10 * whole)
    assert narrow.high - narrow.low < high - low


@pytest.mark.parametrize(
    ("now", "before", "low", "high"),
    # Newcombe (1998), Statistics in Medicine 17, 873 to 890, table II: method 10
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((10, 10), (0, 20), 0.6791, 1.0),
    ],
)
def test_differences_are_those_of_the_literature(now, before, low: float, high: float) -> None:
    assert difference(*now, *before) == pytest.approx((low, high), abs=1e-4)


def test_a_difference_from_nothing_says_nothing() -> None:
    assert difference(3, 3, 0, 0) == difference(0, 0, 3, 3) == (-1.0, 1.0)
