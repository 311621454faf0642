"""Somebody said that a pattern is fixed."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from django.db.models import Exists, OuterRef, Subquery

from enhancelog.domain.markers import Marker, derived_id
from enhancelog.models import ChangedTemplate, StateChange, Template
from enhancelog.queries.prepared import Statement, fetch, written

MOST: Final = 200  # the newest
LONGEST: Final = 500  # characters of a wording

# The first change that made it fixed, unless it was undone; not those by which it stayed so, or was so again.


class _Fix(NamedTuple):
    """``before``: the state that its first template had before."""

    pk: int
    made_ms: int
    axis: str
    note: str
    actor_kind: str
    actor_name: str
    before: str | None
    wording: str | None


def markers() -> Iterator[Marker]:
    return (_marker(fix) for fix in map(_Fix._make, fetch("fixed patterns", _newest)) if fix.before != "fixed")


def _newest() -> Statement:
    undone = StateChange.objects.filter(undoes=OuterRef("pk"))
    own = ChangedTemplate.objects.filter(change=OuterRef("pk")).order_by("template").values("template")[:1]
    before = StateChange.objects.filter(made_for__template=OuterRef("said"), pk__lt=OuterRef("pk")).order_by("-pk")
    wording = Template.objects.filter(key=OuterRef("said")).values("pattern__pattern__wording")[:1]
    rows = StateChange.objects.filter(~Exists(undone), state="fixed", undoes=None, restores=None)
    rows = rows.annotate(said=Subquery(own)).annotate(
        before=Subquery(before.values("state")[:1]), wording=Subquery(wording)
    )
    return written(rows.order_by("-pk").values_list(*_Fix._fields)[:MOST])


def _marker(fix: _Fix) -> Marker:
    wording = fix.wording or "(no reason)"
    said = f"\n{fix.note}" if fix.note else ""
    return Marker(
        id=derived_id("pattern_fixed", fix.pk),
        ts_ms=fix.made_ms,
        kind="pattern_fixed",
        title=f"{fix.axis} pattern fixed",
        note=f"{wording[:LONGEST]}{said}",
        axis=fix.axis,
        source=f"{fix.actor_kind} {fix.actor_name}",
    )
