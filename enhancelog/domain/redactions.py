"""Redactions: texts that are taken out of a stored entry, and what stays in their place."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final

import msgspec
from msgspec import UNSET, Raw, Struct

from enhancelog.domain import records
from enhancelog.domain.envelopes import envelope
from enhancelog.domain.errors import Invalid
from enhancelog.domain.origin import Origin
from enhancelog.domain.reasons import reason, reasons
from enhancelog.domain.records import Entry, Verdict

REDACTED: Final = "[redacted]"
REDACTED_VALUE: Final = f'"{REDACTED}"'.encode()
NO_OPERATIONS: Final = "[]"
LONGEST_WHY: Final = 1_000  # characters
MOST_LISTED: Final = 100  # axes
# Characters. A shorter text is found everywhere; a shorter detail, such as "e", goes only where it is a whole reason.
SHORTEST: Final = 6

# Characters of reasons times details. Beyond this, all reasons go as a whole.
_MOST_COMPARED: Final = 10_000_000
_LONGEST_GROWN: Final = 1_000  # characters; a longer reason goes as a whole rather than growing

Span = tuple[int, int]  # where it begins and ends

FIELDS: Final = ("intent", "rationale", "details", "detail:AXIS", "reasons", "ops", "meta", "meta:KEY")
_OF_AXIS: Final = "detail:"
_ONE_OF: Final = f"must be one of {', '.join(FIELDS)}"


class Tombstone(Struct, frozen=True):
    """What everybody sees of a redaction. ``redacted_ms``: epoch ms."""

    fields: list[str]
    redacted_ms: int
    why: str


_tombstones = msgspec.json.Decoder(list[Tombstone])


def tombstones(text: str | None) -> list[Tombstone]:
    """Of an entry's ``redacted``, the first redaction first."""
    return [] if text is None else _tombstones.decode(text)


def with_tombstone(text: str | None, tombstone: Tombstone) -> str:
    return records.encode_part([*tombstones(text), tombstone])


def checked_why(why: str) -> str:
    """Raises ``Invalid``."""
    why = why.strip()
    if not why:
        raise Invalid("why", "missing", "is empty; say why, without the secret: everybody who reads the entry sees it")
    if len(why) > LONGEST_WHY:
        raise Invalid("why", "size", f"has {len(why):,} characters, the limit is {LONGEST_WHY:,}")
    if not why.isprintable():
        raise Invalid("why", "text", "must be one line of printable characters")
    return why


def check_repeats(why: str, texts: Iterable[str]) -> None:
    """Raises ``Invalid`` if it has one of the texts that are to go."""
    said = why.casefold()
    if any(said == text or (len(text) >= SHORTEST and text in said) for text in map(str.casefold, texts)):
        raise Invalid("why", "repeats", "repeats a text that is to go; say why without it: everybody sees it")


def of_redaction(
    position: int, number: int, recorded_ms: int, origin: Origin, tombstones: str, kept: str, digest: str
) -> str:
    """The envelope of a redaction: a digest over all of it."""
    return envelope("redaction", position, number, recorded_ms, *origin, tombstones, kept, digest)


def of_patch(number: int, entry: int, patch: Sequence[str | int | None]) -> str:
    """The envelope of what the redaction of this entry took out of its patch. ``patch``: all columns after it."""
    return envelope("redacted patch", number, entry, *patch)


def of_document(
    hash: str,
    number: int,
    recorded_ms: int,
    origin: Origin,
    tombstones: str,
    left: Iterable[Sequence[str | int | None]],
) -> str:
    """``left``: what stays of its rows, in the order of their forms."""
    rows = (part for row in left for part in row)
    return envelope("document redaction", hash, number, recorded_ms, *origin, tombstones, *rows)


