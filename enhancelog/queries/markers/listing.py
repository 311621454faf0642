"""All markers, the newest first."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from msgspec import structs

from enhancelog.backends import faults
from enhancelog.domain.markers import Marker
from enhancelog.models import AuditRecord, HiddenMarker
from enhancelog.models import Marker as ManualMarker
from enhancelog.queries.markers import axes, fixes, observations, wordings
from enhancelog.queries.prepared import Statement, fetch, written

MOST: Final = 200  # set by hand, and as many others, so that neither crowd out the others
_ID: Final = re.compile("[0-9a-f]{16}")
MOST_HIDDEN: Final = 1_000
MOST_CHANGES: Final = 20
_ACTS: Final = ("marker.make", "marker.edit", "marker.hide", "marker.show")

_COLUMNS: Final = ("id", "ts_ms", "title", "note", "blueprint_id", "axis", "source")


class Change(NamedTuple):
    """``act``: an act of the audit."""

    act: str
    actor_kind: str
    actor_name: str
    recorded_ms: int


@dataclass(frozen=True)
class Markers:
    """The newest ``MOST`` set by hand and the newest ``MOST`` others, hidden ones included. ``is_whole``: there are no
    more."""

    found: tuple[Marker, ...]
    is_whole: bool = True

    @property
    def shown(self) -> list[Marker]:
        return [marker for marker in self.found if not marker.hidden]


def markers() -> Markers:
    with faults():
        hidden = {marker_id for (marker_id,) in fetch("hidden markers", _hidden)}
        by_hand = [_set_by_hand(row) for row in fetch("markers set by hand", _by_hand)]
        others = sorted(
            [*axes.markers(), *wordings.markers(), *observations.markers(), *fixes.markers()], key=_newest_first
        )
    found = sorted([*by_hand[:MOST], *others[:MOST]], key=_newest_first)
    shown = (structs.replace(marker, hidden=marker.id in hidden) for marker in found)
    return Markers(tuple(shown), max(len(by_hand), len(others)) <= MOST)


def _hidden() -> Statement:
    return written(HiddenMarker.objects.order_by("pk").values_list("pk")[:MOST_HIDDEN])


def _by_hand() -> Statement:
    return written(ManualMarker.objects.order_by("-ts_ms", "-id").values_list(*_COLUMNS)[: MOST + 1])


def _set_by_hand(row: Sequence[Any], *, hidden: bool = False) -> Marker:
    return Marker(kind="manual", hidden=hidden, **dict(zip(_COLUMNS, row, strict=True)))


def _newest_first(marker: Marker) -> tuple[int, str, str]:
    return -marker.ts_ms, marker.kind, marker.id


def known(marker_id: str) -> tuple[Marker, Markers] | None:
    """It, however old if it was set by hand, and all."""
    if not _ID.fullmatch(marker_id):
        return None
    every = markers()
    found = next((marker for marker in every.found if marker.id == marker_id), None) or _manual(marker_id)
    return None if found is None else (found, every)


def _manual(marker_id: str) -> Marker | None:
    with faults():
        row = ManualMarker.objects.filter(pk=marker_id).values_list(*_COLUMNS).first()
        hidden = row is not None and HiddenMarker.objects.filter(pk=marker_id).exists()
    return None if row is None else _set_by_hand(row, hidden=hidden)


def changes(marker_id: str) -> list[Change]:
    """The latest, newest first."""
    rows = AuditRecord.objects.filter(about="marker", about_id=marker_id, act__in=_ACTS)
    newest = rows.order_by("-position").values_list(*Change._fields)
    with faults():
        return [Change(*row) for row in newest[:MOST_CHANGES]]
