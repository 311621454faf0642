"""Verifies what came from hosts' stores: patches, documents, and what is derived from them."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from django.db.backends.utils import CursorWrapper
from django.db.models import Count
from msgspec import Raw

from enhancelog.backends import dialect, faults
from enhancelog.domain import observed
from enhancelog.domain.redactions import of_patch
from enhancelog.models import (
    AmbiguousPatch,
    EntryPatch,
    HostSource,
    Patch,
    RedactedPatch,
    Redaction,
    UnfinishedRun,
    UnfinishedRunChange,
    UnfinishedTotal,
)
from enhancelog.projections import entry_patches, source_names, unfinished_runs
from enhancelog.projections.entry_patches import MOST_AT_ONCE, Moment, Place
from enhancelog.store import (
    document_verification,
    host_derivation,
    rejudgement_verification,
    source_derivation,
    touch_verification,
)
from enhancelog.store.observed import answer_digest, patch_digest
from enhancelog.store.redacted_hosts import PATCH_COLUMNS
from enhancelog.store.verification import Part, Progress

BATCH_ROWS: Final = 250

_COLUMNS: Final = (
    "position", "blueprint_id", "prev_hash", "ts_ms", "ops", "bump", "rationale", "candidate_hash", "seq", "digest",
    "answer_digest",
)  # fmt: skip

Row = Sequence[Any]


def _patches(progress: Progress) -> Iterator[str]:
    columns = Patch.objects.order_by("position").values_list(*_COLUMNS)
    done, is_renamed = 0, False  # meanwhile, so that the joins follow only a part of the names
    with faults(), dialect().reading_any_text():
        while rows := list(columns.filter(position__gt=done)[:BATCH_ROWS]):
            redacted = _redacted(rows)
            for number, row in enumerate(rows, done + 1):
                if row[0] != number:
                    yield f"patch {row[0]} where {number} was expected: positions are not dense"
                if row[0] not in redacted:
                    yield from _changed(row)
                elif not redacted[row[0]]:
                    yield f"patch {row[0]} is not as its redaction left it"
            with dialect().appending() as cursor:
                is_followed = source_derivation.is_done()
                yield from wrongly_joined(cursor, rows) if is_followed else ()
            is_renamed = is_renamed or not is_followed
            done = rows[-1][0]
            progress(done)
        if is_renamed:
            yield "a source was renamed while patches were verified; verify them again"
        for table in entry_patches.TABLES:
            for position in table._default_manager.filter(patch_id__gt=done).values_list("patch_id", flat=True):
                yield f"{table._meta.db_table} should not contain patch {position}"


# Patches whose texts went with those of their entry, and whether they are as that left them: their digest is that of
# the original. They may be joined to another entry by now, or to none.
def _redacted(rows: Sequence[Row]) -> dict[int, bool]:
    of_entries = Redaction.objects.values("position")
    records = RedactedPatch.objects.filter(patch__in=[row[0] for row in rows], position__in=of_entries)
    last = {record.patch: record for record in records.order_by("patch", "number")}
    patches = Patch.objects.filter(position__in=list(last)).values_list(*PATCH_COLUMNS)
    return {patch[0]: _is_as_left(last[patch[0]], patch) for patch in patches}


def _is_as_left(record: RedactedPatch, patch: Row) -> bool:
    try:
        return of_patch(record.number, record.position, patch) == record.envelope
    except ValueError:  # text that is no UTF-8
        return False


def _changed(row: Row) -> Iterator[str]:
    position, blueprint_id, prev_hash, ts_ms, ops, bump, rationale, candidate_hash, seq, digest, answer = row
    patch = observed.Patch(
        blueprint_id=blueprint_id,
        prev_hash=prev_hash,
        ts_ms=ts_ms,
        ops=Raw(ops.encode("utf-8", "surrogateescape")),
        bump=bump,
        rationale=rationale,
        candidate_hash=candidate_hash,
        seq=seq,
    )
    try:
        is_same = patch_digest(patch) == digest and answer_digest(patch.ops, rationale) == answer
    except ValueError as error:
        yield f"patch {position} cannot be read: {error}"
        return
    if not is_same:
        yield f"patch {position} does not match its digest"


def wrongly_joined(cursor: CursorWrapper, rows: Sequence[Row]) -> Iterator[str]:
    # ``rows``: position, Blueprint, ``prev_hash``, time. Without the append lock it may be wrong, but only in finding
    # something. Patches that are not joined yet are left out.
    found = host_derivation.progress()
    done = found.done if found else Place(0, 0)
    names = source_names.derived(cursor).names
    wanted: dict[int, int | None] = {}
    ambiguous: set[int] = set()
    for moment in {Moment(row[1], row[3]) for row in rows}:
        entries, patches = entry_patches.read(cursor, moment, done)
        joined = entry_patches.join(entries, patches, names)
        wanted |= joined.entries
        ambiguous |= joined.ambiguous
        if len(patches) > MOST_AT_ONCE and entries:
            ambiguous |= {row[0] for row in rows if (row[1], row[3]) == moment and row[0] <= done.patches}
    positions = [row[0] for row in rows]
    stored = dict(EntryPatch.objects.filter(patch_id__in=positions).values_list("patch_id", "entry_id"))
    marked = set(AmbiguousPatch.objects.filter(patch_id__in=positions).values_list("patch_id", flat=True))
    for position in positions:
        if stored.get(position) != wanted.get(position):
            said = f"entry {stored.get(position)} instead of {wanted.get(position)}"
            yield f"patch {position} is joined to {said}; run rebuild_projections"
        if (position in marked) != (position in ambiguous):
            said = "should" if position in ambiguous else "should not"
            yield f"patch {position} {said} be ambiguous; run rebuild_projections"


# Of sources whose derivation is complete.
def _runs(progress: Progress) -> Iterator[str]:
    done = 0
    with faults():
        for source in HostSource.objects.order_by("source").values_list("source", flat=True):
            with dialect().appending() as cursor:
                yield from _wrongly_derived(cursor, source)
            done += UnfinishedRun.objects.filter(source=source).count()
            progress(done)
        with dialect().appending():
            yield from _wrongly_counted()


def _wrongly_counted() -> Iterator[str]:
    died = UnfinishedRunChange.objects.filter(status="died").aggregate(runs=Count("run", distinct=True))["runs"]
    counts = dict(UnfinishedTotal.objects.values_list("source", "died"))
    total = counts.pop("", 0)
    if not died == total == sum(counts.values()):
        counted = f"{total:,} in all and {sum(counts.values()):,} by source"
        yield f"{died:,} runs died, but {UnfinishedTotal._meta.db_table} counts {counted}"


def _wrongly_derived(cursor: CursorWrapper, source: str) -> Iterator[str]:
    found = host_derivation.progress()
    row = HostSource.objects.get(source=source)
    if found is None or found.done != found.last or row.derived < row.changes or not source_derivation.is_done():
        return
    for difference in unfinished_runs.differences(cursor, source, unfinished_runs.derived(cursor, source).runs):
        run = f"the unfinished run {difference.issue_id} of {source}"
        yield f"{run} is not what the host's stores say; run rebuild_projections"


def _count(table: Any) -> Callable[[], int]:
    return lambda: int(table.objects.count())


PARTS: Final = (
    Part("patches", _count(Patch), _patches),
    document_verification.PART,
    Part("unfinished runs", _count(UnfinishedRun), _runs),
    touch_verification.PART,
    rejudgement_verification.PART,
)
