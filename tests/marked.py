"""Markers that follow from a log, counted plainly: what ``queries.markers`` must find."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from enhancelog.domain import records
from enhancelog.domain.records import Entry
from enhancelog.domain.times import DAY_MS, is_plausible

FEW = 20


class Said(NamedTuple):
    kind: str
    axis: str
    day: int


def axes(log: Iterable[Entry], recorded_ms: int) -> set[Said]:
    """An axis started or stopped."""
    runs = [entry for entry in log if is_plausible(entry.ts_ms, recorded_ms)]
    days = {entry.issue_id: entry.ts_ms // DAY_MS for entry in runs}
    by_axis: dict[str, list[int]] = {}
    for entry in runs:
        for axis in {verdict.axis for verdict in entry.verdicts}:
            by_axis.setdefault(axis, []).append(days[entry.issue_id])
    found = set()
    for axis, judged in by_axis.items():
        first, last = min(judged), max(judged)
        if len(judged) < FEW:
            continue
        if sum(day < first for day in days.values()) >= FEW:
            found.add(Said("axis_started", axis, first))
        since = [day for day in days.values() if day > last]
        week = range(max(first, last - 6), last + 1)
        most = 2 * sum(day in week for day in judged) > sum(day in week for day in days.values())
        if len(since) >= FEW and len(set(since)) >= 2 and most:
            found.add(Said("axis_stopped", axis, last + 1))
    return found


def wordings(log: Sequence[Entry], recorded_ms: int) -> set[Said]:
    """A pattern took another's place; each detail is a pattern of its own, and no two runs have one time."""
    denials: dict[str, list[tuple[int, str]]] = {}
    for entry in sorted(log, key=lambda entry: entry.ts_ms):
        if is_plausible(entry.ts_ms, recorded_ms):
            for axis, detail in records.denials(entry).items():
                denials.setdefault(axis, []).append((entry.ts_ms // DAY_MS, detail))
    return {Said("wording", axis, day) for axis, said in denials.items() for day in _replaced(said)}


def _replaced(said: Sequence[tuple[int, str]]) -> Iterable[int]:
    for old in {detail for _, detail in said}:
        last = max(day for day, detail in said if detail == old)
        before = [detail for day, detail in said if day <= last][-FEW:]
        after = [(day, detail) for day, detail in said if day > last][:FEW]
        if len(before) < FEW or len(after) < FEW or len({day for day, _ in after}) < 2:
            continue
        new, number = Counter(detail for _, detail in after).most_common(1)[0]
        first = min(day for day, detail in said if detail == new)
        if before.count(old) > FEW // 2 < number and first >= last:
            yield first
