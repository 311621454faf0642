"""What hosts' stores and patches say of the log, and what depends on the names of sources."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from django.db import connection
from django.db.models import Exists, F, Max, OuterRef

from enhancelog.models import CandidateKey, EntryPatch, HostSource, Patch
from enhancelog.projections import candidate_keys, entry_patches, rejudgements
from enhancelog.projections.entry_patches import Moment, Place
from enhancelog.store import (
    host_derivation,
    host_verification,
    rejudgement_verification,
    source_derivation,
    touch_derivation,
    touch_verification,
    unfinished_reports,
)
from enhancelog.store.database import last_position
from enhancelog.store.rebuilding.steps import ROWS_AT_ONCE, locked

PATCHES_AT_ONCE: Final = 250


def settle() -> None:
    """Derive to the end what is left to be derived, by the newest names."""
    host_derivation.settle()
    if not source_derivation.is_done():
        with locked() as cursor:
            source_derivation.start_over(cursor)


def rebuild() -> None:
    _join()
    _compare_candidates()
    _derive_touches()
    with locked():  # both few, and one row each
        HostSource.objects.update(changes=F("changes") + 1)
        unfinished_reports.rebuild()


def _join() -> None:
    columns = Patch.objects.order_by("position").values_list("position", "blueprint_id", "prev_hash", "ts_ms")
    after, last = 0, columns.aggregate(last=Max("position"))["last"] or 0
    while rows := list(columns.filter(position__gt=after, position__lte=last)[:PATCHES_AT_ONCE]):
        with connection.cursor() as cursor:
            is_wrong = any(host_verification.wrongly_joined(cursor, rows))
        if is_wrong:
            _join_again(rows)
        after = rows[-1][0]
    for table in entry_patches.TABLES:
        stray = table._default_manager.filter(~Exists(Patch.objects.filter(pk=OuterRef("patch_id"))))
        while found := list(stray.values_list("patch_id", flat=True)[:ROWS_AT_ONCE]):
            with locked():
                stray.filter(patch_id__in=found).delete()


def _join_again(rows: Sequence[tuple[int, str, str, int]]) -> None:
    with locked() as cursor:
        joined = host_derivation.progress()
        if joined is not None:
            moments = sorted({Moment(blueprint_id, ts_ms) for _, blueprint_id, _, ts_ms in rows})
            source_derivation.follow_joins(cursor, entry_patches.apply(cursor, moments, Place(0, 0), joined.done))


# First the keys that patches tell of, then what follows from all keys.
def _compare_candidates() -> None:
    has_observed = EntryPatch.objects.exists() or CandidateKey.objects.filter(observed=True).exists()
    for positions in _up_to_last(rejudgement_verification.next_positions) if has_observed else ():
        with connection.cursor() as cursor:
            known = {row for row in candidate_keys.stored(cursor, positions) if row.observed}
            is_wrong = known != candidate_keys.observed(cursor, positions)
        if is_wrong:
            with locked() as cursor:
                rejudgements.observe(cursor, positions)
    for positions in _up_to_last(rejudgement_verification.next_positions):
        with connection.cursor() as cursor:
            found = rejudgements.stored(cursor, positions)
            is_wrong = found != set(rejudgements.derived(cursor, positions))
        if is_wrong:
            with locked() as cursor:
                rejudgements.repair(cursor, positions)


def _derive_touches() -> None:
    for positions in _up_to_last(touch_verification.next_positions):
        while wrong := touch_verification.unlike(positions):
            touch_derivation.repair(wrong)


# What comes later is derived as it comes.
def _up_to_last(next_positions: Callable[[int], list[int]]) -> Iterator[list[int]]:
    after, last = 0, last_position()
    while after < last and (positions := next_positions(after)):
        yield positions
        after = positions[-1]