def without(entry: Entry, fields: Sequence[str], of_host: Collection[str] = ()) -> Entry:
    """The entry with its texts in these fields gone. Raises ``Invalid``: an unknown field, or one with no text to
    redact, unless it is in ``of_host``: a host's patch has one. No badge and no denial changes.
    """
    details = [field for field in fields if _is_of_details(field)]
    left = _without_details(entry, details) if details else entry
    for field in fields:
        if field in details or (field in of_host and not _records(entry, field)):
            continue
        taken = _without(left, field)
        # What the details, or an earlier one of these fields, took along is done.
        if taken == left and _without(entry, field) == entry:
            raise _redacted(field)
        left = taken
    return left


def _is_of_details(field: str) -> bool:
    return field == "details" or (field.startswith(_OF_AXIS) and field != _OF_AXIS)


def _redacted(field: str) -> Invalid:
    return Invalid(field, "redacted", "is redacted already; nothing else is in it")


def _records(entry: Entry, field: str) -> bool:
    return bool(entry.rationale) if field == "rationale" else entry.ops is not UNSET


def possible(entry: Entry, of_host: Collection[str] = ()) -> list[str]:
    """The fields that have a text to redact: with many axes, ``details`` and the first of them."""
    left = {verdict.axis for verdict in entry.verdicts if _is_left(verdict.detail)}
    axes = [axis for axis in records.judged_axes(entry) if axis in left]
    members = {} if entry.meta is UNSET else msgspec.json.decode(bytes(entry.meta), type=dict[str, Raw])
    keys = [key for key, value in members.items() if bytes(value) != REDACTED_VALUE]
    has_reasons = any(map(_is_left, entry.reasons)) and list(entry.reasons) != reasons(entry.verdicts)
    has_ops = entry.ops is not UNSET and bytes(entry.ops) != NO_OPERATIONS.encode()
    return [
        *(["intent"] if _is_left(entry.intent) else []),
        *(["rationale"] if _is_left(entry.rationale) or "rationale" in of_host else []),
        *(["details"] if len(axes) > MOST_LISTED else []),
        *(f"detail:{axis}" for axis in axes[:MOST_LISTED]),
        *(["reasons"] if has_reasons else []),
        *(["ops"] if has_ops or "ops" in of_host else []),
        *(f"meta:{key}" for key in keys),
    ]


def _is_left(text: str) -> bool:
    return text not in ("", REDACTED)


def _without(entry: Entry, field: str) -> Entry:
    kind, _, name = field.partition(":")
    if field in ("intent", "rationale"):
        if not getattr(entry, field):
            raise Invalid(field, "empty", "is empty; there is nothing to redact")
        return msgspec.structs.replace(entry, **{field: REDACTED})
    if field == "reasons":
        return _without_reasons(entry)
    if field == "ops":
        if entry.ops is UNSET:
            raise Invalid(field, "empty", "is not recorded; there is nothing to redact")
        return msgspec.structs.replace(entry, ops=Raw(NO_OPERATIONS.encode()))
    if field == "meta" or (kind == "meta" and name):
        return _without_meta(entry, field, name)
    raise Invalid(field, "unknown", _ONE_OF)


# All at once: one after the other takes fields times verdicts, under the append lock.
def _without_details(entry: Entry, fields: Sequence[str]) -> Entry:
    _check_details(entry, fields)
    axes = {field.removeprefix(_OF_AXIS) for field in fields}

    is_all = "details" in fields

    def is_meant(verdict: Verdict) -> bool:
        return _is_left(verdict.detail) and (is_all or verdict.axis in axes)

    gone = [verdict for verdict in entry.verdicts if is_meant(verdict)]
    verdicts = tuple(
        msgspec.structs.replace(verdict, detail=REDACTED) if is_meant(verdict) else verdict
        for verdict in entry.verdicts
    )
    taken = msgspec.structs.replace(entry, verdicts=verdicts)
    return msgspec.structs.replace(taken, reasons=_reasons_without(entry, taken, gone))


