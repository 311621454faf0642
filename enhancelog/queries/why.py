"""Why runs of a Blueprint are denied, as an answer of bounded size for agents."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from django.db.models.functions import Substr

from enhancelog.domain import pointers, records
from enhancelog.domain.telling_lines import telling_line
from enhancelog.domain.text import DATA_NOTICE, LONGEST, cut, similarity, words
from enhancelog.domain.why import Actor, DeniedGroup, Sample, SimilarApplied, Why
from enhancelog.models import Entry
from enhancelog.patterns import MOST_TEMPLATES, join, mask
from enhancelog.queries import observed, reviews
from enhancelog.queries.patterns.of_groups import add_patterns
from enhancelog.queries.selection import PLAUSIBLE
from enhancelog.store.rows import StoredVerdict, decode_verdicts

# The newest runs with a plausible time are read in one indexed statement, and their denials are grouped by axis and
# pattern.
NEWEST: Final = 500
MOST_OF_A_RUN: Final = 64  # denials that are considered
# No older run is read after so many denials, or characters of verdicts.
MOST_DENIALS: Final = 4_000
MOST_CHARACTERS: Final = 10_000_000

# What an answer holds.
MOST_GROUPS: Final = 20
MOST_SIMILAR: Final = 10
SIMILAR_FROM: Final = 0.5
MOST_BYTES: Final = 16_384
LONGEST_TEMPLATE: Final = 200
LONGEST_POINTER: Final = 200  # a longer one is left out, because its beginning is another pointer

# Samples per group, characters per text and pointers per sample, tried until the answer fits.
_SHAPES: Final = ((3, 300, 5), (2, 160, 3), (1, 120, 2), (1, 60, 1))
_READ_BATCH: Final = 50


def why(blueprint_id: str, intent: str = "") -> Why:
    """At most ``MOST_BYTES`` as JSON; most frequent denials and most similar intents first."""
    wanted = words(intent)
    counted = {"applied": 0, "rejected": 0}
    groups: dict[tuple[str, str], DeniedGroup] = {}
    positions: dict[str, int] = {}
    denied_runs: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    similar: list[SimilarApplied] = []
    denials_left, characters_left = MOST_DENIALS, MOST_CHARACTERS
    for position, issue_id, ts_ms, status, verdicts, its_intent, rationale, *recorded_by in _newest(blueprint_id):
        actor = Actor(*recorded_by)
        counted[status] += 1
        denials = [verdict for verdict in decode_verdicts(verdicts) if verdict.status == "deny"][:MOST_OF_A_RUN]
        for verdict in denials:
            positions[issue_id] = position
            denied_runs[_add(groups, verdict, issue_id, ts_ms, actor)].append(issue_id)
        denials_left -= len(denials)
        characters_left -= len(verdicts)
        share = similarity(wanted, words(its_intent)) if status == "applied" and wanted else 0.0
        if share >= SIMILAR_FROM:
            similar.append(SimilarApplied(issue_id, round(share, 2), ts_ms, its_intent, rationale, actor))
        if denials_left < 0 or characters_left < 0:
            break
    _mark_wrong(groups, denied_runs, positions)
    joined = sorted(_joined(groups), key=lambda each: (-each[0].count, -each[0].last_ts_ms))
    add_patterns(joined[:MOST_GROUPS])
    denied = [group for group, _ in joined]
    _add_pointers([sample for group in denied[:MOST_GROUPS] for sample in group.samples])
    similar.sort(key=lambda one: -one.similarity)
    return _fitted(
        Why(
            notice=DATA_NOTICE,
            blueprint_id=cut(blueprint_id, records.MAX_ID_BYTES),
            runs=sum(counted.values()),
            **counted,
            denied=denied[:MOST_GROUPS],
            groups_left_out=max(0, len(denied) - MOST_GROUPS),
            similar_applied=similar[:MOST_SIMILAR],
        )
    )


def _newest(blueprint_id: str) -> Iterable[tuple[Any, ...]]:
    if not records.is_id(blueprint_id, may_be_empty=True):
        return ()
    entries = Entry.objects.filter(PLAUSIBLE, blueprint_id=blueprint_id).order_by("-ts_ms", "-position")
    beginnings = (Substr("intent", 1, LONGEST), Substr("rationale", 1, LONGEST))
    columns = ("position", "issue_id", "ts_ms", "status", "verdicts", *beginnings, "actor_kind", "actor_name")
    rows = entries.values_list(*columns)
    return rows[:NEWEST].iterator(chunk_size=_READ_BATCH)


def _add(
    groups: dict[tuple[str, str], DeniedGroup], verdict: StoredVerdict, issue_id: str, ts_ms: int, actor: Actor
) -> tuple[str, str]:
    # Rows are newest first, so a group's first one is its newest.
    key = (verdict.axis, mask(verdict.detail).template)
    group = groups.setdefault(key, DeniedGroup(*key, 0, ts_ms, [], []))
    group.count += 1
    _sample(group, [Sample(issue_id, verdict.detail[: pointers.SEARCHED_CHARACTERS], actor, [])], [issue_id])
    return key


def _mark_wrong(
    groups: dict[tuple[str, str], DeniedGroup],
    denied_runs: Mapping[tuple[str, str], list[str]],
    positions: Mapping[str, int],
) -> None:
    wrong = reviews.found_wrong(list(positions.values())) if positions else set()
    for key, group in groups.items():
        group.found_wrong = sum((positions[issue_id], group.axis) in wrong for issue_id in denied_runs[key])
        for sample in group.samples:
            sample.found_wrong = (positions[sample.issue_id], group.axis) in wrong


def _sample(group: DeniedGroup, samples: list[Sample], issue_ids: list[str]) -> None:
    most, length, _ = _SHAPES[0]
    known = {cut(sample.reason, length) for sample in group.samples}
    others = [sample for sample in samples if cut(sample.reason, length) not in known]
    group.samples = (group.samples + others)[:most]
    group.issue_ids = list(dict.fromkeys(group.issue_ids + issue_ids))[:most]


def _add_pointers(samples: list[Sample]) -> None:
    tried = observed.tried_paths([sample.issue_id for sample in samples])
    for sample in samples:
        paths = (path for path in tried.get(sample.issue_id, ()) if len(path) <= LONGEST_POINTER)
        sample.pointers = [path for path in paths if pointers.names(sample.reason, path)]


def _joined(groups: dict[tuple[str, str], DeniedGroup]) -> Iterable[tuple[DeniedGroup, list[str]]]:
    # Each with its templates.
    templates: dict[str, list[str]] = defaultdict(list)
    for axis, template in groups:
        templates[axis].append(template)
    for axis, its_templates in templates.items():
        yield from ((groups[axis, template], [template]) for template in its_templates[MOST_TEMPLATES:])
        for pattern in join(its_templates[:MOST_TEMPLATES]):
            first = groups[axis, pattern.leader]
            first.template = cut(pattern.template, LONGEST_TEMPLATE)
            for member in pattern.members[1:]:
                other = groups[axis, member]
                first.count += other.count
                first.found_wrong += other.found_wrong
                _sample(first, other.samples, other.issue_ids)
            yield first, list(pattern.members)


def _fitted(answer: Why) -> Why:
    for samples, length, most_pointers in _SHAPES:
        for group in answer.denied:
            group.samples = group.samples[:samples]
            for sample in group.samples:
                sample.reason = cut(sample.reason, length)
                sample.pointers = sample.pointers[:most_pointers]
            for pattern in group.patterns:
                pattern.note = cut(pattern.note, length)
            group.issue_ids = group.issue_ids[:samples]
        for run in answer.similar_applied:
            run.intent = cut(run.intent, length)
            run.rationale = telling_line(run.rationale, length)
        if fits(answer):
            return answer
    while not fits(answer):
        if len(answer.denied) >= len(answer.similar_applied):
            answer.denied.pop()
            answer.groups_left_out += 1
        else:
            answer.similar_applied.pop()
    return answer


def fits(answer: msgspec.Struct) -> bool:
    return len(msgspec.json.encode(answer)) <= MOST_BYTES
