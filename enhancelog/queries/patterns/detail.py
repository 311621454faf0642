"""One pattern: its denials, holes, templates and changes."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

import msgspec
from django.db.models import F, Sum
from django.db.models.functions import Substr

from enhancelog import patterns
from enhancelog.domain.axis_figures import NextAttempts
from enhancelog.domain.filters import EntryFilter
from enhancelog.models import PatternChange, Template, TemplateTally
from enhancelog.projections.patterns.details import masked
from enhancelog.queries.horizon import begun
from enhancelog.queries.pattern_ids import SERVED, is_pattern_id, leader
from enhancelog.queries.pattern_states import states_of
from enhancelog.queries.patterns.came_next import came_next
from enhancelog.queries.patterns.counted import Times, counted
from enhancelog.queries.patterns.fillings import Filled, fillings
from enhancelog.queries.patterns.listing import Pattern, described
from enhancelog.queries.patterns.served import patterns as patterns_with_times
from enhancelog.queries.reach import reach
from enhancelog.store.rows import decode_verdicts

# Denials that are read for the values of the holes; fewer if their verdicts exceed ``MOST_CHARACTERS`` in total
NEWEST: Final = 1_000
MOST_CHARACTERS: Final = 1 << 24
# Characters that are kept of an intent and a detail, more than rules and pages look at
LONGEST: Final = 4_000
_READ_BATCH: Final = 50
MOST_IDS: Final = 100
MOST_CHANGES: Final = 100


class PatternDetail(Pattern, kw_only=True):
    """What fills the ``holes`` in the newest 1,000 denials; ``issue_ids`` are of the newest 100. ``next``: what came
    next after the newest 10,000 in rejected runs."""

    holes: list[Filled]
    issue_ids: list[str]
    next: NextAttempts


class Known(NamedTuple):
    """A pattern by its leading template. ``other`` stands for all templates beyond the limit."""

    pk: int
    id: str
    axis: str
    template: str
    other: bool


class Denied(NamedTuple):
    position: int
    issue_id: str
    blueprint_id: str
    intent: str
    ts_ms: int
    recorded_ms: int
    wording: str
    detail: str


class Member(NamedTuple):
    id: str
    text: str
    wording: str
    denied: int


def known(pattern_id: str) -> Known | None:
    """The pattern with this id, or into which the template with this id was joined."""
    return _known(leader(pattern_id)) if is_pattern_id(pattern_id) else None


def of_row(pattern: int) -> Known | None:
    return _known(pattern)


def _known(pk: Any) -> Known | None:
    row = Template.objects.filter(pk=pk).values_list("pk", "key", "axis", "wording", "other").first()
    return Known(*row) if row else None


def detail(pattern: Known, wanted: EntryFilter) -> tuple[PatternDetail, bool]:
    """Counts among the entries of a filter, and whether these are all of them."""
    found = counted(wanted, pattern.id)
    denials = newest(pattern, wanted)
    holes = filled(pattern, denials)
    issue_ids = [denial.issue_id for denial in denials[:MOST_IDS]]
    (here,) = described(found, 1) or [_nothing(pattern)]
    after = came_next(pattern.id, wanted).outcomes
    return PatternDetail(**msgspec.structs.asdict(here), holes=holes, issue_ids=issue_ids, next=after), found.is_whole


def seen(pattern: Known) -> Times:
    return Times(*patterns_with_times().filter(pk=pattern.pk).values_list("first_ms", "last_ms").get())


def newest(pattern: Known, wanted: EntryFilter, most: int = NEWEST) -> list[Denied]:
    narrowed = replace(wanted, include={**wanted.include, "pattern": (pattern.id,)})
    entries = reach(*begun(narrowed), ascending=False).entries
    entries = entries.annotate(start=Substr("intent", 1, LONGEST), wording=F("patterns__template__wording"))
    columns = ("position", "issue_id", "blueprint_id", "start", "ts_ms", "recorded_ms", "wording", "verdicts")
    found: list[Denied] = []
    rows: Iterable[tuple[Any, ...]] = entries.values_list(*columns)[:most].iterator(chunk_size=_READ_BATCH)
    left = MOST_CHARACTERS
    for *rest, verdicts in rows:
        found.append(Denied._make([*rest, _said(pattern.axis, verdicts)[:LONGEST]]))
        left -= len(verdicts)
        if left < 0:
            break
    return found


def _said(axis: str, verdicts: str) -> str:
    # An axis's first denial counts.
    denials = (each.detail for each in decode_verdicts(verdicts) if each.status == "deny" and each.axis == axis)
    return next(denials, "")


def filled(pattern: Known, denials: Sequence[Denied]) -> list[Filled]:
    alike = (masked(denial.detail) for denial in denials if denial.wording == pattern.template)
    return fillings(pattern.template, (patterns.fill(pattern.template, one) for one in alike))


def totals(pattern: Known) -> dict[str, tuple[int, int]]:
    rows = TemplateTally.objects.filter(template__pattern=pattern.pk).order_by().values("blueprint_id")
    sums = rows.annotate(d=Sum("denied"), r=Sum("rejected")).values_list("blueprint_id", "d", "r")
    return {name: (denied, rejected) for name, denied, rejected in sorted(sums, key=lambda row: (-row[1], row[0]))}


def members(pattern: Known) -> list[Member]:
    rows = Template.objects.filter(pattern=pattern.pk, rules=SERVED).order_by("first_position")
    return [Member(*row) for row in rows.annotate(n=Sum("tallies__denied")).values_list("key", "text", "wording", "n")]


def others(pattern: Known, most: int) -> list[Member]:
    rows = Template.objects.filter(rules=SERVED, axis=pattern.axis, other=False, pattern_id=F("pk"))
    rows = rows.exclude(pk=pattern.pk).annotate(n=Sum("templates__tallies__denied")).order_by("-n", "first_position")
    return [Member(*row) for row in rows.values_list("key", "text", "wording", "n")[:most]]


def changes(axis: str) -> list[PatternChange]:
    return list(PatternChange.objects.filter(axis=axis).order_by("-pk")[:MOST_CHANGES])


def _nothing(pattern: Known) -> Pattern:
    return Pattern(
        id=pattern.id,
        axis=pattern.axis,
        template=pattern.template,
        count=0,
        first_ts_ms=None,
        last_ts_ms=None,
        blueprints={},
        state=states_of([pattern.pk])[pattern.pk],
    )
