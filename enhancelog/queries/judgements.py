"""Judgements, denials and joint denials in a window."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, Final, Literal, NamedTuple, Protocol

import msgspec
from django.db.models import Count, F, Max, Q, QuerySet, Sum, TextField, Value
from django.db.models.functions import Coalesce

from enhancelog.models import Entry
from enhancelog.queries import next_attempts, tallies
from enhancelog.queries.blueprint_ids import EVERY, Named
from enhancelog.queries.charts import Scale, Window
from enhancelog.queries.counts import in_days
from enhancelog.queries.prepared import Statement, written
from enhancelog.queries.selection import PLAUSIBLE
from enhancelog.queries.windowed import fetch_in
from enhancelog.store.rows import decode_verdicts

# Whole days come from tallies, one statement each. Hourly windows read the verdicts once, because no tally is that
# fine. Denials count only in rejected runs, so that every number matches a list of rejections.
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

    def denials(self, *by: Name, **only: Collection[str]) -> Mapping[Key, Denials]:
        """Like ``sums``."""

    def together(self) -> Iterator[JointDenials]: ...

    def together_by_blueprint(self) -> Iterator[tuple[str, JointDenials]]: ...


def judgements(window: Window, blueprints: Named = EVERY) -> Judgements:
    return _Hourly(window, blueprints) if window.hourly else _Tallied(window, blueprints)


class _Tallied:
    def __init__(self, window: Window, blueprints: Named) -> None:
        self._window = window
        self._blueprints = blueprints

    def sums(self, *by: Name, **only: Collection[str]) -> Mapping[Key, Judged]:
        return {key: Judged(*numbers) for key, numbers in self._summed(Judged._fields, Q(), by, only).items()}

    def denials(self, *by: Name, **only: Collection[str]) -> Mapping[Key, Denials]:
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


class _Hourly:
    def __init__(self, window: Window, blueprints: Named) -> None:
        self._window = window
        self._blueprints = blueprints

    def sums(self, *by: Name, **only: Collection[str]) -> Mapping[Key, Judged]:
        counts: dict[Key, Judged] = {}
        for (slot, blueprint_id, axis), here in self._read[0].items():
            values = {"slot": slot, "blueprint_id": blueprint_id, "axis": axis}
            if all(values[name] in wanted for name, wanted in only.items()):
                key = tuple(values[name] for name in by)
                counts[key] = counts.get(key, Judged()).plus(here)
        return counts

    def denials(self, *by: Name, **only: Collection[str]) -> Mapping[Key, Denials]:
        counts: dict[Key, Denials] = {}
        for row in self._denials:
            if all(row[name] in wanted for name, wanted in only.items()):
                key = tuple(row[name] for name in by)
                next_outcomes = {f"next_{row['outcome']}": row["n"]} if row["outcome"] != "none" else {}
                here = Denials(row["n"], row["n"] if row["sole"] else 0, **next_outcomes)
                counts[key] = counts.get(key, Denials()).plus(here)
        return counts

    def together(self) -> Iterator[JointDenials]:
        return (joint for _, joint in self.together_by_blueprint())

    def together_by_blueprint(self) -> Iterator[tuple[str, JointDenials]]:
        for (blueprint_id, axes), number in self._read[1].items():
            yield blueprint_id, JointDenials(axes, number)

    @cached_property
    def _denials(self) -> list[dict[str, Any]]:
        return list(_denials_in(self._window, self._blueprints))

    @cached_property
    def _read(self) -> tuple[Mapping[tuple[int, str, str], Judged], Counter[tuple[str, frozenset[str]]]]:
        judged: Counter[tuple[int, str, str]] = Counter()
        rejected: Counter[tuple[int, str, str]] = Counter()
        joint: Counter[tuple[str, frozenset[str]]] = Counter()
        for ts_ms, blueprint_id, status, verdicts in self._rows():
            said = decode_verdicts(verdicts)
            slot = ts_ms // self._window.slot_ms
            judged.update((slot, blueprint_id, axis) for axis in {verdict.axis for verdict in said})
            if status == "rejected":
                denied = frozenset(verdict.axis for verdict in said if verdict.status == "deny")
                rejected.update((slot, blueprint_id, axis) for axis in denied)
                joint.update([(blueprint_id, denied)] if len(denied) > 1 else [])
        return {key: Judged(number, rejected[key]) for key, number in judged.items()}, joint

    def _rows(self) -> Iterable[tuple[int, str, str, str]]:
        window = self._window
        entries = Entry.objects.filter(PLAUSIBLE, ts_ms__gte=window.since_ms, ts_ms__lt=window.until_ms)
        entries = entries.filter(self._blueprints.condition).order_by()
        return entries.values_list("ts_ms", "blueprint_id", "status", "verdicts").iterator(chunk_size=_CHUNK)


def in_bars(slots: Mapping[int | None, Judged], bars: Scale) -> list[Judged]:
    # Entries appended since the bars were computed may lie beyond them.
    judged, rejected = [0] * bars.length, [0] * bars.length
    for slot, here in slots.items():
        at = -1 if slot is None else bars.index(slot)
        if 0 <= at < bars.length:
            judged[at] += here.judged
            rejected[at] += here.rejected
    return list(map(Judged, judged, rejected))


def _denials_in(window: Window, blueprints: Named) -> Iterable[dict[str, Any]]:
    entries = Entry.objects.filter(PLAUSIBLE, ts_ms__gte=window.since_ms, ts_ms__lt=window.until_ms, status="rejected")
    rows = entries.filter(blueprints.condition).annotate(
        slot=F("ts_ms") / Value(window.slot_ms),
        axis=F("denials__axis"),
        sole=F("denials__sole"),
        outcome=next_attempts.of_joined_denial(),
    )
    by = ("slot", "blueprint_id", "axis", "sole", "outcome")
    found: Iterable[dict[str, Any]] = (
        rows.filter(axis__isnull=False).order_by().values(*by).annotate(n=Count("position"))
    )
    return found


_axes: Final = msgspec.json.Decoder(list[str])
