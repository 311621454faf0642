"""Verifies what axes said of the same candidate, and the keys of candidates that hosts' stores tell of."""

from collections.abc import Iterator, Sequence, Set
from typing import Any, Final

import msgspec
from django.db.backends.utils import CursorWrapper

from enhancelog.backends import dialect, faults
from enhancelog.models import CandidateKey, EntryPatch, Rejudgement
from enhancelog.projections import candidate_keys, rejudgements
from enhancelog.store.verification import Part, Progress

BATCH_ENTRIES: Final = 64  # each may have 1 MiB


def _findings(progress: Progress) -> Iterator[str]:
    after = done = 0
    with faults(), dialect().reading_any_text():
        while positions := next_positions(after):
            with dialect().appending() as cursor:
                yield from _wrong(cursor, positions)
            after = positions[-1]
            done += Rejudgement.objects.filter(entry_id__in=positions).count()
            progress(done)


def next_positions(after: int) -> list[int]:
    """Of entries that have a key or a patch, and of those that have rows."""
    found: set[int] = set()
    for table in (CandidateKey, EntryPatch, Rejudgement):
        rows = table._default_manager.filter(entry_id__gt=after).order_by("entry_id")
        found.update(rows.values_list("entry_id", flat=True).distinct()[:BATCH_ENTRIES])
    return sorted(found)[:BATCH_ENTRIES]


def _wrong(cursor: CursorWrapper, positions: Sequence[int]) -> Iterator[str]:
    try:
        found = list(_differences(cursor, positions))
    except (KeyError, ValueError, TypeError, msgspec.MsgspecError):
        # The walk through the log names an entry that is missing or cannot be read.
        found = [] if len(positions) == 1 else [line for each in positions for line in _wrong(cursor, [each])]
    yield from found


def _differences(cursor: CursorWrapper, positions: Sequence[int]) -> Iterator[str]:
    observed = {row for row in candidate_keys.stored(cursor, positions) if row.observed}
    for position in _unlike(observed, candidate_keys.observed(cursor, positions)):
        yield f"the candidate's keys of the entry at position {position} are not what its patch says; {_HINT}"
    found = rejudgements.stored(cursor, positions)
    for position in _unlike(found, set(rejudgements.derived(cursor, positions))):
        yield f"what axes said again at position {position} is not what the verdicts say; {_HINT}"


_HINT: Final = "run rebuild_projections"


def _unlike(stored: Set[tuple[Any, ...]], wanted: Set[tuple[Any, ...]]) -> list[int]:
    return sorted({row[0] for row in stored ^ wanted})


PART: Final = Part("repeated judgements", lambda: Rejudgement.objects.count(), _findings)
