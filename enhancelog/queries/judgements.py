"""Judgements, denials and joint denials in a window."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property, reduce
from typing import Any, Final, Literal, NamedTuple, Protocol

import msgspec
from django.db.models import Case, F, Max, Q, QuerySet, Sum, TextField, Value, When
from django.db.models.functions import Coalesce

from enhancelog.queries import runs, tallies
from enhancelog.queries.blueprint_ids import EVERY, Named
from enhancelog.queries.charts import Scale, Window
from enhancelog.queries.counts import in_days
from enhancelog.queries.hourly_runs import DeniedRuns, HourlyRuns, denied_runs, hourly_runs
from enhancelog.queries.prepared import Statement, written
from enhancelog.queries.runs import Compared, Totals
from enhancelog.queries.windowed import fetch_in

# Whole days come from tallies, one statement each. Hourly windows read their runs once, because no tally is that
# fine. Denials count only in rejected runs, so that every number matches a list of rejections.
Place = Literal["blueprint_id", "axis"]
Name = Literal["slot", "blueprint_id", "axis"]
Key = tuple[Any, ...]

_CHUNK: Final = 500
# To group by the bare column, SQLite follows the index that begins with it through the rows of all axes and days.
_PLACE: Final = Coalesce("blueprint_id", Value(""), output_field=TextField())


class Judged(NamedTuple):
    judged: int = 0
    rejected: int = 0

    @property
    def rate(self) -> float:
        """0 if it judged none."""
        return self.rejected / self.judged if self.judged else 0.0

    def plus(self, other: "Judged") -> "Judged":
        return Judged(self.judged + other.judged, self.rejected + other.rejected)


class Denials(NamedTuple):
    """Rejected runs that an axis denied, those that no other axis denied, and by outcome of the next attempt."""

    rejected: int = 0
    alone: int = 0
    next_applied: int = 0
    next_same: int = 0
    next_other: int = 0

    @property
    def outcomes(self) -> dict[str, int]:
        """By the values of the filter ``next``, in their order."""
        none = self.rejected - self.next_applied - self.next_same - self.next_other
        return {"applied": self.next_applied, "same": self.next_same, "other": self.next_other, "none": none}

    def plus(self, other: "Denials") -> "Denials":
        return Denials(*map(sum, zip(self, other, strict=True)))


class JointDenials(NamedTuple):
    """Runs that exactly these axes, two or more, denied."""

    axes: Collection[str]
    runs: int


class Judgements(Protocol):
    """Slots are days or hours; ``None``: implausible time."""

    def sums(self, *by: Name, **only: Collection[str]) -> Mapping[Key, Judged]:
        """Grouped by ``by``, restricted to values of ``only``."""

    def in_bars(self, bars: Scale) -> Mapping[tuple[str, int | None], Judged]:
        """By axis and place among the bars; other places and ``None`` are outside of them."""

    def denials(self, *by: Place, **only: Collection[str]) -> Mapping[Key, Denials]:
        """Like ``sums``."""

    def together(self) -> Iterator[JointDenials]: ...

    def together_by_blueprint(self) -> Iterator[tuple[str, JointDenials]]: ...

    def runs(self) -> Compared: ...

    def runs_by_blueprint(self) -> Mapping[str, Totals]: ...


def judgements(window: Window, blueprints: Named = EVERY) -> Judgements:
    return _Hourly(window, blueprints) if window.hourly else _Tallied(window, blueprints)


class _Tallied:
    def __init__(self, window: Window, blueprints: Named) -> None:
        self._window = window
        self._blueprints = blueprints

    def sums(self, *by: Name, **only: Collection[str]) -> Mapping[Key, Judged]:
        return {key: Judged(*numbers) for key, numbers in self._summed(Judged._fields, Q(), by, only).items()}

    def in_bars(self, bars: Scale) -> Mapping[tuple[str, int | None], Judged]:
        def write(window: Window) -> Statement:
            tally = in_days(tallies.of_axes(self._blueprints), window.since_ms, window.until_ms)
            # Division rounds towards zero.
            place = Case(When(day__gte=bars.first, then=(F("day") - Value(bars.first)) / Value(bars.width)))
            sums = (
                tally.order_by()
                .annotate(place=place)
                .values("axis", "place")
                .annotate(n=Sum("judged"), m=Sum("rejected"))
            )
            return written(sums.values_list("axis", "place", "n", "m"))

        found = fetch_in(self._window, ("judgements in bars", bars.first, bars.width, self._blueprints), write)
        return {(axis, place): Judged(int(judged), int(rejected)) for axis, place, judged, rejected in found}

    def denials(self, *by: Place, **only: Collection[str]) -> Mapping[Key, Denials]:
        # Most axes deny nothing of a Blueprint on most days, so this leaves few rows to add up.
        found = self._summed(Denials._fields, Q(rejected__gt=0), by, only)
        return {key: Denials(*numbers) for key, numbers in found.items()}

    def _summed(
        self, amounts: tuple[str, ...], which: Q, by: tuple[Name, ...], only: Mapping[str, Collection[str]]
    ) -> dict[Key, Iterable[int]]:
        narrowed = tuple((name, tuple(sorted(values))) for name, values in only.items())
        sums = {f"n_{amount}": Sum(amount) for amount in amounts}
        by_blueprint = "blueprint_id" in {*by, *only}
        grouped = by if "blueprint_id" in only else tuple("place" if name == "blueprint_id" else name for name in by)

        def write(window: Window) -> Statement:
            tally = in_days(
                tallies.of_axes(self._blueprints, by_blueprint=by_blueprint), window.since_ms, window.until_ms
            )
            tally = tally.annotate(slot=F("day")).filter(which, **{f"{name}__in": values for name, values in narrowed})
            tally = tally.annotate(place=_PLACE) if "place" in grouped else tally
            return written(tally.order_by().values(*grouped).annotate(**sums).values_list(*grouped, *sums))

        found = fetch_in(self._window, ("judgements", amounts, by, narrowed, self._blueprints), write)
        return {row[: len(by)]: map(int, row[len(by) :]) for row in found}

    def together(self) -> Iterator[JointDenials]:
        for axes, number in self._joint(tallies.of_joint_denials(self._blueprints), "digest"):
            yield JointDenials(_axes.decode(axes), number)

    def together_by_blueprint(self) -> Iterator[tuple[str, JointDenials]]:
        tally = tallies.of_joint_denials(self._blueprints, by_blueprint=True)
        for blueprint_id, axes, number in self._joint(tally, "blueprint_id", "digest"):
            yield blueprint_id, JointDenials(_axes.decode(axes), number)

    def _joint(self, tally: QuerySet[Any], *by: str) -> Iterator[tuple[Any, ...]]:
        rows = in_days(tally, self._window.since_ms, self._window.until_ms).order_by().values(*by)
        found = rows.annotate(set=Max("axes"), n=Sum("runs")).values_list(*by[:-1], "set", "n")
        yield from found.iterator(chunk_size=_CHUNK)

    def runs(self) -> Compared:
        return runs.compared(self._window, self._blueprints)

    def runs_by_blueprint(self) -> Mapping[str, Totals]:
        return {name: here for name, here in runs.by_blueprint(self._window).items() if self._blueprints.has(name)}


class _Hourly:
    def __init__(self, window: Window, blueprints: Named) -> None:
        self._window = window
        self._blueprints = blueprints

    def sums(self, *by: Name, **only: Collection[str]) -> Mapping[Key, Judged]:
        counts: dict[Key, Judged] = {}
        for place, number in self._read.judged.items():
            values = dict(zip(("slot", "blueprint_id", "axis"), place, strict=True))
            if all(values[name] in wanted for name, wanted in only.items()):
                key = tuple(values[name] for name in by)
                counts[key] = counts.get(key, Judged()).plus(Judged(number, self._read.rejected[place]))
        return counts

    def in_bars(self, bars: Scale) -> Mapping[tuple[str, int | None], Judged]:
        counts: dict[tuple[str, int | None], Judged] = {}
        for (axis, slot), here in self.sums("axis", "slot").items():
            key = axis, bars.index(slot)
            counts[key] = counts.get(key, Judged()).plus(here)
        return counts

    def denials(self, *by: Place, **only: Collection[str]) -> Mapping[Key, Denials]:
        counts: dict[Key, Denials] = {}
        for denied in self._denied:
            if all(getattr(denied, name) in wanted for name, wanted in only.items()):
                key = tuple(getattr(denied, name) for name in by)
                of_next = {} if denied.outcome == "none" else {f"next_{denied.outcome}": denied.runs}
                here = Denials(denied.runs, denied.runs if denied.sole else 0, **of_next)
                counts[key] = counts.get(key, Denials()).plus(here)
        return counts

    def together(self) -> Iterator[JointDenials]:
        return (joint for _, joint in self.together_by_blueprint())

    def together_by_blueprint(self) -> Iterator[tuple[str, JointDenials]]:
        for (blueprint_id, axes), number in self._read.joint.items():
            yield blueprint_id, JointDenials(axes, number)

    def runs(self) -> Compared:
        found: Counter[tuple[int, str]] = Counter()
        for (slot, _, status), number in self._read.runs.items():
            found[slot, status] += number
        by_slot = _totals(found)
        before = runs.before(self._window, self._blueprints)
        return Compared(reduce(Totals.plus, by_slot.values(), Totals()), before, by_slot)

    def runs_by_blueprint(self) -> Mapping[str, Totals]:
        found: Counter[tuple[str, str]] = Counter()
        for (_, blueprint_id, status), number in self._read.runs.items():
            found[blueprint_id, status] += number
        return _totals(found)

    @cached_property
    def _read(self) -> HourlyRuns:
        return hourly_runs(self._window, self._blueprints)

    @cached_property
    def _denied(self) -> list[DeniedRuns]:
        return denied_runs(self._window, self._blueprints)


def _totals(counted: Counter[tuple[Any, str]]) -> dict[Any, Totals]:
    return {key: Totals(counted[key, "applied"], counted[key, "rejected"]) for key, _ in counted}


def in_bars(slots: Mapping[int | None, Judged], bars: Scale) -> list[Judged]:
    # Entries appended since the bars were computed may lie beyond them.
    judged, rejected = [0] * bars.length, [0] * bars.length
    for slot, here in slots.items():
        at = -1 if slot is None else bars.index(slot)
        if 0 <= at < bars.length:
            judged[at] += here.judged
            rejected[at] += here.rejected
    return list(map(Judged, judged, rejected))


_axes: Final = msgspec.json.Decoder(list[str])
