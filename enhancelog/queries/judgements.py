"""What axes judged and denied in a window, summed by any of slot, Blueprint and axis, and which denied together.

Whole days come from the tallies, one statement a question; of an hourly window the verdicts are read once, for no tally
is that fine. A denial counts where its run was rejected, so that every number is that of a list of rejections.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, Final, Literal, NamedTuple, Protocol

import msgspec
from django.db.models import F, Max, Sum

from enhancelog.models import AxisTally, Entry, JointTally
from enhancelog.queries.charts import Window
from enhancelog.queries.counts import in_days
from enhancelog.queries.prepared import Statement, written
from enhancelog.queries.selection import PLAUSIBLE
from enhancelog.queries.windowed import fetch_in
from enhancelog.store.rows import decode_verdicts

Name = Literal["slot", "blueprint_id", "axis"]
Key = tuple[Any, ...]

_CHUNK: Final = 500


class Judged(NamedTuple):
    """``judged``: runs that were judged at all; ``rejected``: those denied."""

    judged: int = 0
    rejected: int = 0

    def plus(self, other: "Judged") -> "Judged":
        return Judged(self.judged + other.judged, self.rejected + other.rejected)


class Judgements(Protocol):
    """Of one window. Slots are days or hours; ``None`` stands for runs without a plausible time."""

    def sums(self, *by: Name, **only: Collection[str]) -> Mapping[Key, Judged]:
        """By the values of ``by``; ``only``: these Blueprints (``blueprint_id``) or axes (``axis``)."""

    def together(self) -> Iterator[tuple[Collection[str], int]]:
        """Every set of two or more axes that denied a run together, and how many runs exactly these rejected."""


def judgements(window: Window) -> Judgements:
    return _Hourly(window) if window.hourly else _Tallied(window)


class _Tallied:
    def __init__(self, window: Window) -> None:
        self._window = window

    def sums(self, *by: Name, **only: Collection[str]) -> Mapping[Key, Judged]:
        narrowed = tuple((name, tuple(sorted(values))) for name, values in only.items())

        def write(window: Window) -> Statement:
            tally = in_days(AxisTally.objects.annotate(slot=F("day")), window.since_ms, window.until_ms)
            tally = tally.filter(**{f"{name}__in": values for name, values in narrowed})
            rows = tally.order_by().values(*by).annotate(n_judged=Sum("judged"), n_rejected=Sum("rejected"))
            return written(rows.values_list(*by, "n_judged", "n_rejected"))

        found = fetch_in(self._window, ("judgements", by, narrowed), write)
        return {row[:-2]: Judged(int(row[-2]), int(row[-1])) for row in found}

    def together(self) -> Iterator[tuple[Collection[str], int]]:
        tally = in_days(JointTally.objects.all(), self._window.since_ms, self._window.until_ms)
        rows = tally.order_by().values("digest")
        found = rows.annotate(set=Max("axes"), n=Sum("runs")).values_list("set", "n")
        for axes, number in found.iterator(chunk_size=_CHUNK):
            yield _axes.decode(axes), number


class _Hourly:
    def __init__(self, window: Window) -> None:
        self._window = window

    def sums(self, *by: Name, **only: Collection[str]) -> Mapping[Key, Judged]:
        counts: dict[Key, Judged] = {}
        for (slot, blueprint_id, axis), here in self._read[0].items():
            values = {"slot": slot, "blueprint_id": blueprint_id, "axis": axis}
            if all(values[name] in wanted for name, wanted in only.items()):
                key = tuple(values[name] for name in by)
                counts[key] = counts.get(key, Judged()).plus(here)
        return counts

    def together(self) -> Iterator[tuple[Collection[str], int]]:
        yield from self._read[1].items()

    @cached_property
    def _read(self) -> tuple[Mapping[tuple[int, str, str], Judged], Counter[frozenset[str]]]:
        """Slot, Blueprint and axis to what it judged, and joint denials."""
        judged: Counter[tuple[int, str, str]] = Counter()
        rejected: Counter[tuple[int, str, str]] = Counter()
        joint: Counter[frozenset[str]] = Counter()
        for ts_ms, blueprint_id, status, verdicts in self._rows():
            said = decode_verdicts(verdicts)
            slot = ts_ms // self._window.slot_ms
            judged.update((slot, blueprint_id, axis) for axis in {verdict.axis for verdict in said})
            if status == "rejected":
                denied = frozenset(verdict.axis for verdict in said if verdict.status == "deny")
                rejected.update((slot, blueprint_id, axis) for axis in denied)
                joint.update([denied] if len(denied) > 1 else [])
        return {key: Judged(number, rejected[key]) for key, number in judged.items()}, joint

    def _rows(self) -> Iterable[tuple[int, str, str, str]]:
        window = self._window
        entries = Entry.objects.filter(PLAUSIBLE, ts_ms__gte=window.since_ms, ts_ms__lt=window.until_ms).order_by()
        return entries.values_list("ts_ms", "blueprint_id", "status", "verdicts").iterator(chunk_size=_CHUNK)


_axes: Final = msgspec.json.Decoder(list[str])
