"""The runs of an hourly window, read once for all figures; tallies are by day."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, NamedTuple

import msgspec
from django.db.models import Count, QuerySet

from enhancelog.models import Entry
from enhancelog.queries import next_attempts
from enhancelog.queries.blueprint_ids import Named
from enhancelog.queries.charts import Window
from enhancelog.queries.selection import PLAUSIBLE

_CHUNK: Final = 100  # an entry's verdicts can have a megabyte
_SHORT: Final = 4_000  # characters of verdicts that are kept, for runs whose axes say the same
_MOST_AXES: Final = 20_000  # of runs that are not counted yet


# Slots are hours. ``rejected`` and ``joint`` count the denials of rejected runs, ``joint`` those of exactly these axes,
# two or more.
@dataclass
class HourlyRuns:
    runs: Counter[tuple[int, str, str]] = field(default_factory=Counter)  # slot, Blueprint, status
    judged: Counter[tuple[int, str, str]] = field(default_factory=Counter)  # slot, Blueprint, axis
    rejected: Counter[tuple[int, str, str]] = field(default_factory=Counter)
    joint: Counter[tuple[str, frozenset[str]]] = field(default_factory=Counter)


class DeniedRuns(NamedTuple):
    """Rejected runs that an axis denied, alike in all that counts."""

    blueprint_id: str
    axis: str
    sole: bool
    outcome: str
    runs: int


# Runs that count in the same places.
class _Alike(NamedTuple):
    slot: int
    blueprint_id: str
    status: str
    judged: frozenset[str]
    denied: frozenset[str]


# What counts of a verdict.
class _Said(msgspec.Struct):
    axis: str
    status: str


def hourly_runs(window: Window, blueprints: Named) -> HourlyRuns:
    found = HourlyRuns()
    kept = lru_cache(_axes_of)
    alike: Counter[_Alike] = Counter()
    axes = 0
    for ts_ms, blueprint_id, status, verdicts in _rows(window, blueprints):
        axes_of = kept if len(verdicts) <= _SHORT else _axes_of
        run = _Alike(ts_ms // window.slot_ms, blueprint_id, status, *axes_of(verdicts))
        alike[run] += 1
        axes += len(run.judged) if alike[run] == 1 else 0
        if axes > _MOST_AXES:
            _add(found, alike)
            alike, axes = Counter(), 0
    _add(found, alike)
    return found


def denied_runs(window: Window, blueprints: Named) -> list[DeniedRuns]:
    denials = _entries(window, blueprints).filter(status="rejected", denials__isnull=False)
    # The Blueprint is the denial's own, because SQLite would follow the index of Blueprints to group by the entry's.
    by = ("denials__blueprint_id", "denials__axis", "denials__sole", "outcome")
    rows = denials.annotate(outcome=next_attempts.of_joined_denial()).values(*by).annotate(n=Count("position"))
    return list(map(DeniedRuns._make, rows.values_list(*by, "n")))


def _rows(window: Window, blueprints: Named) -> Iterable[tuple[int, str, str, str]]:
    columns = ("ts_ms", "blueprint_id", "status", "verdicts")
    return _entries(window, blueprints).values_list(*columns).iterator(chunk_size=_CHUNK)


def _entries(window: Window, blueprints: Named) -> QuerySet[Entry]:
    entries = Entry.objects.filter(PLAUSIBLE, ts_ms__gte=window.since_ms, ts_ms__lt=window.until_ms)
    return entries.filter(blueprints.condition).order_by()


def _add(found: HourlyRuns, counted: Counter[_Alike]) -> None:
    for (slot, blueprint_id, status, judged, denied), number in counted.items():
        found.runs[slot, blueprint_id, status] += number
        for axis in judged:
            found.judged[slot, blueprint_id, axis] += number
        if status == "rejected":
            for axis in denied:
                found.rejected[slot, blueprint_id, axis] += number
            if len(denied) > 1:
                found.joint[blueprint_id, denied] += number


# That judged, and that denied.
def _axes_of(verdicts: str) -> tuple[frozenset[str], frozenset[str]]:
    said = _verdicts.decode(verdicts)
    return frozenset([each.axis for each in said]), frozenset([each.axis for each in said if each.status == "deny"])


_verdicts: Final = msgspec.json.Decoder(list[_Said])
