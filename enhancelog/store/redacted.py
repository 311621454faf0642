"""Reads what redactions keep of the texts that they took out."""

from collections.abc import Iterable
from typing import Final

import msgspec
from django.db import connection

from enhancelog.backends import in_parts
from enhancelog.domain import records
from enhancelog.domain.intents import intent_hash
from enhancelog.domain.same_candidates import Hashes, hashes
from enhancelog.models import DocumentRedaction, Redaction
from enhancelog.projections.stored import Kept, Stored


class _Written(msgspec.Struct):
    intent: int | None
    operations: int | None
    words: int | None


_NUMBER: Final = f"""SELECT (SELECT COUNT(*) FROM {Redaction._meta.db_table})
    + (SELECT COUNT(*) FROM {DocumentRedaction._meta.db_table})"""
_decode = msgspec.json.Decoder(_Written).decode


def written(stored: Stored) -> str:
    """What a redaction of this entry keeps, as JSON."""
    kept = kept_of(stored)
    return records.encode_part(_Written(kept.intent, *kept.candidate))


def kept_of(stored: Stored) -> Kept:
    return stored.kept or Kept(intent_hash(stored.entry.intent), hashes(stored.entry))


def number() -> int:
    """Of all redactions. Who reads texts without the append lock asks before, and again when writing what follows."""
    with connection.cursor() as cursor:
        cursor.execute(_NUMBER)
        return int(cursor.fetchone()[0])


def kept(positions: Iterable[int]) -> dict[int, Kept]:
    """Of those that were redacted. All redactions of an entry keep the same."""
    found: dict[int, Kept] = {}
    for part in in_parts(list(positions)):
        rows = Redaction.objects.filter(position__in=part, number=1).values_list("position", "kept")
        found |= {position: each for position, text in rows if (each := read(text)) is not None}
    return found


def read(text: str) -> Kept | None:
    """``None`` if it was damaged."""
    try:
        found = _decode(text)
    except msgspec.MsgspecError:
        return None
    return Kept(found.intent, Hashes(found.operations, found.words))
