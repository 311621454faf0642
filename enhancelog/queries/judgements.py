"""Judgements, denials and joint denials in a window."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, Final, Literal, NamedTuple, Protocol

import msgspec
from django.db.models import F, Max, Sum

from enhancelog.models import AxisTally, Entry, JointTally
from enhancelog.queries.blueprint_ids import EVERY, Named
from enhancelog.queries.charts import Window
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


class Judged(NamedTuple):
    judged: int = 0
    rejected: int = 0

    def plus(self, other: "Judged") -> "Judged":
        return Judged(self.judged + other.judged, self.rejected + other.rejected)


class Judgements(Protocol):
    """Slots are days or hours; ``None``: implausible time."""

    def sums(self, *by: Name, **only: Collection[str]) -> Mapping[Key, Judged]:
        """Grouped by ``by``, restricted to values of ``only``."""

    def together(self) -> Iterator[tuple[Collection[str], int]]:
        """Each set of two or more axes, and the runs of all Blueprints rejected by exactly these."""


def judgements(window: Window, blueprints: Named = EVERY) -> Judgements:
    return _Hourly(window, blueprints) if window.hourly else _Tallied(window, blueprints)


class _Tallied:
    def __init__(self, window: Window, blueprints: Named) -> None:
        self._window = window
        self._blueprints = blueprints

    def sums(self, *by: Name, **only: Collection[str]) -> Mapping[Key, Judged]:
        narrowed = tuple((name, tuple(sorted(values))) for name, values in only.items())

        def write(window: Window) -> Statement:
            tally = in_days(AxisTally.objects.annotate(slot=F("day")), window.since_ms, window.until_ms)
            tally = tally.filter(self._blueprints.condition, **{f"{name}__in": values for name, values in narrowed})
            rows = tally.order_by().values(*by).annotate(n_judged=Sum("judged"), n_rejected=Sum("rejected"))
            return written(rows.values_list(*by, "n_judged", "n_rejected"))

        found = fetch_in(self._window, ("judgements", by, narrowed, self._blueprints), write)
        return {row[:-2]: Judged(int(row[-2]), int(row[-1])) for row in found}

    def together(self) -> Iterator[tuple[Collection[str], int]]:
        tally = in_days(JointTally.objects.all(), self._window.since_ms, self._window.until_ms)
        rows = tally.order_by().values("digest")
        found = rows.annotate(set=Max("axes"), n=Sum("runs")).values_list("set", "n")
        for axes, number in found.iterator(chunk_size=_CHUNK):
            yield _axes.decode(axes), number


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

    def together(self) -> Iterator[tuple[Collection[str], int]]:
        yield from self._read[1].items()

    @cached_property
    def _read(self) -> tuple[Mapping[tuple[int, str, str], Judged], Counter[frozenset[str]]]:
        judged: Counter[tuple[int, str, str]] = Counter()
        rejected: Counter[tuple[int, str, str]] = Counter()
        joint: Counter[frozenset[str]] = Counter()
        for ts_ms, blueprint_id, status, verdicts in self._rows():
            if not self._blueprints.has(blueprint_id):
                continue
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
