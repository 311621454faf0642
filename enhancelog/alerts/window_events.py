"""What many runs together cause: a high rate of rejections, an axis that stopped judging."""

from collections.abc import Hashable, Iterator, Sequence
from typing import Final, NamedTuple

from enhancelog import links
from enhancelog.alerts.log_events import Range
from enhancelog.alerts.messages import Rule, about, waiting
from enhancelog.alerts.watched import rejections, without_times
from enhancelog.domain.alert_events import HighRate, SilentAxis
from enhancelog.domain.alerts import AxisOptions, RateOptions
from enhancelog.domain.filters import EntryFilter
from enhancelog.domain.intervals import FEW
from enhancelog.domain.times import DAY_MS, day_of
from enhancelog.models import Delivery
from enhancelog.queries import arrivals
from enhancelog.queries.arrivals import Arrived, Run

# Each is found at the run with which it begins, so it does not matter in how many steps the log is read.

USUAL_DAYS: Final = 28
# Twice a rate of almost zero would be a single rejection.
LOWEST_USUAL: Final = 0.025


class _Usual(NamedTuple):
    rejected: int
    runs: int


class _High(NamedTuple):
    # ``usual``: what the rate is compared with, unless it is a limit.

    position: int
    rejected: int
    usual: _Usual | None


class _Silent(NamedTuple):
    axis: str
    position: int
    judged: int


class Reader:
    """Runs of the range and before it; equal questions of several rules are asked once."""

    def __init__(self, span: Range) -> None:
        self.span = span
        self._runs: dict[Hashable, list[Run]] = {}
        self._rejected: dict[Hashable, set[int]] = {}
        self._axes: dict[int, frozenset[str]] = {}

    def runs(self, wanted: EntryFilter, before: int) -> list[Run]:
        """Those of the range, and ``before`` that came before."""
        key = (arrivals.key_of(wanted), before)
        if key not in self._runs:
            earlier = arrivals.runs_before(wanted, self.span.after, before)
            self._runs[key] = earlier + arrivals.runs_between(wanted, self.span.after, self.span.up_to)
        return self._runs[key]

    def rejected(self, wanted: EntryFilter, since: int) -> set[int]:
        """Positions from ``since`` to the end of the range of rejected runs that match."""
        key = (arrivals.key_of(wanted), since)
        if key not in self._rejected:
            found = arrivals.matching([rejections(wanted)], since - 1, self.span.up_to)
            self._rejected[key] = next(iter(found.values()))
        return self._rejected[key]

    def axes(self, positions: Sequence[int]) -> list[frozenset[str]]:
        unknown = [position for position in positions if position not in self._axes]
        self._axes.update(arrivals.axes_of(unknown))
        return [self._axes[position] for position in positions]


def high_rates(rules: Sequence[Rule], reader: Reader) -> list[Delivery]:
    found = [
        (rule, rule.options, high)
        for rule in rules
        if isinstance(rule.options, RateOptions)
        for high in _high(rule, rule.options, reader)
    ]
    entries = arrivals.by_position(arrivals.entries(high.position for *_, high in found))
    # Once a day at most, however often it goes up and down.
    return [
        waiting(
            rule.alert,
            _high_rate(rule, options, high, entries[high.position]),
            entries[high.position].recorded_ms,
            reader.span.now_ms,
            "rate",
            day_of(entries[high.position].recorded_ms),
        )
        for rule, options, high in found
    ]


def silent_axes(rules: Sequence[Rule], reader: Reader) -> list[Delivery]:
    found = [
        (rule, rule.options, silent)
        for rule in rules
        if isinstance(rule.options, AxisOptions)
        for silent in _silent(rule, rule.options, reader)
    ]
    entries = arrivals.by_position(arrivals.entries(silent.position for *_, silent in found))
    return [
        waiting(
            rule.alert,
            _silent_axis(rule, options, silent, entries[silent.position]),
            entries[silent.position].recorded_ms,
            reader.span.now_ms,
            "axis",
            silent.axis,
            silent.position,
        )
        for rule, options, silent in found
    ]


