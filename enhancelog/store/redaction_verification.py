"""Verifies that what was redacted says so, and that nothing else changed."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec

from enhancelog.domain import redactions
from enhancelog.domain.errors import Invalid
from enhancelog.domain.origin import Origin
from enhancelog.domain.records import Entry
from enhancelog.models import Redaction
from enhancelog.projections.stored import Kept
from enhancelog.store import redacted

_COLUMNS = (
    "position", "number", "recorded_ms", "actor_kind", "actor_name", "source", "tombstones", "kept", "digest",
    "envelope",
)  # fmt: skip


class Redacted(NamedTuple):
    """``is_sound``: its envelope matches. ``digest``: of the record after it."""

    number: int
    tombstones: str
    digest: str
    is_sound: bool
    kept: Kept | None


def read(first: int, last: int | None) -> dict[int, list[Redacted]]:
    """The redactions of entries in this range of positions."""
    rows = Redaction.objects.filter(position__gte=first).order_by("position", "number")
    rows = rows if last is None else rows.filter(position__lte=last)
    found: dict[int, list[Redacted]] = {}
    for position, number, recorded_ms, *origin, tombstones, kept, digest, envelope in rows.values_list(*_COLUMNS):
        expected = redactions.of_redaction(position, number, recorded_ms, Origin(*origin), tombstones, kept, digest)
        one = Redacted(number, tombstones, digest, envelope == expected, redacted.read(kept))
        found.setdefault(position, []).append(one)
    return found


def without_entry(left: Mapping[int, list[Redacted]]) -> Iterator[str]:
    yield from (f"a redaction is of position {position}, which has no entry" for position in left)


def findings(shown: str | None, digest: str, salt: str | None, entry: Entry, found: list[Redacted]) -> Iterator[str]:
    """Ends of lines. ``digest``: of the record as it is."""
    if not found:
        yield "says that it was redacted, but there is no redaction of it"
        return
    for number, one in enumerate(found, 1):
        if one.number != number or not one.is_sound or one.kept is None:
            yield f"has a redaction {one.number} that was changed"
            return
    if shown != found[-1].tombstones:
        yield "has a redaction that was not carried out"
        return
    if digest != found[-1].digest:
        yield "does not match the digest of its last redaction"
    if salt is not None:
        yield "still has its salt, with which guesses of what was redacted could be tested"
    yield from _still_there(entry, shown)


def _fields(shown: str) -> list[str]:
    return [field for tombstone in redactions.tombstones(shown) for field in tombstone.fields]


def _still_there(entry: Entry, shown: str) -> Iterator[str]:
    try:
        fields = _fields(shown)
    except msgspec.MsgspecError as error:
        yield f"has redactions that cannot be read: {error}"
        return
    yield from (f"still has its {field}, which was redacted" for field in fields if _has(entry, field))


def _has(entry: Entry, field: str) -> bool:
    try:
        return redactions.without(entry, [field]) != entry
    except Invalid as error:
        return error.rule == "unknown"
