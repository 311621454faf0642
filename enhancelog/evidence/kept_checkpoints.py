"""The checkpoint in whatever somebody kept: itself, a receipt, a growth file, or what says what a copy is."""

from typing import Final

import msgspec
from msgspec import Struct

from enhancelog.evidence import growth_files, proof_files
from enhancelog.evidence.errors import Unproven

MAX_BYTES: Final = proof_files.MAX_BYTES


class _Manifest(Struct):
    """The file beside a copy of the database, as far as it matters here."""

    checkpoint: str = ""


def note_in(data: bytes) -> bytes:
    """The signed note, which is not verified. Raises ``Unproven``."""
    if data.startswith(f"{proof_files.FIRST_LINE}\n".encode()):
        return proof_files.parse(data).checkpoint
    if data.startswith(b"old "):  # no origin, because it has a space
        return growth_files.parse(data).checkpoint
    if data.startswith(b"{") and (note := _of_manifest(data)):
        return note
    return data


def _of_manifest(data: bytes) -> bytes | None:
    try:
        found = msgspec.json.decode(data, type=_Manifest)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None  # a checkpoint of an origin that begins so
    if not found.checkpoint:
        raise Unproven("checkpoint: this JSON has none")
    return found.checkpoint.encode()
