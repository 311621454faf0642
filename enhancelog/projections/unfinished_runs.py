"""Rows of the runs without an entry in the log, derived per source from a host's stores and the log."""

import sys
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from django.db.backends.utils import CursorWrapper

from enhancelog.backends import dialect
from enhancelog.domain.intents import thread_key
from enhancelog.domain.times import is_plausible
from enhancelog.domain.unfinished import MAX_CHARACTERS, Derived, Fate, Issue, Kind, Said, Tried, Unfinished, derive
from enhancelog.models import (
    AmbiguousPatch,
    Answer,
    Entry,
    EntryPatch,
    HostIssue,
    Patch,
    UnfinishedRun,
    UnfinishedRunChange,
    UnfinishedTotal,
)
from enhancelog.projections import source_names

_RUN: Final = UnfinishedRun._meta.db_table
_TOTAL: Final = UnfinishedTotal._meta.db_table
_ADD: Final = "ON CONFLICT (source) DO UPDATE SET died = total.died + excluded.died"
_PATCH: Final = Patch._meta.db_table
_ANSWER: Final = Answer._meta.db_table

# What a derivation says of a run; ``status`` comes first, because resolved rows keep the rest.
COLUMNS: Final = (
    "status",
    "blueprint_id",
    "intent",
    "reason",
    "cause",
    "ts_ms",
    "not_before_ms",
    "not_after_ms",
    "prev_hash",
    "ops",
    "candidate_hash",
    "intent_key",
)

# Longer reasons and intents are cut; the issue keeps them.
_ISSUES: Final = f"""
    SELECT issue.issue_id, issue.blueprint_id, issue.status, issue.created_seq, entry.ts_ms, entry.recorded_ms,
        CASE WHEN entry.position IS NULL THEN SUBSTR(issue.intent, 1, {MAX_CHARACTERS}) ELSE '' END,
        CASE WHEN entry.position IS NULL THEN SUBSTR(issue.detail, 1, {MAX_CHARACTERS}) ELSE '' END
    FROM {HostIssue._meta.db_table} issue
    LEFT JOIN {Entry._meta.db_table} entry ON entry.issue_id = issue.issue_id
    WHERE issue.source = %s"""
# Of what several sources under one name have alike, the last one read counts.
_SAME_ISSUE: Final = f"""
    AND NOT EXISTS (SELECT 1 FROM {HostIssue._meta.db_table} later
        WHERE later.issue_id = issue.issue_id AND later.id > issue.id AND {{}})"""
_SAME_PATCH: Final = f"""
    AND NOT EXISTS (SELECT 1 FROM {_PATCH} later
        WHERE later.digest = patch.digest AND later.position > patch.position AND {{}})"""
_SAME_ANSWER: Final = f"""
    AND NOT EXISTS (SELECT 1 FROM {_ANSWER} later
        WHERE later.digest = answer.digest AND later.position > answer.position AND {{}})"""
_PATCHES: Final = f"""
    SELECT patch.position, patch.blueprint_id, patch.ts_ms, patch.seq, joined.patch, ambiguous.patch,
        CASE WHEN joined.patch IS NULL THEN patch.digest ELSE '' END
    FROM {_PATCH} patch
    LEFT JOIN {EntryPatch._meta.db_table} joined ON joined.patch = patch.position
    LEFT JOIN {AmbiguousPatch._meta.db_table} ambiguous ON ambiguous.patch = patch.position
    WHERE patch.source = %s"""
_ANSWERS: Final = f"""
    SELECT answer.position, answer.seq, answer.ok, answer.answer_digest FROM {_ANSWER} answer
    WHERE answer.source = %s"""
_TAKEN: Final = f"SELECT DISTINCT answer_digest FROM {_PATCH} WHERE {{}}"
_TRIED: Final = f"SELECT prev_hash, ops, candidate_hash FROM {_PATCH} WHERE position = %s"
_SAID: Final = f"SELECT ops FROM {_ANSWER} WHERE position = %s"
_PRESENT: Final = f"SELECT issue_id, id, {', '.join(COLUMNS)} FROM {_RUN} WHERE source = %s AND reported_by = ''"
_UPDATE: Final = f"UPDATE {_RUN} SET {', '.join(f'{column} = %s' for column in COLUMNS)} WHERE id = %s"

Row = tuple[Any, ...]


class State(NamedTuple):
    """Each change of it is recorded."""

    status: str
    reason: str
    cause: str | None


class Difference(NamedTuple):
    """A run whose row is missing (no ``run_id``) or says something else. ``row`` is what it should say."""

    issue_id: str
    run_id: int | None
    row: Row
    has_new_state: bool


def derived(cursor: CursorWrapper, source: str) -> Derived:
    others = source_names.derived(cursor).names.others(source)
    answers = list(_answers(cursor, source, others))
    return derive(_issues(cursor, source, others), _patches(cursor, source, others), answers)


