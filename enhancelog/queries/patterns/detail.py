"""One pattern: what it says, its denials, what fills its holes, and what belongs to it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

import msgspec
from django.db.models import F, Sum

from enhancelog import patterns, records
from enhancelog.filters import EntryFilter
from enhancelog.models import PatternChange, Template
from enhancelog.projections.patterns.details import masked
from enhancelog.queries.pattern_ids import SERVED, is_pattern_id, leader
from enhancelog.queries.patterns.counted import counted
from enhancelog.queries.patterns.fillings import Filled, fillings
from enhancelog.queries.patterns.listing import Pattern, described
from enhancelog.queries.reach import reach
from enhancelog.store.database import last_position

NEWEST: Final = 1_000
"""Denials that are looked at for what fills the holes."""
MOST_IDS: Final = 100
MOST_CHANGES: Final = 100


class PatternDetail(Pattern, kw_only=True):
    """``holes``: from the newest 1,000 denials. ``issue_ids``: of the newest 100."""

    holes: list[Filled]
    issue_ids: list[str]


class Known(NamedTuple):
    """A pattern by the template that leads it. ``other``: it stands for all wordings beyond the most."""

    pk: int
    id: str
    axis: str
    template: str
    other: bool


class Denied(NamedTuple):
    """One denial of a pattern; times are epoch ms."""

    issue_id: str
    blueprint_id: str
    intent: str
    detail: str
    ts_ms: int
    recorded_ms: int
    wording: str


class Member(NamedTuple):
    """A template of a pattern. ``denied``: how often."""

    id: str
    text: str
    wording: str
    denied: int


def known(pattern_id: str) -> Known | None:
    """The pattern that an id stands for, which may be that of a template joined into it."""
    if not is_pattern_id(pattern_id):
        return None
    row = Template.objects.filter(pk=leader(pattern_id)).values_list("pk", "key", "axis", "wording", "other").first()
    return Known(*row) if row else None


def detail(pattern: Known, wanted: EntryFilter) -> tuple[PatternDetail, bool]:
    """The pattern among the entries of a filter, and whether the counts are of all of these."""
    found = counted(wanted, pattern.id)
    denials = newest(pattern, wanted)
    holes = filled(pattern, denials)
    issue_ids = [denial.issue_id for denial in denials[:MOST_IDS]]
    (here,) = described(found, 1) or [_nothing(pattern)]
    return PatternDetail(**msgspec.structs.asdict(here), holes=holes, issue_ids=issue_ids), found.is_whole


def newest(pattern: Known, wanted: EntryFilter, most: int = NEWEST) -> list[Denied]:
    """The pattern's newest denials among the entries of a filter, of which ``pattern`` itself is no part."""
    narrowed = replace(wanted, include={**wanted.include, "pattern": (pattern.id,)})
    entries = reach(narrowed, last_position(), ascending=False).entries
    columns = ("issue_id", "blueprint_id", "intent", "verdicts", "ts_ms", "recorded_ms")
    rows = entries.annotate(wording=F("patterns__template__wording")).values_list(*columns, "wording")[:most]
    return [_denied(row, pattern.axis) for row in rows]


def filled(pattern: Known, denials: Sequence[Denied]) -> list[Filled]:
    """What fills the holes, in those of the denials that are worded as the pattern is."""
    alike = (masked(denial.detail) for denial in denials if denial.wording == pattern.template)
    return fillings(pattern.template, (patterns.fill(pattern.template, one) for one in alike))


def members(pattern: Known) -> list[Member]:
    """The pattern's templates, its leader first."""
    rows = Template.objects.filter(pattern=pattern.pk, rules=SERVED).order_by("first_position")
    return [Member(*row) for row in rows.annotate(n=Sum("tallies__denied")).values_list("key", "text", "wording", "n")]


def changes(axis: str) -> list[PatternChange]:
    """What was split and merged by hand in an axis, the newest first."""
    return list(PatternChange.objects.filter(axis=axis).order_by("-pk")[:MOST_CHANGES])


def _denied(row: Sequence[Any], axis: str) -> Denied:
    issue_id, blueprint_id, intent, verdicts, ts_ms, recorded_ms, wording = row
    said = records.denied(records.decode_verdicts(verdicts)).get(axis, "")
    return Denied(issue_id, blueprint_id, intent, said, ts_ms, recorded_ms, wording)


def _nothing(pattern: Known) -> Pattern:
    return Pattern(
        id=pattern.id,
        axis=pattern.axis,
        template=pattern.template,
        count=0,
        first_ts_ms=None,
        last_ts_ms=None,
        blueprints={},
    )
