"""Names that contain a text, in any case: Blueprints, axes, patterns, sources; and entries whose id starts with it."""

# Reads at most ``MOST_READ`` names and returns at most ``MOST``, those that start with the text first.

from collections.abc import Iterable
from typing import Final, NamedTuple

from django.db.models import F, Max, Q
from django.db.models.functions import Left

from enhancelog.domain import records
from enhancelog.domain.text import end_of_prefix
from enhancelog.models import BlueprintSummary, Entry, PatternAxis, Template
from enhancelog.projections import source_names
from enhancelog.queries.pattern_ids import SERVED

MOST: Final = 8
MOST_READ: Final = 5_000

_READ_OF_WORDING: Final = 200  # characters


class FoundPattern(NamedTuple):
    id: str
    axis: str
    template: str


class FoundEntry(NamedTuple):
    issue_id: str
    blueprint_id: str
    status: str


def blueprints(text: str) -> list[str]:
    """Without a text, those that ran last."""
    names = BlueprintSummary.objects.order_by().values("blueprint_id").annotate(newest=Max("newest_ts_ms"))
    latest = names.order_by(F("newest").desc(nulls_last=True), "blueprint_id")
    return _named(latest.values_list("blueprint_id", flat=True)[:MOST_READ], text)


def axes(text: str) -> list[str]:
    """Axes that denied."""
    names = PatternAxis.objects.filter(rules=SERVED).order_by("axis").values_list("axis", flat=True)
    return _named(names[:MOST_READ], text)


def sources(text: str) -> list[str]:
    names = BlueprintSummary.objects.order_by("source").values_list("source", flat=True).distinct()
    return _named(sorted(set(map(source_names.current().shown, names[:MOST_READ]))), text)


def patterns(text: str) -> list[FoundPattern]:
    """Newest first, by axis or wording."""
    leaders = Template.objects.filter(rules=SERVED, pattern_id=F("pk")).order_by("-pk")
    rows = leaders.values_list("key", "axis", Left("wording", _READ_OF_WORDING))[:MOST_READ]
    part = text.lower()
    found = (FoundPattern(*row) for row in rows if part in f"{row[1]}: {row[2]}".lower())
    return [pattern for pattern, _ in zip(found, range(MOST), strict=False)]


def entries(text: str) -> list[FoundEntry]:
    if not records.is_id(text):
        return []
    end = end_of_prefix(text)
    within = Q(issue_id__gte=text) & (Q() if end is None else Q(issue_id__lt=end))
    rows = Entry.objects.filter(within).order_by("issue_id").values_list(*FoundEntry._fields)[:MOST]
    return [FoundEntry(*row) for row in rows]


def _named(names: Iterable[str], text: str) -> list[str]:
    part = text.lower()
    found = [name for name in names if part in name.lower()]
    found.sort(key=lambda name: not name.lower().startswith(part))
    return found[:MOST]
