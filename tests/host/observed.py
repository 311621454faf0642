"""What is stored of hosts, without what depends on when and in which order it was stored; and records to store."""

import json
from typing import Any

from msgspec import Raw

from enhancelog.domain import unfinished_reports
from enhancelog.domain.observed import Issue, Patch
from enhancelog.domain.origin import Origin
from enhancelog.domain.records import Entry
from enhancelog.models import (
    AmbiguousPatch,
    Answer,
    Document,
    EntryPatch,
    HostIssue,
    Observation,
    Touch,
    TouchAwaiting,
    TouchPending,
    UnfinishedRun,
    UnfinishedRunChange,
    Version,
)
from enhancelog.models import Entry as EntryModel
from enhancelog.models import Patch as PatchModel
from enhancelog.store import documents
from enhancelog.store.unfinished_reports import keep_report
from tests.factories import HASHES

Tables = dict[str, list[tuple[Any, ...]]]

RUN = ("source", "issue_id", "blueprint_id", "intent", "reason", "cause", "status", "ts_ms", "not_before_ms")
TOUCH = ("patch", "document", "place", "blueprint_id", "ts_ms", "rejected", "is_whole", "is_named", "has_named")
STATE = ("run__source", "run__issue_id", "status", "cause", "reason", "reported_by")


def read_tables() -> Tables:
    patches = {row[0]: row[1:] for row in PatchModel.objects.values_list("position", "source", "digest", "ops", "seq")}
    issue_ids = dict(EntryModel.objects.values_list("position", "issue_id"))
    joined = EntryPatch.objects.values_list("entry_id", "patch_id")
    ambiguous = AmbiguousPatch.objects.values_list("patch_id", flat=True)
    touches = Touch.objects.values_list("entry_id", *TOUCH)
    found: dict[str, Any] = {
        "patches": patches.values(),
        "joined": [(issue_ids[entry], *patches[patch]) for entry, patch in joined],
        "ambiguous": [patches[position] for position in ambiguous],
        "documents": [(each.hash, each.form, text(each)) for each in Document.objects.all()],
        "versions": Version.objects.values_list("source", "blueprint_id", "hash", "number", "made_by", "prev_hash"),
        "answers": Answer.objects.values_list("source", "seq", "ok", "text", "ops"),
        "issues": HostIssue.objects.values_list("source", "issue_id", "status", "detail", "created_seq"),
        "observations": Observation.objects.values_list("source", "kind", "name", "value"),
        "runs": UnfinishedRun.objects.values_list(*RUN, "not_after_ms", "prev_hash", "ops", "candidate_hash"),
        "touches": [(issue_ids[entry], patch > 0, document > 0, *said) for entry, patch, document, *said in touches],
        "awaiting": [
            (issue_ids[entry], *said)
            for entry, *said in TouchAwaiting.objects.values_list("entry_id", "key", "is_missing")
        ],
        "pending": TouchPending.objects.values_list("entry_id"),
        "changes": UnfinishedRunChange.objects.values_list(*STATE),
    }
    return {name: sorted(rows, key=repr) for name, rows in found.items()}


def text(row: Document) -> str:
    found = documents.find(row.hash, row.form)
    assert found is not None
    return found.text


def make_patch(**changes: Any) -> Patch:
    """Of the run of ``make_entry()``."""
    fields: dict[str, Any] = {
        "blueprint_id": "main",
        "prev_hash": HASHES[0],
        "ts_ms": 1_795_000_000_000,
        "ops": Raw(b'[{"op":"add","path":"/a","value":1}]'),
        "bump": "patch",
        "rationale": "why",
        "candidate_hash": HASHES[1],
        "seq": 2,
    }
    return Patch(**fields | changes)


def make_issue(created_seq: int, **changes: Any) -> Issue:
    fields: dict[str, Any] = {
        "issue_id": f"h-{created_seq}",
        "blueprint_id": "main",
        "intent": "writer should cite the file and line",
        "status": "rejected",
        "detail": "dispatch failed: something else",
        "created_seq": created_seq,
    }
    return Issue(**fields | changes)


def patch_of(entry: Entry, **changes: Any) -> Patch:
    run = {"blueprint_id": entry.blueprint_id, "prev_hash": entry.prev_hash, "ts_ms": entry.ts_ms}
    return make_patch(**run | changes)


def report(issue_id: str, **changes: Any) -> None:
    """As an agent of no host reports it."""
    said = {"issue_id": issue_id, "blueprint_id": "main", "status": "died", "reason": "out of memory"} | changes
    found = unfinished_reports.decode(json.dumps(said).encode())
    keep_report(found, Origin("token", "agent-7", found.source), lambda blueprint_id: None)
