"""Rates and silent axes, compared with what the definitions say, read in ranges of any size."""

from collections.abc import Iterator, Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from enhancelog.alerts import window_events
from enhancelog.alerts.log_events import Range
from enhancelog.alerts.messages import Rule
from enhancelog.alerts.watched import EVERYTHING
from enhancelog.domain.alerts import AxisOptions, Options, RateOptions
from enhancelog.models import Alert
from enhancelog.queries.arrivals import Run

FEW = 4  # runs, instead of 20 and more


class Log:
    """Runs at positions from 1; read like the log."""

    def __init__(self, span: Range, rejected: Sequence[bool], axes: Sequence[frozenset[str]]) -> None:
        self.span = span
        self._rejected = rejected
        self._axes = axes

    def runs(self, wanted: Any, before: int) -> list[Run]:
        first = max(1, self.span.after - before + 1)
        return [Run(position, 0) for position in range(first, self.span.up_to + 1)]

    def rejected(self, wanted: Any, since: int) -> set[int]:
        return {at for at, is_rejected in enumerate(self._rejected, 1) if is_rejected and at >= since}

    def axes(self, positions: Sequence[int]) -> list[frozenset[str]]:
        return [self._axes[position - 1] for position in positions]


def ranges(length: int, sizes: Sequence[int]) -> Iterator[Range]:
    after = at = 0
    while after < length:
        up_to = min(length, after + sizes[at % len(sizes)])
        yield Range(after, up_to, 0)
        after, at = up_to, at + 1


def rule(options: Options, start: int) -> Rule:
    return Rule(Alert(id="a", log_position=start), options, EVERYTHING)


SIZES = st.lists(st.integers(1, 9), min_size=1, max_size=4)
STARTS = st.integers(0, 12)


@given(st.lists(st.booleans(), max_size=40), SIZES, STARTS, st.integers(1, 99))
def test_a_rate_is_high_where_it_rises_above_the_limit(
    rejected: list[bool], sizes: list[int], start: int, percent: int
) -> None:
    def is_high(position: int) -> bool:
        last = rejected[position - FEW : position]
        return position > start and len(last) == FEW and position >= FEW and 100 * sum(last) > percent * FEW

    risen = [at for at in range(1, len(rejected) + 1) if is_high(at) and not is_high(at - 1)]
    options = RateOptions(runs=FEW, percent=percent)
    found = [
        high.position
        for span in ranges(len(rejected), sizes)
        for high in window_events._high(rule(options, start), options, Log(span, rejected, ()))  # type: ignore[arg-type]
    ]
    # Each range tells of a day once; here all runs are of one day.
    assert found[:1] == risen[:1]
    assert set(found) <= set(risen)


@given(st.lists(st.frozensets(st.sampled_from("abc")), max_size=40), SIZES, STARTS)
def test_an_axis_is_silent_where_the_last_of_so_many_runs_is(
    axes: list[frozenset[str]], sizes: list[int], start: int
) -> None:
    def became_silent(position: int, axis: str) -> bool:
        last, before = axes[position - FEW : position], axes[position - 2 * FEW : position - FEW]
        judged = sum(axis in each for each in before)
        return axis in before[-1] and 2 * judged > FEW and not any(axis in each for each in last)

    expected = [
        (axis, at) for at in range(max(2 * FEW, start + 1), len(axes) + 1) for axis in "abc" if became_silent(at, axis)
    ]
    options = AxisOptions(runs=FEW)
    found = [
        (silent.axis, silent.position)
        for span in ranges(len(axes), sizes)
        for silent in window_events._silent(rule(options, start), options, Log(span, [], axes))  # type: ignore[arg-type]
    ]
    assert found == expected
