"""Somebody said that a pattern is fixed."""

from collections.abc import Iterator
from typing import Final

from django.db.models import Exists, OuterRef, Subquery

from enhancelog.domain.markers import Marker, derived_id
from enhancelog.models import ChangedTemplate, StateChange, Template

MOST: Final = 200  # the newest
LONGEST: Final = 500  # characters of a wording

# The first change that made it fixed, unless it was undone; not those by which it stayed so, or was so again.


def markers() -> Iterator[Marker]:
    undone = StateChange.objects.filter(undoes=OuterRef("pk"))
    own = ChangedTemplate.objects.filter(change=OuterRef("pk")).order_by("template").values("template")[:1]
    before = StateChange.objects.filter(made_for__template=OuterRef("said"), pk__lt=OuterRef("pk")).order_by("-pk")
    wording = Template.objects.filter(key=OuterRef("said")).values("pattern__pattern__wording")[:1]
    rows = StateChange.objects.filter(~Exists(undone), state="fixed", undoes=None, restores=None)
    rows = rows.annotate(said=Subquery(own)).annotate(
        before=Subquery(before.values("state")[:1]), wording=Subquery(wording)
    )
    for change in rows.order_by("-pk")[:MOST]:
        if change.before != "fixed":
            yield _marker(change, change.wording or "(no reason)")


def _marker(change: StateChange, wording: str) -> Marker:
    said = f"\n{change.note}" if change.note else ""
    return Marker(
        id=derived_id("pattern_fixed", change.pk),
        ts_ms=change.made_ms,
        kind="pattern_fixed",
        title=f"{change.axis} pattern fixed",
        note=f"{wording[:LONGEST]}{said}",
        axis=change.axis,
        source=f"{change.actor_kind} {change.actor_name}",
    )
