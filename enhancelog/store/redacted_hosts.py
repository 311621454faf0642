"""Takes the texts of redacted entries out of what their hosts' stores said of the same runs."""

from collections.abc import Iterable, Sequence
from typing import Final

from django.db.backends.utils import CursorWrapper

from enhancelog.backends import in_parts
from enhancelog.domain.entry_texts import strings_of_ops
from enhancelog.domain.redactions import NO_OPERATIONS, REDACTED, of_patch, tombstones
from enhancelog.domain.unfinished import id_of_patch
from enhancelog.models import (
    Answer,
    Entry,
    EntryPatch,
    HostIssue,
    Patch,
    RedactedPatch,
    Redaction,
    UnfinishedRun,
    UnfinishedRunChange,
)
from enhancelog.projections import rejudgements
from enhancelog.store import touch_derivation

TABLES: Final = (Patch, Answer, HostIssue, UnfinishedRun, UnfinishedRunChange)

PATCH_COLUMNS: Final = [field.attname for field in Patch._meta.concrete_fields]

_PATCH: Final = Patch._meta.db_table
_ANSWER: Final = Answer._meta.db_table
_JOINED: Final = EntryPatch._meta.db_table
_CHANGE: Final = UnfinishedRunChange._meta.db_table
_RUN: Final = UnfinishedRun._meta.db_table

# What triggers allow: each of these conditions holds once an entry of the run was redacted. The same answer may have
# been read under another name of the host, so its source does not matter.
OF_PATCH: Final = f"""EXISTS (
    SELECT 1 FROM {_JOINED} joined JOIN {Redaction._meta.db_table} gone ON gone.position = joined.position
    WHERE joined.patch = OLD.position)"""
OF_ANSWER: Final = f"""EXISTS (
    SELECT 1 FROM {_PATCH} patch JOIN {_JOINED} joined ON joined.patch = patch.position
    JOIN {Redaction._meta.db_table} gone ON gone.position = joined.position
    WHERE OLD.answer_digest <> '' AND patch.answer_digest = OLD.answer_digest)"""
_REDACTED_PATCHES: Final = f"""
    SELECT patch.answer_digest, entry.redacted FROM {Redaction._meta.db_table} gone
    JOIN {Entry._meta.db_table} entry ON entry.position = gone.position
    JOIN {_JOINED} joined ON joined.position = gone.position
    JOIN {_PATCH} patch ON patch.position = joined.patch WHERE gone.number = 1"""
OF_RUN: Final = f"""EXISTS (
    SELECT 1 FROM {_RUN} run JOIN {Entry._meta.db_table} entry ON entry.issue_id = run.issue_id
    WHERE run.id = OLD.run_id AND entry.redacted IS NOT NULL)"""


def forget(cursor: CursorWrapper, position: int, issue_id: str) -> frozenset[str]:
    """Of an entry that was just redacted. Returns texts that messages of alerts may have. Under the append lock."""
    texts = _said(issue_id)
    HostIssue.objects.filter(issue_id=issue_id).update(intent=REDACTED, detail=REDACTED)
    runs = UnfinishedRun.objects.filter(issue_id=issue_id)
    cursor.execute(
        f"UPDATE {_CHANGE} SET reason = %s WHERE run_id IN (SELECT id FROM {_RUN} WHERE issue_id = %s)"
        " AND reason NOT IN ('', %s)",
        [REDACTED, issue_id, REDACTED],
    )
    runs.update(intent=REDACTED, reason=REDACTED)
    runs.exclude(ops=None).update(ops=NO_OPERATIONS)
    forget_patches(cursor, [position])
    touch_derivation.again(cursor, position)
    return texts


def _said(issue_id: str) -> frozenset[str]:
    runs = UnfinishedRun.objects.filter(issue_id=issue_id)
    changes = UnfinishedRunChange.objects.filter(run__in=runs).values_list("reason", flat=True)
    said = {text for row in runs.values_list("intent", "reason") for text in row} | set(changes)
    return frozenset(said - {"", REDACTED})


def forget_patches(cursor: CursorWrapper, positions: Iterable[int]) -> None:
    """Of those of these entries that were redacted, the patches that are joined to them."""
    for position, shown in _redacted(list(positions)):
        fields = _fields(shown)
        changes = {"ops": NO_OPERATIONS} if "ops" in fields else {}
        changes |= {"rationale": REDACTED} if "rationale" in fields else {}
        patches = list(EntryPatch.objects.filter(entry_id=position).values_list("patch_id", flat=True))
        for patch in patches if changes else ():
            _forget_patch(cursor, position, patch, changes)
        if patches and changes:
            rejudgements.observe(cursor, [position])


def _redacted(positions: Sequence[int]) -> list[tuple[int, str]]:
    """With what each entry shows of its redactions."""
    found: list[tuple[int, str]] = []
    for part in in_parts(positions):
        rows = Entry.objects.filter(position__in=part).exclude(redacted=None)
        found += [(position, shown or "") for position, shown in rows.values_list("position", "redacted")]
    return found


def patched(position: int) -> dict[str, list[str]]:
    """Field to texts, of the patches joined to an entry, which need not be what it records."""
    found: dict[str, list[str]] = {}
    joined = EntryPatch.objects.filter(entry_id=position).values("patch_id")
    for ops, rationale in Patch.objects.filter(pk__in=joined).values_list("ops", "rationale"):
        if ops != NO_OPERATIONS:
            found.setdefault("ops", []).extend(strings_of_ops(ops.encode()))
        if rationale not in ("", REDACTED):
            found.setdefault("rationale", []).append(rationale)
    return found


def forgotten_answers(cursor: CursorWrapper) -> set[str]:
    """Digests of the answers whose texts were redacted with a patch: none may come back."""
    cursor.execute(_REDACTED_PATCHES)
    return {digest for digest, shown in cursor if {"ops", "rationale"} & _fields(shown)}


def _fields(shown: str | None) -> set[str]:
    return {field for tombstone in tombstones(shown) for field in tombstone.fields}


def _forget_patch(cursor: CursorWrapper, position: int, patch: int, changes: dict[str, str]) -> None:
    # In SQL: Django's models of these tables refuse updates.
    settings = ", ".join(f"{name} = %s" for name in changes)
    cursor.execute(
        f"""UPDATE {_ANSWER} SET text = %s, ops = CASE WHEN ops IS NULL THEN NULL ELSE %s END, rationale = %s
            WHERE answer_digest <> '' AND answer_digest = (
                SELECT answer_digest FROM {_PATCH} patch WHERE patch.position = %s)""",
        [REDACTED, NO_OPERATIONS, REDACTED, patch],
    )
    # Until the patch was joined, it may have been an unfinished run, which copied its operations.
    (tried,) = Patch.objects.filter(pk=patch).values_list("ts_ms", "digest")
    UnfinishedRun.objects.filter(issue_id=id_of_patch(*tried)).exclude(ops=None).update(ops=NO_OPERATIONS)
    if Patch.objects.filter(position=patch, **changes).exists():
        return
    cursor.execute(f"UPDATE {_PATCH} SET {settings} WHERE position = %s", [*changes.values(), patch])
    number = RedactedPatch.objects.filter(patch=patch).count() + 1
    sealed = of_patch(number, position, Patch.objects.values_list(*PATCH_COLUMNS).get(position=patch))
    RedactedPatch.objects.bulk_create([RedactedPatch(patch=patch, number=number, position=position, envelope=sealed)])