def _read(cursor: CursorWrapper, statement: str, same: str, source: str, others: Sequence[str]) -> None:
    if not others:
        cursor.execute(statement, [source])
        return
    is_other, parameter = dialect().one_of("later.source", others)
    cursor.execute(statement + same.format(is_other), [source, parameter])


def differences(cursor: CursorWrapper, source: str, runs: list[Unfinished]) -> Iterator[Difference]:
    name = source_names.derived(cursor).names.shown(source)
    cursor.execute(_PRESENT, [source])
    present = {issue_id: (run_id, tuple(row)) for issue_id, run_id, *row in cursor.fetchall()}
    for run in runs:
        run_id, before = present.pop(run.issue_id, (None, None))
        row = _row(cursor, name, run)
        if row != before:
            yield Difference(run.issue_id, run_id, row, before is None or _state(row) != _state(before))
    for issue_id, (run_id, before) in present.items():
        if before[0] != "resolved":
            yield Difference(issue_id, run_id, ("resolved", *before[1:]), has_new_state=True)


def write(cursor: CursorWrapper, source: str, found: list[Difference], now_ms: int) -> None:
    for issue_id, run_id, row, has_new_state in found:
        if run_id is None:
            columns = ("source", "issue_id", "reported_by", "recorded_ms", *COLUMNS)
            dialect().insert_rows(cursor, _RUN, columns, [(source, issue_id, "", now_ms, *row)])
            cursor.execute(f"SELECT id FROM {_RUN} WHERE source = %s AND issue_id = %s", [source, issue_id])
            run_id = cursor.fetchone()[0]
        else:
            cursor.execute(_UPDATE, [*row, run_id])
        if has_new_state:
            if _state(row).status == "died":
                count_death(cursor, run_id, source)
            record_change(run_id, _state(row), "", now_ms)


def count_death(cursor: CursorWrapper, run_id: int, source: str) -> None:
    """Unless it has died before. Comes before ``record_change``."""
    if not UnfinishedRunChange.objects.filter(run_id=run_id, status="died").exists():
        dialect().insert_rows(cursor, f"{_TOTAL} AS total", ("source", "died"), [("", 1), (source, 1)], _ADD)


def record_change(run_id: int, state: State, reported_by: str, changed_ms: int) -> None:
    # bulk_create: the table is written once, and ``save`` would try an UPDATE first.
    change = UnfinishedRunChange(run_id=run_id, **state._asdict(), reported_by=reported_by, changed_ms=changed_ms)
    UnfinishedRunChange.objects.bulk_create([change])


def _state(row: Row) -> State:
    return State(*(row[COLUMNS.index(name)] for name in State._fields))


def _row(cursor: CursorWrapper, name: str, run: Unfinished) -> Row:
    tried: Row = (None, None, None)
    if run.patch is not None:
        (tried,) = dialect().fetch(cursor, _TRIED, [run.patch])
    elif run.answer is not None:
        ((ops,),) = dialect().fetch(cursor, _SAID, [run.answer])
        tried = (None, ops, None)
    times = (run.ts_ms, run.not_before_ms, run.not_after_ms)
    key = thread_key(run.blueprint_id, name, run.intent)
    return (run.status, run.blueprint_id, run.intent, run.reason, run.cause, *times, *tried, key)


def _issues(cursor: CursorWrapper, source: str, others: Sequence[str]) -> Iterator[Issue]:
    _read(cursor, _ISSUES, _SAME_ISSUE, source, others)
    for issue_id, blueprint_id, status, created_seq, ts_ms, recorded_ms, intent, detail in cursor:
        logged_ms = ts_ms if ts_ms is not None and is_plausible(ts_ms, recorded_ms) else None
        yield Issue(issue_id, blueprint_id, intent, status, detail, created_seq, ts_ms is not None, logged_ms)


def _patches(cursor: CursorWrapper, source: str, others: Sequence[str]) -> Iterator[Tried]:
    _read(cursor, _PATCHES, _SAME_PATCH, source, others)
    for position, blueprint_id, ts_ms, seq, joined, ambiguous, digest in cursor:
        fate: Fate = "joined" if joined is not None else "missing" if ambiguous is None else "ambiguous"
        yield Tried(position, digest, sys.intern(blueprint_id), ts_ms, seq, fate)


# Without those that have become a patch since they were read.
def _answers(cursor: CursorWrapper, source: str, others: Sequence[str]) -> Iterator[Said]:
    _read(cursor, _ANSWERS, _SAME_ANSWER, source, others)
    answers = cursor.fetchall()
    if not answers:
        return
    condition, parameter = dialect().one_of("source", [source, *others])
    cursor.execute(_TAKEN.format(condition), [parameter])
    taken = {digest for (digest,) in cursor.fetchall()}
    for position, seq, ok, answer_digest in answers:
        if answer_digest not in taken:
            kind: Kind = "failed" if not ok else "patch" if answer_digest else "text"
            yield Said(position, seq, kind)
