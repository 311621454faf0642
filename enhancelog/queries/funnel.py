"""How many attempts an intent takes: intents that ended in a window, by outcome and by the number of the attempt."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial, reduce
from typing import Any, Final, Literal, NamedTuple

from django.db import connection
from django.db.models import F, Sum

from enhancelog.domain.durations import Range, quantile
from enhancelog.models import Entry, IntentTally, IntentTimeTally
from enhancelog.projections import intents
from enhancelog.queries.blueprint_ids import EVERY, Named
from enhancelog.queries.charts import Scale, Window
from enhancelog.queries.counts import in_days
from enhancelog.queries.prepared import Statement, written
from enhancelog.queries.selection import PLAUSIBLE
from enhancelog.queries.windowed import fetch_in

# An intent counts where its last attempt is, so that each number is that of a list of runs. Whole days come from
# tallies. An hourly window reads its attempts, and those near them.
NUMBERS: Final = intents.NUMBERS

_CHUNK: Final = 500

By = Literal["slot", "blueprint_id"]
Times = Mapping[int, int]  # intents by the lower bound of a range, see ``domain.durations``


class Intents(NamedTuple):
    """``first``: first attempts. The others: intents that ended, by the number of their attempts."""

    first: int = 0
    applied_first: int = 0
    applied_second: int = 0
    applied_third: int = 0
    applied_further: int = 0
    given_up_first: int = 0
    given_up_second: int = 0
    given_up_third: int = 0
    given_up_further: int = 0

    @property
    def applied(self) -> dict[str, int]:
        """By ``NUMBERS``."""
        return dict(zip(NUMBERS, self[1:5], strict=True))

    @property
    def given_up(self) -> dict[str, int]:
        """By ``NUMBERS``. Those of the last 7 days may still be tried again."""
        return dict(zip(NUMBERS, self[5:], strict=True))

    @property
    def applied_later(self) -> int:
        return self.applied_in_all - self.applied_first

    @property
    def applied_in_all(self) -> int:
        return sum(self[1:5])

    @property
    def given_up_in_all(self) -> int:
        return sum(self[5:])

    @property
    def ended(self) -> int:
        return sum(self[1:])

    def plus(self, other: "Intents") -> "Intents":
        return Intents(*map(sum, zip(self, other, strict=True)))


class Took(NamedTuple):
    """From the first attempt to the applied one, of ``intents`` that took several; ``None`` if there are none."""

    intents: int
    median: Range | None
    p90: Range | None


@dataclass(frozen=True)
class Funnel:
    """Slots are days or hours; ``None``: implausible time."""

    by_slot: Mapping[int | None, Intents]
    by_blueprint: Mapping[str, Intents]
    times_by_slot: Mapping[int | None, Times]
    times_by_blueprint: Mapping[str, Times]

    @property
    def total(self) -> Intents:
        return reduce(Intents.plus, self.by_slot.values(), Intents())

    @property
    def took(self) -> Took:
        return took(self.times_by_slot.values())


def funnel(window: Window, blueprints: Named = EVERY) -> Funnel:
    if window.hourly:
        return _hourly(window, blueprints)
    return Funnel(
        _counts("slot", window, blueprints),
        _counts("blueprint_id", window, blueprints),
        _times("slot", window, blueprints),
        _times("blueprint_id", window, blueprints),
    )


def first_attempts(window: Window, blueprints: Named = EVERY) -> tuple[int, int]:
    """Of the first attempts in the window, those that were applied."""
    found = _hourly(window, blueprints).by_slot if window.hourly else _counts("slot", window, blueprints)
    total = reduce(Intents.plus, found.values(), Intents())
    return total.applied_first, total.first


def took(times: Iterable[Times]) -> Took:
    summed: Counter[int] = Counter()
    for each in times:
        summed.update(each)
    return Took(summed.total(), quantile(summed, 50), quantile(summed, 90))


def in_bars(found: Funnel, bars: Scale) -> list[tuple[Intents, Took]]:
    # Entries appended since the bars were computed may lie beyond them.
    counts: defaultdict[int, Intents] = defaultdict(Intents)
    times: defaultdict[int, list[Times]] = defaultdict(list)
    for slot, here in found.by_slot.items():
        if slot is not None:
            counts[bars.index(slot)] = counts[bars.index(slot)].plus(here)
    for slot, durations in found.times_by_slot.items():
        if slot is not None:
            times[bars.index(slot)].append(durations)
    return [(counts[at], took(times[at])) for at in range(bars.length)]


def _counts(by: By, window: Window, blueprints: Named) -> dict[Any, Intents]:
    found = fetch_in(window, ("intents", by, blueprints), partial(_write_counts, by, blueprints))
    return {key: Intents(*map(int, numbers)) for key, *numbers in found if any(numbers)}


def _write_counts(by: By, blueprints: Named, window: Window) -> Statement:
    tally = in_days(IntentTally.objects.annotate(slot=F("day")), window.since_ms, window.until_ms)
    sums = {f"n_{name}": Sum(name) for name in intents.COUNTS}
    rows = tally.filter(blueprints.condition).order_by().values(by).annotate(**sums)
    return written(rows.values_list(by, *sums))


def _times(by: By, window: Window, blueprints: Named) -> Mapping[Any, Times]:
    found: defaultdict[Any, dict[int, int]] = defaultdict(dict)
    for key, took_ms, number in fetch_in(
        window, ("times of intents", by, blueprints), partial(_write_times, by, blueprints)
    ):
        found[key][took_ms] = int(number)
    return found


def _write_times(by: By, blueprints: Named, window: Window) -> Statement:
    tally = in_days(IntentTimeTally.objects.annotate(slot=F("day")), window.since_ms, window.until_ms)
    rows = tally.filter(blueprints.condition).order_by().values(by, "took_ms").annotate(n=Sum("intents"))
    return written(rows.values_list(by, "took_ms", "n"))


class _Alike(NamedTuple):
    """Runs of an hourly window that count in the same places."""

    slot: int
    blueprint_id: str
    counts: tuple[str, ...]
    took_ms: int | None


def _hourly(window: Window, blueprints: Named) -> Funnel:
    since_ms, until_ms = window.since_ms or 0, window.until_ms or 0  # an hourly window has both
    entries = Entry.objects.filter(PLAUSIBLE, ts_ms__gte=since_ms, ts_ms__lt=until_ms).filter(blueprints.condition)
    columns = ("position", "ts_ms", "blueprint_id", "status")
    rows = list(entries.order_by().values_list(*columns).iterator(chunk_size=_CHUNK))
    with connection.cursor() as cursor:
        blueprint_ids = {position: blueprint_id for position, _, blueprint_id, _ in rows}
        near = intents.placed(intents.around_window(cursor, blueprint_ids, since_ms, until_ms))
        found = {each.attempt.position: (each.counts, each.took_ms) for each in near if each.attempt.is_fresh}
    alone = {status: (intents.of_only_attempt(status), None) for status in ("applied", "rejected")}
    slot_ms = window.slot_ms
    runs = Counter(
        _Alike(ts_ms // slot_ms, blueprint_id, *(found.get(position) or alone[status]))
        for position, ts_ms, blueprint_id, status in rows
    )
    return Funnel(
        _counts_of("slot", runs),
        _counts_of("blueprint_id", runs),
        _times_of("slot", runs),
        _times_of("blueprint_id", runs),
    )


def _counts_of(by: By, runs: Mapping[_Alike, int]) -> dict[Any, Intents]:
    counts: defaultdict[Any, Counter[str]] = defaultdict(Counter)
    for alike, number in runs.items():
        here = counts[getattr(alike, by)]
        for name in alike.counts:
            here[name] += number
    return {key: Intents(**here) for key, here in counts.items() if here}


def _times_of(by: By, runs: Mapping[_Alike, int]) -> Mapping[Any, Times]:
    times: defaultdict[Any, Counter[int]] = defaultdict(Counter)
    for alike, number in runs.items():
        if alike.took_ms is not None:
            times[getattr(alike, by)][alike.took_ms] += number
    return times
