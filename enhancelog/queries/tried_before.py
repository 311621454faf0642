"""Attempts made from one document."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from django.db.models.functions import Substr

from enhancelog.domain import pointers
from enhancelog.domain.text import DATA_NOTICE, LONGEST, cut
from enhancelog.domain.why import Actor, CameNext, DeniedAxis, PastAttempt, TriedBefore
from enhancelog.models import Entry, RunStart
from enhancelog.projections.run_starts import start_key
from enhancelog.queries import next_attempts, observed, reviews
from enhancelog.queries.why import LONGEST_POINTER, MOST_OF_A_RUN, fits
from enhancelog.store.rows import decode_verdicts

NEWEST: Final = 1_000  # runs that are counted
DEFAULT_ATTEMPTS: Final = 3
MOST_ATTEMPTS: Final = 20
LONGEST_HASH: Final = 512  # characters that the answer repeats


class _Shape(NamedTuple):
    characters: int  # of a text
    denials: int
    pointers: int


# Tried until the answer fits.
_SHAPES: Final = (_Shape(1000, 20, 20), _Shape(300, 10, 10), _Shape(160, 5, 5), _Shape(60, 3, 2))


class _Start(NamedTuple):
    position: int
    blueprint_id: str
    applied: bool


def tried_before(prev_hash: str, blueprint_id: str | None = None, limit: int = DEFAULT_ATTEMPTS) -> TriedBefore:
    """At most ``why.MOST_BYTES`` as JSON. Counts the document's newest ``NEWEST`` runs."""
    starts = [start for start in _newest(prev_hash) if blueprint_id in (None, start.blueprint_id)]
    applied = sum(start.applied for start in starts)
    return _fitted(
        TriedBefore(
            notice=DATA_NOTICE,
            prev_hash=cut(prev_hash, LONGEST_HASH),
            runs=len(starts),
            applied=applied,
            rejected=len(starts) - applied,
            attempts=_attempts([start.position for start in starts[:limit]], prev_hash),
            left_out=0,
        )
    )


def _newest(prev_hash: str) -> list[_Start]:
    # Runs with an implausible time come last.
    rows = RunStart.objects.filter(start_key=start_key(prev_hash)).order_by("-ts_ms", "-entry_id")
    return [_Start(*row) for row in rows.values_list("entry_id", "blueprint_id", "applied")[:NEWEST]]


def _attempts(positions: Sequence[int], prev_hash: str) -> list[PastAttempt]:
    if not positions:
        return []
    beginnings = (Substr("intent", 1, LONGEST + 1), Substr("rationale", 1, LONGEST + 1))
    columns = ("position", "issue_id", "blueprint_id", "ts_ms", "status", *beginnings)
    entries = Entry.objects.filter(position__in=positions, prev_hash=prev_hash)
    rows = {row[0]: row for row in entries.values_list(*columns, "verdicts", "actor_kind", "actor_name")}
    tried = observed.tried_paths([issue_id for _, issue_id, *_ in rows.values()])
    followed = next_attempts.after(positions)
    wrong = reviews.found_wrong(positions)
    return [
        _attempt(rows[position], tried.get(rows[position][1], ()), followed.get(position), wrong)
        for position in positions
        if position in rows
    ]


def _attempt(
    row: tuple[Any, ...], paths: Sequence[str], followed: CameNext | None, wrong: set[tuple[int, str]]
) -> PastAttempt:
    position, issue_id, blueprint_id, ts_ms, status, intent, rationale, verdicts, *actor = row
    denials = [verdict for verdict in decode_verdicts(verdicts) if verdict.status == "deny"]
    shown = [path for path in paths if len(path) <= LONGEST_POINTER]
    return PastAttempt(
        issue_id=issue_id,
        blueprint_id=blueprint_id,
        ts_ms=ts_ms,
        status=status,
        intent=intent,
        rationale=rationale,
        actor=Actor(*actor),
        pointers=shown,
        pointers_left_out=len(paths) - len(shown),
        denied=[
            DeniedAxis(one.axis, one.detail[: pointers.SEARCHED_CHARACTERS], (position, one.axis) in wrong)
            for one in denials[:MOST_OF_A_RUN]
        ],
        denied_left_out=max(0, len(denials) - MOST_OF_A_RUN),
        next=followed or CameNext("none", None),
    )


def _fitted(answer: TriedBefore) -> TriedBefore:
    for shape in _SHAPES:
        for attempt in answer.attempts:
            _shorten(attempt, shape)
        if fits(answer):
            return answer
    while not fits(answer):
        answer.attempts.pop()
        answer.left_out += 1
    return answer


def _shorten(attempt: PastAttempt, shape: _Shape) -> None:
    attempt.intent = cut(attempt.intent, shape.characters)
    attempt.rationale = cut(attempt.rationale, shape.characters)
    attempt.pointers_left_out += len(attempt.pointers[shape.pointers :])
    attempt.pointers = attempt.pointers[: shape.pointers]
    attempt.denied_left_out += len(attempt.denied[shape.denials :])
    attempt.denied = attempt.denied[: shape.denials]
    for denial in attempt.denied:
        denial.reason = cut(denial.reason, shape.characters)