def _check_details(entry: Entry, fields: Sequence[str]) -> None:
    axes = dict.fromkeys(records.judged_axes(entry), "")
    axes |= {verdict.axis: REDACTED for verdict in entry.verdicts if verdict.detail}
    axes |= {verdict.axis: verdict.detail for verdict in entry.verdicts if _is_left(verdict.detail)}
    for field in fields:
        said = axes.values() if field == "details" else [axes.get(field.removeprefix(_OF_AXIS))]
        if None in said:
            judged = ", ".join(axes) or "none"
            raise Invalid(field, "unknown", f"names no axis that judged this run; these did: {judged}")
        if not any(said):
            raise Invalid(field, "empty", "is empty; there is nothing to redact")
        if not any(_is_left(each or "") for each in said):
            raise _redacted(field)


# Where the reasons were exactly the denials, they still are; where they differed, they still differ.
def _reasons_without(before: Entry, after: Entry, gone: Sequence[Verdict]) -> tuple[str, ...]:
    if list(before.reasons) == reasons(before.verdicts):
        return tuple(reasons(after.verdicts))

    found = tuple(_taken_out(before.reasons, gone))
    if list(found) != reasons(after.verdicts):
        return found
    said = {reason(verdict) for verdict in gone}
    return tuple(REDACTED if old in said or old != new else new for old, new in zip(before.reasons, found, strict=True))


def _taken_out(texts: Sequence[str], gone: Sequence[Verdict]) -> Iterator[str]:
    details = {verdict.detail for verdict in gone if len(verdict.detail) >= SHORTEST}
    whole = {verdict.detail: REDACTED for verdict in gone}
    whole |= {reason(verdict): f"{verdict.axis}: {REDACTED}" for verdict in gone}
    is_costly = len(details) * sum(map(len, texts)) > _MOST_COMPARED
    for text in texts:
        if text in whole:
            yield whole[text]
        elif is_costly:
            yield REDACTED if text else text
        else:
            taken = _without_parts(text, details)
            yield taken if len(taken) <= max(len(text), _LONGEST_GROWN) else REDACTED


# Parts that overlap or touch go together, also with what stands in the place of earlier ones: alone, that stays.
def _without_parts(text: str, parts: Iterable[str]) -> str:
    spans = [found for part in (*parts, REDACTED) for found in _found(text, part)]
    kept, done = [], 0
    for start, end in _joined(sorted(spans)):
        found = text[start:end]
        kept += [text[done:start], REDACTED if found.replace(REDACTED, "") else found]
        done = end
    return "".join([*kept, text[done:]])


def _found(text: str, part: str) -> Iterator[Span]:
    at = text.find(part)
    while at >= 0:
        yield at, at + len(part)
        at = text.find(part, at + len(part))


def _joined(spans: Iterable[Span]) -> Iterator[Span]:
    begin, until = 0, -1
    for start, end in spans:
        if start > until:
            if until >= 0:
                yield begin, until
            begin = start
        until = max(until, end)
    if until >= 0:
        yield begin, until


def _without_reasons(entry: Entry) -> Entry:
    if not any(entry.reasons):
        raise Invalid("reasons", "empty", "is empty; there is nothing to redact")
    if list(entry.reasons) == reasons(entry.verdicts):
        raise Invalid("reasons", "repeated", "only repeats the details; redact details, or detail:AXIS")
    return msgspec.structs.replace(entry, reasons=tuple(REDACTED if text else text for text in entry.reasons))


def _without_meta(entry: Entry, field: str, key: str) -> Entry:
    members = {} if entry.meta is UNSET else msgspec.json.decode(bytes(entry.meta), type=dict[str, Raw])
    if key and key not in members:
        raise Invalid(field, "unknown", f"names no key of meta; it has: {', '.join(members) or 'none'}")
    if not members:
        raise Invalid(field, "empty", "is not recorded; there is nothing to redact")
    gone = [key] if key else members
    taken = {**members, **dict.fromkeys(gone, Raw(REDACTED_VALUE))}
    return msgspec.structs.replace(entry, meta=Raw(records.encode_part(taken).encode()))
