"""A pattern, an axis or differences as a text for a model's prompt."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from django.db.models.functions import Substr

from enhancelog.domain import difference_prompts, filter_box, prompts, records
from enhancelog.domain.axis_figures import NextAttempts
from enhancelog.domain.difference_prompts import Differing, DifferingEntries, DifferingExample
from enhancelog.domain.feature_words import feature_words
from enhancelog.domain.filters import EntryFilter
from enhancelog.domain.prompts import LONGEST_QUOTE, Denials, Example, Instead
from enhancelog.queries import observed
from enhancelog.queries.axes import AxisRow
from enhancelog.queries.blueprint_ids import EVERY, Named
from enhancelog.queries.charts import Window
from enhancelog.queries.differences import Differences
from enhancelog.queries.horizon import begun
from enhancelog.queries.patterns.came_next import CameNext
from enhancelog.queries.patterns.detail import Known
from enhancelog.queries.patterns.ranking import Scope, leaders_of, numbers
from enhancelog.queries.reach import reach
from enhancelog.queries.threads import passed_instead

EXAMPLES: Final = 5
LOOKED_AT: Final = 20  # of the newest denials, those with different reasons come first
INSTEAD: Final = 3
TEMPLATES: Final = 5  # of an axis
POINTERS: Final = 10  # of a run
DIFFERENCES: Final = 10
DENIED: Final = 3  # of a run
_READ_BATCH: Final = 5
_EVERYTHING: Final = "all entries"


def of_pattern(pattern: Known, denied: int, followed: CameNext, wanted: EntryFilter) -> str:
    """``denied`` and ``followed``: among the entries of ``wanted``."""
    narrowed = replace(wanted, include={**wanted.include, "pattern": (pattern.id,)})
    templates = [(pattern.template, denied)]
    return _written(pattern.axis, templates, narrowed, str(followed.denials), followed.outcomes)


def of_axis(row: AxisRow, window: Window, wanted: EntryFilter, blueprints: Named = EVERY) -> str:
    """``wanted``: only Blueprints, the same as ``blueprints``."""
    include = {**wanted.include, "axis": (row.axis,), "status": ("rejected",)}
    narrowed = replace(wanted, include=include, since_ms=window.since_ms, until_ms=window.until_ms)
    outcomes = NextAttempts(**row.denials.outcomes)
    templates = _templates(row.axis, window, blueprints)
    return _written(row.axis, templates, narrowed, f"{row.denials.rejected:,}", outcomes)


def of_differences(found: Differences, wanted: EntryFilter, against: EntryFilter) -> str:
    return difference_prompts.of_differences(
        DifferingEntries(
            inside=filter_box.render(wanted.pairs) or _EVERYTHING,
            outside=filter_box.render(against.pairs) or _EVERYTHING,
            entries=found.inside.entries,
            others=found.outside.entries,
            tested=found.tested,
            differ=len(found.found),
            found=[
                Differing(" ".join(feature_words(each.feature)[:2]), each.inside, each.outside)
                for each in found.found[:DIFFERENCES]
            ],
            examples=_newest_inside(wanted),
        )
    )


def _newest_inside(wanted: EntryFilter) -> list[DifferingExample]:
    columns = ("issue_id", "blueprint_id", "ts_ms", "status", "start", "verdicts")
    found = [
        DifferingExample(issue_id, blueprint_id, ts_ms, status, intent, _first_denials(verdicts), ())
        for issue_id, blueprint_id, ts_ms, status, intent, verdicts in _rows(wanted, columns, EXAMPLES)
    ]
    tried = observed.tried_paths([example.issue_id for example in found])
    return [example._replace(pointers=_few(tried, example.issue_id)) for example in found]


def _first_denials(verdicts: str) -> list[tuple[str, str]]:
    return [*records.denied(records.decode_verdicts(verdicts)).items()][:DENIED]


def _templates(axis: str, window: Window, blueprints: Named) -> list[tuple[str, int]]:
    found = numbers(replace(window, before_ms=None), Scope(blueprints, axis))
    order = sorted(found, key=lambda pattern: (-found[pattern].rejected, pattern))[:TEMPLATES]
    leaders = leaders_of(order)
    return [(leaders[pattern].wording, found[pattern].rejected) for pattern in order if pattern in leaders]


def _written(
    axis: str, templates: Sequence[tuple[str, int]], wanted: EntryFilter, rejected: str, came_next: NextAttempts
) -> str:
    denials = _newest(axis, wanted)
    chosen = _different(denials)
    ended = passed_instead(position for position, _ in chosen)
    applied = {ended[at].applied.position: ended[at].applied.entry for at, _ in chosen if at in ended}
    instead = list(applied.values())[:INSTEAD]
    tried = observed.tried_paths([*(example.issue_id for _, example in chosen), *(entry.issue_id for entry in instead)])
    return prompts.of_denials(
        Denials(
            axis=axis,
            templates=templates,
            examples=[example._replace(pointers=_few(tried, example.issue_id)) for _, example in chosen],
            instead=[
                Instead(entry.issue_id, entry.intent, entry.rationale, _few(tried, entry.issue_id)) for entry in instead
            ],
            rejected=rejected,
            came_next=came_next,
        )
    )


def _newest(axis: str, wanted: EntryFilter) -> list[tuple[int, Example]]:
    columns = ("position", "issue_id", "blueprint_id", "ts_ms", "start", "verdicts")
    return [
        (position, Example(issue_id, blueprint_id, ts_ms, intent, _reason(axis, verdicts), ()))
        for position, issue_id, blueprint_id, ts_ms, intent, verdicts in _rows(wanted, columns, LOOKED_AT)
    ]


def _rows(wanted: EntryFilter, columns: Sequence[str], most: int) -> Iterable[tuple[Any, ...]]:
    # Of the newest entries; ``start`` is the beginning of the intent.
    entries = reach(*begun(wanted), ascending=False).entries.annotate(start=Substr("intent", 1, 2 * LONGEST_QUOTE))
    found: Iterable[tuple[Any, ...]] = entries.values_list(*columns)[:most].iterator(chunk_size=_READ_BATCH)
    return found


def _reason(axis: str, verdicts: str) -> str:
    return records.denied(records.decode_verdicts(verdicts)).get(axis, "")


def _different(denials: Sequence[tuple[int, Example]]) -> list[tuple[int, Example]]:
    # Those with different reasons, filled up with the newest others.
    first = {example.reason: position for position, example in reversed(denials)}
    chosen = sorted(denials, key=lambda denial: first[denial[1].reason] != denial[0])[:EXAMPLES]
    return sorted(chosen, key=denials.index)


def _few(tried: dict[str, list[str]], issue_id: str) -> list[str]:
    return tried.get(issue_id, [])[:POINTERS]
