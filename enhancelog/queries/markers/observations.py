"""Hosts' settings, spawners and versions that were seen to change."""

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Final, NamedTuple

from enhancelog.domain.markers import Marker, MarkerKind, derived_id
from enhancelog.models import Observation
from enhancelog.projections import source_names
from enhancelog.queries.prepared import Statement, fetch, written

# What was seen first is no change. ``ts_ms`` is when it was first seen changed.
MOST_READ: Final = 1_000  # the newest
LONGEST: Final = 80  # characters of a value in a title
MOST_AXES: Final = 5

_KINDS: Final[dict[str, MarkerKind]] = {
    "axes": "settings",
    "ttl_s": "settings",
    "flow": "settings",
    "spawner": "spawner",
    "host_version": "host_version",
}


class _Seen(NamedTuple):
    source: str
    kind: str
    name: str
    value: str
    seen_ms: int


def markers() -> Iterator[Marker]:
    series: dict[tuple[str, str, str], list[_Seen]] = {}
    names = source_names.current()
    for seen in map(_Seen._make, fetch("observations", _newest)):
        series.setdefault((names.shown(seen.source), seen.kind, seen.name), []).append(seen)
    for found in series.values():
        for now, before in pairwise(found):
            yield _marker(before, now)


def _newest() -> Statement:
    rows = Observation.objects.filter(kind__in=list(_KINDS)).order_by("-id")
    return written(rows.values_list(*_Seen._fields)[:MOST_READ])


def _marker(before: _Seen, now: _Seen) -> Marker:
    kind = _KINDS[now.kind]
    return Marker(
        id=derived_id(*now),
        ts_ms=now.seen_ms,
        kind=kind,
        title=_title(before, now),
        note=f"Seen in the settings {now.name}." if kind in ("settings", "spawner") and now.kind != "flow" else "",
        source=source_names.current().shown(now.source),
    )


def _title(before: _Seen, now: _Seen) -> str:
    old, new = (value[:LONGEST] or "none" for value in (before.value, now.value))
    match now.kind:
        case "axes":
            return _axes(before.value, now.value)
        case "ttl_s":
            return f"Time limit {new} s instead of {old} s"
        case "flow":
            return f"Flow {now.name[:LONGEST]} has another version"
        case "spawner":
            return f"Spawner {new} instead of {old}"
    return f"Host version {new} instead of {old}"


def _axes(before: str, now: str) -> str:
    old, new = (list(map(str, json.loads(value))) for value in (before, now))
    on = [axis for axis in new if axis not in old]
    off = [axis for axis in old if axis not in new]
    said = [f"switched {how}: {_named(axes)}" for how, axes in (("on", on), ("off", off)) if axes]
    return f"Axes {'; '.join(said) or 'in another order'}"


def _named(axes: list[str]) -> str:
    more = f" and {len(axes) - MOST_AXES:,} more" if len(axes) > MOST_AXES else ""
    return ", ".join(axis[:LONGEST] for axis in axes[:MOST_AXES]) + more