def _high(rule: Rule, options: RateOptions, reader: Reader) -> Iterator[_High]:
    number = options.runs
    wanted = without_times(rule.watched.wanted)
    runs = reader.runs(rule.watched.runs, number)
    if len(runs) < number:
        return
    rejected = reader.rejected(wanted, runs[0].position)
    usual = _UsualRates(rule, wanted, reader) if options.twice else None
    count, was_high, told = 0, False, set()
    for at, run in enumerate(runs):
        count += run.position in rejected
        if at >= number:
            count -= runs[at - number].position in rejected
        if at < number - 1 or run.position <= rule.alert.log_position:
            continue
        compared = usual.on(day_of(run.recorded_ms)) if usual else None
        is_high = _is_high(count, options, compared)
        # Before the range it was told already; the rule's own first run begins anew.
        if is_high and not was_high and run.position > reader.span.after and day_of(run.recorded_ms) not in told:
            told.add(day_of(run.recorded_ms))
            yield _High(run.position, count, compared)
        was_high = is_high


class _UsualRates:
    # Of the days before each day.

    def __init__(self, rule: Rule, wanted: EntryFilter, reader: Reader) -> None:
        self._runs, self._wanted, self._up_to = rule.watched.runs, rejections(wanted), reader.span.up_to
        self._known: dict[int, _Usual] = {}

    def on(self, day: int) -> _Usual:
        if day not in self._known:
            between = ((day - USUAL_DAYS) * DAY_MS, day * DAY_MS, self._up_to)
            runs, rejected = (arrivals.counted_between(each, *between) for each in (self._runs, self._wanted))
            self._known[day] = _Usual(len(rejected & runs), len(runs))
        return self._known[day]


def _is_high(count: int, options: RateOptions, usual: _Usual | None) -> bool:
    if options.percent is not None:
        return 100 * count > options.percent * options.runs
    if usual is None or usual.runs < FEW:
        return False
    return count / options.runs > 2 * max(usual.rejected / usual.runs, LOWEST_USUAL)


def _silent(rule: Rule, options: AxisOptions, reader: Reader) -> Iterator[_Silent]:
    number = options.runs
    runs = reader.runs(rule.watched.runs, 2 * number - 1)
    if len(runs) < 2 * number:
        return
    axes = reader.axes([run.position for run in runs])
    judged: dict[str, int] = {}  # of the ``number`` runs before the last ``number``
    for at in range(number, len(runs)):
        for axis in axes[at - number]:
            judged[axis] = judged.get(axis, 0) + 1
        if at < 2 * number - 1:
            continue
        if at >= 2 * number:
            for axis in axes[at - 2 * number]:
                judged[axis] -= 1
        position = runs[at].position
        if position <= max(reader.span.after, rule.alert.log_position):
            continue
        # Silent for exactly so many runs: those that judged last just before them.
        for axis in sorted(axes[at - number]):
            is_asked = options.axis in (None, axis)
            if is_asked and 2 * judged[axis] > number and not _judged_in(axis, axes, at - number + 1, at):
                yield _Silent(axis, position, judged[axis])


def _judged_in(axis: str, axes: Sequence[frozenset[str]], first: int, last: int) -> bool:
    return any(axis in axes[at] for at in range(first, last + 1))


def _high_rate(rule: Rule, options: RateOptions, found: _High, entry: Arrived) -> HighRate:
    view = rule.alert.view
    return HighRate(
        alert=about(rule.alert),
        url=links.absolute(links.at(view.url) if view else links.rejections()),
        rejected=found.rejected,
        runs=options.runs,
        percent=options.percent,
        usual_rejected=found.usual.rejected if found.usual else None,
        usual_runs=found.usual.runs if found.usual else None,
        issue_id=entry.issue_id,
    )


def _silent_axis(rule: Rule, options: AxisOptions, found: _Silent, entry: Arrived) -> SilentAxis:
    return SilentAxis(
        alert=about(rule.alert),
        url=links.absolute(links.axis(found.axis)),
        axis=found.axis,
        judged=found.judged,
        runs=options.runs,
        issue_id=entry.issue_id,
    )
