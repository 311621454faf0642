"""The last checkpoint that witnesses cosigned, and what is known of each witness."""

# The plain checkpoint changes within seconds, a witness is asked once a minute. So the cosigned one is kept beside it,
# and receipts of the entries that it has end with it.

from collections.abc import Collection, Sequence
from typing import Any, Final

from django.db import connection, transaction
from msgspec import Struct

from enhancelog.backends import dialect, faults
from enhancelog.domain.errors import DamagedEvidence
from enhancelog.domain.times import MINUTE_MS, now_ms
from enhancelog.evidence import checkpoints, signed_notes
from enhancelog.models import Checkpoint, Witness
from enhancelog.store import evidence
from enhancelog.store.evidence import Stored

ROW: Final = 2
ROUND_MS: Final = MINUTE_MS
AFTER_REFUSAL_MS: Final = 10 * MINUTE_MS


class Failure(Struct, frozen=True):
    kind: str  # as in ``domain.installation.Witness``
    detail: str  # one line

    @property
    def is_passing(self) -> bool:
        # Whether the next round tries again. Somebody must act on any other.
        return self.kind == "unreachable"


def cosigned(newest: Stored) -> Stored | None:
    """The last cosigned checkpoint, if one of the keys that signed ``newest`` signed it too."""
    found = last()
    return found if found and found.key_ids & newest.key_ids else None


def best(newest: Stored) -> Stored:
    # ``newest`` with cosignatures, if it has some.
    found = cosigned(newest)
    return found if found and found.checkpoint == newest.checkpoint else newest


def last() -> Stored | None:
    # Whoever signed it. ``None`` also for a damaged one, which the next one replaces.
    try:
        return evidence.stored(ROW)
    except DamagedEvidence:
        return None


def keep(note: bytes, before: Stored | None) -> None:
    """Store this as the cosigned checkpoint, unless there is another one than ``before`` by now."""
    size = checkpoints.parse_text(signed_notes.parse(note).text).size
    columns: dict[str, Any] = {"size": size, "note": note.decode(), "signed_ms": now_ms()}
    with faults(), transaction.atomic(), connection.cursor() as cursor:
        dialect().require_schema(cursor)
        if before is None:
            made = [Checkpoint(id=ROW, **columns)]
            Checkpoint.objects.bulk_create(
                made, update_conflicts=True, unique_fields=["id"], update_fields=list(columns)
            )
        else:
            Checkpoint.objects.filter(pk=ROW, note=before.note.decode()).update(**columns)


def begin_round(keys: Sequence[str], lacking: Collection[str]) -> dict[str, int]:
    """Which of the witnesses that are ``lacking`` to ask now, each with the size that it knows."""
    # None, unless a minute has passed since any process began a round. All are asked in one round, so that one
    # checkpoint has the cosignatures of all.
    with faults():
        if not _due(list(Witness.objects.filter(pk__in=keys)), lacking):
            return {}
        with transaction.atomic(), connection.cursor() as cursor:
            dialect().require_schema(cursor)
            Witness.objects.exclude(pk__in=keys).delete()
            Witness.objects.bulk_create([Witness(key=key) for key in keys], ignore_conflicts=True)
            rows = list(Witness.objects.select_for_update().order_by("pk"))
            due = _due(rows, lacking)
            if due:
                Witness.objects.update(round_ms=now_ms())
            return due


def note_cosigned(key: str, size: int) -> None:
    with faults():
        Witness.objects.filter(pk=key).update(
            size=size, cosigned_ms=now_ms(), failure="", detail="", failed_ms=None, next_ms=0
        )


def note_failure(key: str, failure: Failure) -> bool:
    """Returns whether this is another failure than the last time."""
    now = now_ms()
    next_ms = 0 if failure.is_passing else now + AFTER_REFUSAL_MS
    with faults():
        known = Witness.objects.filter(pk=key)
        before = known.values_list("failure", "detail", "failed_ms").first()
        since = before[2] if before and before[0] == failure.kind else None
        known.update(failure=failure.kind, detail=failure.detail, failed_ms=since or now, next_ms=next_ms)
    return before is None or before[:2] != (failure.kind, failure.detail)


def _due(rows: Sequence[Witness], lacking: Collection[str]) -> dict[str, int]:
    # A time in the future is from before the clock was set back.
    now = now_ms()
    if any(now - ROUND_MS < row.round_ms <= now for row in rows):
        return {}
    resting = {row.key for row in rows if now < row.next_ms <= now + AFTER_REFUSAL_MS}
    sizes = {row.key: row.size for row in rows}
    return {key: sizes.get(key, 0) for key in lacking if key not in resting}
