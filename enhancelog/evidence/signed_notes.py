"""Signed notes (C2SP signed-note)."""

import re
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from enhancelog.evidence.encodings import parse_base64, write_base64
from enhancelog.evidence.errors import Unproven
from enhancelog.evidence.keys import ID_BYTES, SigningKey, VerifierKey, check_name

MAX_BYTES: Final = 1_000_000
MAX_SIGNATURES: Final = 100

_DASH: Final = "— "
_CONTROL: Final = re.compile("[\x00-\x09\x0b-\x1f]")


class Signature(NamedTuple):
    name: str
    key_id: bytes
    content: bytes


class Note(NamedTuple):
    """Means nothing before ``verify``."""

    text: str  # with its last newline
    signatures: tuple[Signature, ...]


class Signed(NamedTuple):
    key: VerifierKey
    time_s: int | None  # epoch seconds, by a witness


def parse(data: bytes) -> Note:
    """Raises ``Unproven``."""
    if len(data) > MAX_BYTES:
        raise Unproven(f"note: has {len(data):,} bytes, the limit is {MAX_BYTES:,}")
    try:
        whole = data.decode()
    except UnicodeDecodeError:
        raise Unproven("note: is not UTF-8") from None
    if _CONTROL.search(whole):
        raise Unproven("note: has control characters")
    text, separator, below = whole.rpartition("\n\n")
    if not separator or not below.endswith("\n"):
        raise Unproven("note: must be a text, an empty line, and lines with signatures, each with its newline")
    lines = below.removesuffix("\n").split("\n", MAX_SIGNATURES)
    if len(lines) > MAX_SIGNATURES:
        raise Unproven(f"note: has more than {MAX_SIGNATURES} signatures")
    return Note(f"{text}\n", tuple(_signature(line, number) for number, line in enumerate(lines)))


def write(note: Note) -> bytes:
    lines = (f"{_DASH}{name} {write_base64(key_id + content)}\n" for name, key_id, content in note.signatures)
    return f"{note.text}\n{''.join(lines)}".encode()


def sign(text: str, keys: Iterable[SigningKey]) -> bytes:
    """Raises ``Unproven`` if no note can have this text."""
    signatures = (Signature(key.verifier.name, key.verifier.id, key.sign(text)) for key in keys)
    note = write(Note(text, tuple(signatures)))
    if parse(note).text != text:
        raise Unproven("note: its text must end in a newline")
    return note


def verify(note: Note, keys: Sequence[VerifierKey]) -> list[Signed]:
    """Who of ``keys`` signed, one at least. Raises ``Unproven``, also for one wrong signature by these."""
    known = {(key.name, key.id): key for key in keys}
    found: dict[VerifierKey, Signed] = {}
    for name, key_id, content in note.signatures:
        if key := known.get((name, key_id)):
            found.setdefault(key, Signed(key, key.signed_time(note.text, content)))
    if not found:
        names = ", ".join(dict.fromkeys(f"{name}+{key_id.hex()}" for name, key_id, _ in note.signatures[:3]))
        raise Unproven(f"signature: there is none by the given keys, but by {names}")
    return list(found.values())


def with_cosignatures(data: bytes, answer: bytes, witnesses: Sequence[VerifierKey]) -> bytes:
    """The note with those lines of a witness' answer that are by ``witnesses``. Raises ``Unproven``."""
    note = parse(data)
    more = parse(f"{note.text}\n".encode() + answer)
    if more.text != note.text:
        raise Unproven("note: the witness answers with more than lines of signatures")
    by = {(signed.key.name, signed.key.id) for signed in verify(more, witnesses)}
    have = {(name, key_id) for name, key_id, _ in note.signatures}
    # One of each: with more, one witness could leave no room for the others'.
    added = {each[:2]: each for each in reversed(more.signatures) if each[:2] in by - have}
    return write(Note(note.text, (*note.signatures, *added.values())))


def _signature(line: str, number: int) -> Signature:
    field = f"signatures[{number}]"
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not space:
        raise Unproven(f'{field}: must be "— NAME SIGNATURE"')
    try:
        check_name(name)
    except Unproven as reason:
        raise Unproven(f"{field}.{reason}") from None
    data = parse_base64(encoded, field)
    if len(data) <= ID_BYTES:
        raise Unproven(f"{field}: has {len(data)} bytes, a signature has more than {ID_BYTES}")
    return Signature(name, data[:ID_BYTES], data[ID_BYTES:])
