"""OpenEvolve's logs: an evolution trace (JSONL), or a checkpoint's programs. A program that was made from another one
is an attempt; the axis ``improvement`` compares the two."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec
from msgspec import Struct

from enhancelog.domain import records, strict_json
from enhancelog.domain.errors import Invalid
from enhancelog.domain.records import Judgement, Verdict
from enhancelog.transfer import json_stream
from enhancelog.transfer.items import Found, Item, Refused, Unreadable, refused
from enhancelog.transfer.json_stream import Piece
from enhancelog.transfer.optimizer_entries import (
    MAX_RECORD_BYTES,
    Attempt,
    Options,
    entry,
    number,
    shown,
    text_hash,
)
from enhancelog.transfer.sources import Source, open_json
from enhancelog.transfer.whole_files import content, decoded

MAX_PROGRAMS: Final = 200_000
IMPROVEMENT: Final = "improvement"
_COMBINED: Final = "combined_score"  # OpenEvolve's own choice where an evaluator gives it
_COMPLAINTS: Final = ("stderr", "traceback", "error")  # artifacts that say what went wrong
_COMPLAINT_CHARACTERS: Final = 2000

Metrics = dict[str, Any]


class _Trace(Struct, frozen=True, kw_only=True):
    parent_id: str
    child_id: str
    timestamp: float  # epoch seconds
    parent_metrics: Metrics
    child_metrics: Metrics
    iteration: int | None = None
    parent_code: str | None = None
    child_code: str | None = None
    child_changes_description: str | None = None
    artifacts: dict[str, Any] | None = None
    island_id: int | None = None
    generation: int | None = None
    metadata: dict[str, Any] | None = None


class _Program(Struct, frozen=True, kw_only=True):
    id: str
    timestamp: float  # epoch seconds
    code: str
    metrics: Metrics
    parent_id: str | None = None
    iteration_found: int | None = None
    changes_description: str | None = None
    artifacts_json: str | None = None
    generation: int | None = None
    metadata: dict[str, Any] = {}

    @property
    def is_copy(self) -> bool:
        # Of a program that moved to another island
        return self.metadata.get("migrant") is True


_traces = msgspec.json.Decoder(_Trace)
_programs = msgspec.json.Decoder(_Program)


@contextmanager
def opened(location: str, options: Options, stdin: BinaryIO | None = None) -> Iterator[Source]:
    """A trace, a checkpoint, or ``-``. Raises ``Unreadable``."""
    if location != "-" and Path(location).is_dir():
        yield Checkpoint(Path(location), options)
        return

    def read(piece: Piece) -> tuple[Item]:
        try:
            return (Found(piece.where, _entry(decoded(_traces, piece.content()), options)),)
        except Invalid as reason:
            return (refused(piece.where, reason, piece.raw),)

    with open_json(location, json_stream.lines, read, MAX_RECORD_BYTES, stdin) as source:
        yield source


@dataclass(frozen=True)
class _Known:
    timestamp: float
    path: Path
    hash: str


class Checkpoint:
    """Oldest program first, so that a parent stands before its children."""

    unit = "files"

    def __init__(self, folder: Path, options: Options) -> None:
        inner = folder / "programs"
        self._folder = inner if inner.is_dir() else folder
        self._paths = _json_files(self._folder)
        self._options = options
        self.total = len(self._paths)
        self.done = 0

    def __iter__(self) -> Iterator[Item]:
        known: dict[str, _Known] = {}
        for path in self._paths:
            try:
                program = _read(path)
            except Invalid as reason:
                self.done += 1
                yield Refused(path.name, reason, "")
            else:
                known[program.id] = _Known(program.timestamp, path, text_hash(program.code))
        hashes = {program_id: one.hash for program_id, one in known.items()}
        for one in sorted(known.values(), key=lambda one: (one.timestamp, one.path.name)):
            self.done += 1
            yield from self._items(one.path, hashes)

    def _items(self, path: Path, hashes: Mapping[str, str]) -> Iterator[Item]:
        try:
            program = _read(path)
            if program.parent_id is not None and not program.is_copy:
                before = hashes.get(program.parent_id)
                yield Found(path.name, _entry(_trace_of(program, program.parent_id), self._options, before))
        except Invalid as reason:
            yield refused(path.name, reason, "")


def _json_files(folder: Path) -> list[Path]:
    found = []
    try:
        with os.scandir(folder) as names:
            for one in names:
                if one.name.endswith(".json"):
                    found.append(folder / one.name)
                if len(found) > MAX_PROGRAMS:
                    raise Unreadable(f"{folder}: holds more than {MAX_PROGRAMS:,} programs")
    except OSError as error:
        raise Unreadable(f"{folder}: cannot be read: {error.strerror}") from None
    if not found:
        raise Unreadable(f"{folder}: holds no program; give a checkpoint's folder, or evolution_trace.jsonl")
    return sorted(found)


def _read(path: Path) -> _Program:
    return decoded(_programs, content(path, MAX_RECORD_BYTES))


def _trace_of(program: _Program, parent_id: str) -> _Trace:
    parent_metrics = program.metadata.get("parent_metrics")
    island = program.metadata.get("island")
    return _Trace(
        parent_id=parent_id,
        child_id=program.id,
        timestamp=program.timestamp,
        parent_metrics=parent_metrics if isinstance(parent_metrics, dict) else {},
        child_metrics=program.metrics,
        iteration=program.iteration_found,
        child_code=program.code,
        child_changes_description=program.changes_description,
        artifacts=_artifacts(program.artifacts_json),
        island_id=island if isinstance(island, int) else None,
        generation=program.generation,
        metadata=program.metadata,
    )


def _artifacts(text: str | None) -> dict[str, Any] | None:
    try:
        found = strict_json.parse(text) if text else None
    except Invalid:
        return None  # they only add to a denial's text
    return found if isinstance(found, dict) else None


def _entry(trace: _Trace, options: Options, before: str | None = None) -> records.Entry:
    metadata = trace.metadata or {}
    changes = metadata.get("changes")
    old, new = _score(trace.parent_metrics), _score(trace.child_metrics)
    ts_ms = round(trace.timestamp * 1000)
    if not abs(ts_ms) < 2**63:
        raise Invalid("timestamp", "value", "is beyond what a time can be")
    return entry(
        Attempt(
            issue_id=f"openevolve-{trace.child_id}",
            before=before or (trace.parent_id if trace.parent_code is None else text_hash(trace.parent_code)),
            after=trace.child_id if trace.child_code is None else text_hash(trace.child_code),
            intent=f"Improve program {trace.parent_id}",
            rationale=trace.child_changes_description or (changes if isinstance(changes, str) else ""),
            verdicts=_verdicts(trace, options.least),
            ts_ms=ts_ms,
            meta={
                "iteration": trace.iteration,
                "island": trace.island_id,
                "generation": trace.generation,
                "model": metadata.get("llm_model"),
                "mode": metadata.get("evolution_mode"),
                "score": new and new[1],
                "parent_score": old and old[1],
            },
        ),
        options,
    )


def _verdicts(trace: _Trace, least: Mapping[str, float]) -> list[Verdict]:
    found = [_compared(trace)]
    for metric, threshold in least.items():
        value = number(trace.child_metrics.get(metric))
        if value is not None:  # else not judged
            holds = value >= threshold
            sign = "at least" if holds else "below"
            found.append(_verdict(metric, holds, f"{shown(value)} is {sign} {shown(threshold)}", trace))
    return found


def _compared(trace: _Trace) -> Verdict:
    # As OpenEvolve counts improvements: more than the parent's.
    old, new = _score(trace.parent_metrics), _score(trace.child_metrics)
    if new is None:
        return _verdict(IMPROVEMENT, False, "the evaluator gave no score", trace)
    if old is None:
        return _verdict(IMPROVEMENT, True, f"{new[0]} {shown(new[1])}; the parent has no score", trace)
    change = f"{new[0]} {shown(old[1])} → {shown(new[1])}"
    holds = new[1] > old[1]
    return _verdict(IMPROVEMENT, holds, change if holds else f"{change} is no improvement", trace)


def _score(metrics: Metrics) -> tuple[str, float] | None:
    combined = number(metrics.get(_COMBINED))
    if combined is not None:
        return _COMBINED, combined
    numbers = [value for value in map(number, metrics.values()) if value is not None]
    mean = number(sum(numbers) / len(numbers)) if numbers else None
    return None if mean is None else ("mean of metrics", mean)


def _verdict(axis: str, holds: bool, detail: str, trace: _Trace) -> Verdict:
    status: Judgement = "pass" if holds else "deny"
    if not holds and (complaint := _complaint(trace.artifacts or {})):
        detail = f"{detail}\n{complaint}"
    return Verdict(axis, status, detail)


def _complaint(artifacts: Mapping[str, Any]) -> str:
    texts = (artifacts.get(name) for name in _COMPLAINTS)
    return next((text.strip()[:_COMPLAINT_CHARACTERS] for text in texts if isinstance(text, str)), "")
