"""Keeps what an engine host's stores say. Idempotent: what is known already changes nothing."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from hashlib import sha256
from typing import Any, Final, TypeVar

from django.db import connection
from django.db.backends.utils import CursorWrapper
from msgspec import Raw
from msgspec.structs import asdict, replace

from enhancelog.backends import dialect, faults
from enhancelog.domain.observed import Answer, Issue, Patch, Seen, Settings, Version, of_settings
from enhancelog.domain.redactions import NO_OPERATIONS, REDACTED
from enhancelog.domain.times import now_ms
from enhancelog.models import Answer as AnswerModel
from enhancelog.models import Entry, HostIssue, HostJoin, HostSource, Observation
from enhancelog.models import Patch as PatchModel
from enhancelog.models import Version as VersionModel
from enhancelog.projections import source_names
from enhancelog.store import documents, redacted_hosts, writing
from enhancelog.store.documents import Seen as SeenDocument

# Records for one call of ``keep``, which is one transaction under the append lock.
BATCH_RECORDS: Final = 500

_JOIN: Final = HostJoin._meta.db_table
_SOURCE: Final = HostSource._meta.db_table

_ISSUE_COLUMNS: Final = ("issue_id", "blueprint_id", "intent", "status", "detail", "created_seq")

_Model = type[PatchModel] | type[AnswerModel] | type[VersionModel]
_Digested = TypeVar("_Digested", Patch, Answer)


@dataclass
class Found:
    """Records by kind, in their order."""

    patches: list[Patch] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    documents: list[SeenDocument] = field(default_factory=list)
    versions: list[Version] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)
    settings: list[Settings] = field(default_factory=list)


@dataclass
class Kept:
    """Rows that are new, except ``changed``: issues that say something else than before."""

    patches: int = 0
    answers: int = 0
    documents: int = 0
    versions: int = 0
    issues: int = 0
    changed: int = 0
    observations: int = 0

    def add(self, other: "Kept") -> None:
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))


def keep(source: str, found: Found) -> Kept:
    """All or nothing. Raises ``Other``."""
    batch = documents.Batch(found.documents)
    with faults():
        with connection.cursor() as cursor:
            batch.prepare(cursor)
        with dialect().appending() as cursor:
            kept = Kept(
                patches=_keep_patches(cursor, source, found.patches),
                answers=_keep_answers(cursor, source, found.answers),
                documents=batch.insert(cursor, source),
                versions=_keep_versions(cursor, source, found.versions),
                observations=_observe(source, (seen for each in found.settings for seen in of_settings(each))),
            )
            kept.issues, kept.changed = _keep_issues(source, found.issues)
            if kept.patches or kept.answers or kept.issues or kept.changed:
                begin_joining(cursor)
                touch(cursor, [source])
    return kept


def touch(cursor: CursorWrapper, sources: Iterable[str]) -> None:
    """What the unfinished runs of these sources follow from has changed; also of others that are shown as they are."""
    names = source_names.derived(cursor).names
    for source in sources:
        for other in names.others(source):
            cursor.execute(f"UPDATE {_SOURCE} SET changes = changes + 1 WHERE source = %s", [other])
        cursor.execute(
            f"INSERT INTO {_SOURCE} AS known (source, changes, derived) VALUES (%s, 1, 0)"
            " ON CONFLICT (source) DO UPDATE SET changes = known.changes + 1",
            [source],
        )


def begin_joining(cursor: CursorWrapper) -> None:
    """From now on, ``host_derivation`` follows the log."""
    # The entries before the first patch are found from the patch's side.
    entries = writing.last_position(cursor)
    cursor.execute(
        f"INSERT INTO {_JOIN} (id, entries, patches, reports) VALUES (1, %s, 0, 0) ON CONFLICT (id) DO NOTHING",
        [entries],
    )


def _keep_patches(cursor: CursorWrapper, source: str, patches: Sequence[Patch]) -> int:
    new = _unknown(PatchModel, source, {patch_digest(each): each for each in patches})
    return _insert(cursor, PatchModel, source, _rows(new))


def patch_digest(patch: Patch) -> str:
    run = (patch.blueprint_id, patch.prev_hash, patch.ts_ms)
    return _digest(*run, bytes(patch.ops).decode(), patch.bump, patch.rationale, patch.candidate_hash)


def answer_digest(ops: Raw | None, rationale: str) -> str:
    """Whatever the order of keys; empty without operations."""
    return "" if ops is None else _digest(json.loads(bytes(ops)), rationale)


def _keep_answers(cursor: CursorWrapper, source: str, answers: Sequence[Answer]) -> int:
    new = _unknown(AnswerModel, source, {_digest(each.seq, each.ok, each.text): each for each in answers})
    rows = _rows(new)
    redacted = redacted_hosts.forgotten_answers(cursor) if rows else set()
    for row in rows:
        if row["answer_digest"] in redacted:  # the host may still have the texts
            row |= {"text": REDACTED, "ops": NO_OPERATIONS, "rationale": REDACTED}
    return _insert(cursor, AnswerModel, source, rows)


def _rows(by_digest: Mapping[str, Patch | Answer]) -> list[dict[str, Any]]:
    return [
        {**asdict(each), "ops": None if each.ops is None else bytes(each.ops).decode(), "digest": digest}
        | {"answer_digest": answer_digest(each.ops, each.rationale)}
        for digest, each in by_digest.items()
    ]


def _keep_versions(cursor: CursorWrapper, source: str, versions: Sequence[Version]) -> int:
    new = {(each.blueprint_id, each.number, each.hash): each for each in versions}
    numbers = {each.number for each in versions}
    known = VersionModel.objects.filter(source=source, number__in=numbers) if numbers else VersionModel.objects.none()
    for key in known.values_list("blueprint_id", "number", "hash"):
        new.pop(key, None)
    rows = [asdict(each) for each in new.values()]
    redacted = documents.redacted({each.hash for each in new.values()})
    for row in rows:
        if row["hash"] in redacted and row["rationale"]:  # the host may still have the text
            row["rationale"] = REDACTED
    return _insert(cursor, VersionModel, source, rows)


# How many are new, and how many were changed.
def _keep_issues(source: str, issues: Sequence[Issue]) -> tuple[int, int]:
    newest = {each.issue_id: each for each in issues}
    redacted = Entry.objects.filter(issue_id__in=list(newest), redacted__isnull=False)
    for issue_id in redacted.values_list("issue_id", flat=True):  # the host may still have the texts
        newest[issue_id] = replace(newest[issue_id], intent=REDACTED, detail=REDACTED)
    stored = {row.issue_id: row for row in HostIssue.objects.filter(source=source, issue_id__in=list(newest))}
    new = [HostIssue(source=source, **_values(each)) for key, each in newest.items() if key not in stored]
    changed = []
    for issue_id, row in stored.items():
        values = _values(newest[issue_id])
        if any(getattr(row, name) != value for name, value in values.items()):
            changed.append(HostIssue(pk=row.pk, source=source, **values))
    HostIssue.objects.bulk_create(new)
    HostIssue.objects.bulk_update(changed, _ISSUE_COLUMNS)
    return len(new), len(changed)


def _values(issue: Issue) -> dict[str, Any]:
    return {name: getattr(issue, name) for name in _ISSUE_COLUMNS}


def observe(source: str, seen: Iterable[Seen]) -> int:
    """Keeps what is new, and returns how many that is. Raises ``Other``."""
    with faults():
        new = _not_latest(source, seen)
        if not new:
            return 0
        with dialect().appending():
            return _observe(source, new)


def _observe(source: str, seen: Iterable[Seen]) -> int:
    new, seen_ms = _not_latest(source, seen), now_ms()
    Observation.objects.bulk_create([Observation(source=source, **each._asdict(), seen_ms=seen_ms) for each in new])
    return len(new)


def _not_latest(source: str, seen: Iterable[Seen]) -> list[Seen]:
    latest: dict[tuple[str, str], str | None] = {}
    new = []
    for each in seen:
        about = each.kind, each.name
        if about not in latest:
            rows = Observation.objects.filter(source=source, kind=each.kind, name=each.name).order_by("-id")
            latest[about] = rows.values_list("value", flat=True).first()
        if each.value != latest[about]:
            latest[about] = each.value
            new.append(each)
    return new


def _unknown(
    table: type[PatchModel] | type[AnswerModel], source: str, by_digest: dict[str, _Digested]
) -> dict[str, _Digested]:
    known = table._default_manager.filter(source=source, digest__in=list(by_digest))
    stored = set(known.values_list("digest", flat=True))
    return {digest: each for digest, each in by_digest.items() if digest not in stored}


# At the next positions.
def _insert(cursor: CursorWrapper, table: _Model, source: str, rows: Sequence[dict[str, Any]]) -> int:
    if rows:
        cursor.execute(f"SELECT COALESCE(MAX(position), 0) FROM {table._meta.db_table}")
        first, recorded_ms = int(cursor.fetchone()[0]) + 1, now_ms()
        columns = ("position", "source", "recorded_ms", *rows[0])
        placed = [(position, source, recorded_ms, *row.values()) for position, row in enumerate(rows, first)]
        dialect().insert_rows(cursor, table._meta.db_table, columns, placed)
    return len(rows)


def _digest(*parts: Any) -> str:
    return sha256(json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
