"""GEPA's run folder: ``run_log.json`` tells the proposals, ``candidates.json`` the texts of those accepted. The state
file beside them is a pickle, which runs code when it is loaded; it is never opened."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Struct

from enhancelog.domain.errors import Invalid
from enhancelog.domain.records import Entry, Verdict
from enhancelog.transfer import json_stream
from enhancelog.transfer.items import Found, Item, Unreadable, refused
from enhancelog.transfer.json_stream import Piece
from enhancelog.transfer.optimizer_entries import (
    MAX_RECORD_BYTES,
    Attempt,
    Options,
    entry,
    shown,
    text_hash,
)
from enhancelog.transfer.sources import Source, open_json
from enhancelog.transfer.whole_files import content, decoded

MAX_CANDIDATES_BYTES: Final = 64 << 20
ACCEPTANCE: Final = "acceptance"
_RUN_DIGITS: Final = 16  # of a run's hash, in the ids of its entries

Candidate = dict[str, str]  # component to text
Scores = list[float | None]


class _Task(Struct, frozen=True, kw_only=True):
    parent_idx: int | None = None
    subsample_scores: Scores | None = None
    new_subsample_scores: Scores | None = None


class _Iteration(Struct, frozen=True, kw_only=True):
    i: int
    selected_program_candidate: int | None = None
    tasks: list[_Task] = []
    subsample_scores: Scores | None = None
    new_subsample_scores: Scores | None = None
    new_program_idx: int | None = None
    new_program_indices: list[int] = []
    merged_entities: list[Any] = []
    id1_subsample_scores: Scores | None = None
    id2_subsample_scores: Scores | None = None
    new_program_subsample_scores: Scores | None = None
    proposed_candidate: Candidate | None = None

    @property
    def accepted(self) -> list[int]:
        single = [] if self.new_program_idx is None else [self.new_program_idx]
        return self.new_program_indices or single


class _Proposal(NamedTuple):
    parent: int
    intent: str
    old: float  # sum of scores
    new: float
    examples: int


_iterations = msgspec.json.Decoder(_Iteration)
_candidates = msgspec.json.Decoder(list[Candidate])


@contextmanager
def opened(location: str, options: Options) -> Iterator[Source]:
    """The run's folder. Raises ``Unreadable``."""
    if location == "-":
        raise Unreadable("GEPA writes a folder; give it instead of standard input")
    if options.started_ms is None:
        raise Unreadable("GEPA writes no times; say with --started when the run began")
    run = _Run(Path(location), options, options.started_ms)
    log = str(Path(location) / "run_log.json")
    with open_json(log, json_stream.array, run.items, MAX_RECORD_BYTES) as source:
        yield source


class _Run:
    def __init__(self, folder: Path, options: Options, started_ms: int) -> None:
        self._hashes = [_hash(candidate) for candidate in _read_candidates(folder / "candidates.json")]
        self._options = options
        self._started_ms = started_ms
        run = "\0".join((options.blueprint_id, str(started_ms), self._hashes[0]))
        self._id = f"gepa-{text_hash(run)[:_RUN_DIGITS]}"

    def items(self, piece: Piece) -> Iterator[Item]:
        try:
            iteration = decoded(_iterations, piece.content())
            for number, proposal in enumerate(_proposals(iteration), 1):
                yield Found(piece.where, self._entry(iteration, proposal, number))
        except Invalid as reason:
            yield refused(piece.where, reason, piece.raw)

    def _entry(self, iteration: _Iteration, proposal: _Proposal, number: int) -> Entry:
        accepted = _accepted(iteration)
        # GEPA itself numbers iterations from 1 in all that it shows.
        name = str(iteration.i + 1) if number == 1 else f"{iteration.i + 1}.{number}"
        proposed = iteration.proposed_candidate
        change = f"{proposal.examples:,} examples, sum of scores {shown(proposal.old)} → {shown(proposal.new)}"
        if accepted is not None:
            verdict = Verdict(ACCEPTANCE, "pass", change)
            after = self._hash_of(accepted, "new_program_idx")
        else:
            verdict = Verdict(ACCEPTANCE, "deny", f"{change}: not accepted")
            after = "" if proposed is None else _hash(proposed)
        return entry(
            Attempt(
                issue_id=f"{self._id}-{name}",
                before=self._hash_of(proposal.parent, "selected_program_candidate"),
                after=after,
                intent=proposal.intent,
                rationale="",
                verdicts=[verdict],
                ts_ms=self._started_ms + iteration.i,
                meta={
                    "iteration": iteration.i + 1,
                    "parent": proposal.parent,
                    "candidate": accepted,
                    "score": proposal.new,
                    "parent_score": proposal.old,
                },
            ),
            self._options,
        )

    def _hash_of(self, candidate: int, field: str) -> str:
        if not 0 <= candidate < len(self._hashes):
            raise Invalid(field, "value", f"names the candidate {candidate}, which candidates.json does not hold")
        return self._hashes[candidate]


def _read_candidates(path: Path) -> list[Candidate]:
    try:
        found = decoded(_candidates, content(path, MAX_CANDIDATES_BYTES))
    except Invalid as error:
        raise Unreadable(f"{path}: {error}") from None
    if not found:
        raise Unreadable(f"{path}: holds no candidate")
    return found


def _hash(candidate: Mapping[str, str]) -> str:
    # A single component is the text itself.
    texts = list(candidate.values())
    return text_hash(texts[0] if len(texts) == 1 else msgspec.json.encode(dict(sorted(candidate.items()))).decode())


def _proposals(iteration: _Iteration) -> list[_Proposal]:
    """Those that were evaluated. Raises ``Invalid``."""
    if iteration.new_program_subsample_scores is not None:
        return [_merge(iteration, iteration.new_program_subsample_scores)]
    tasks = iteration.tasks or [
        _Task(subsample_scores=iteration.subsample_scores, new_subsample_scores=iteration.new_subsample_scores)
    ]
    found = []
    for task in tasks:
        parent = iteration.selected_program_candidate if task.parent_idx is None else task.parent_idx
        if task.new_subsample_scores is not None and parent is not None:
            old, new = _sum(task.subsample_scores or []), _sum(task.new_subsample_scores)
            found.append(_Proposal(parent, f"Improve candidate {parent}", old, new, len(task.new_subsample_scores)))
    if len(found) > 1 and iteration.accepted:
        raise Invalid("tasks", "ambiguous", "has several proposals, and does not say which of them were accepted")
    return found


def _merge(iteration: _Iteration, scores: Scores) -> _Proposal:
    parents = [parent for parent in iteration.merged_entities[:2] if isinstance(parent, int)]
    if len(parents) != 2:
        raise Invalid("merged_entities", "value", "must name the two candidates that were merged")
    old = max(_sum(iteration.id1_subsample_scores or []), _sum(iteration.id2_subsample_scores or []))
    intent = f"Merge candidates {parents[0]} and {parents[1]}"
    return _Proposal(parents[0], intent, old, _sum(scores), len(scores))


def _accepted(iteration: _Iteration) -> int | None:
    return next(iter(iteration.accepted), None)


def _sum(scores: Sequence[float | None]) -> float:
    return sum(score for score in scores if score is not None)
