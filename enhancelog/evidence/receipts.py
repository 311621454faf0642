"""Receipts: proof files that have what a leaf is made of."""

from collections.abc import Sequence
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Raw, Struct

from enhancelog.domain import records
from enhancelog.domain.errors import Invalid
from enhancelog.domain.origin import Origin
from enhancelog.domain.records import Entry
from enhancelog.evidence import checkpoints, leaves, proof_files, proofs
from enhancelog.evidence.checkpoints import Checkpoint
from enhancelog.evidence.errors import Unproven
from enhancelog.evidence.keys import VerifierKey
from enhancelog.evidence.leaves import SALT_BYTES
from enhancelog.evidence.merkle import HASH_BYTES
from enhancelog.evidence.proof_files import ProofFile
from enhancelog.evidence.signed_notes import Signed

LATEST_MS: Final = 253_402_300_799_999  # of the year 9999

HexSalt = Annotated[str, Meta(pattern="^[0-9a-f]*$", min_length=2 * SALT_BYTES, max_length=2 * SALT_BYTES)]
HexHash = Annotated[str, Meta(pattern="^[0-9a-f]*$", min_length=2 * HASH_BYTES, max_length=2 * HASH_BYTES)]
RecordedMs = Annotated[int, Meta(ge=0, le=LATEST_MS)]


# Both are JSON without white space, fields in this order, bytes in lowercase hex. The position follows from the index.
class Shown(Struct, frozen=True, forbid_unknown_fields=True, tag_field="leaf", tag="entry"):
    """All that the leaf commits to."""

    entry: Raw  # canonical
    salt: HexSalt
    recorded_ms: RecordedMs
    actor_kind: str
    actor_name: str
    source: str


class Hidden(Struct, frozen=True, forbid_unknown_fields=True, tag_field="leaf", tag="hidden"):
    """Without the salt: it was forgotten, or is kept back."""

    inner: HexHash


Leaf = Shown | Hidden
_decoder: Final = msgspec.json.Decoder(Leaf)


class Proven(Struct, frozen=True):
    checkpoint: Checkpoint
    index: int
    leaf: Leaf
    entry: Entry | None  # if the receipt shows it
    signed: list[Signed]


def shown(entry: Entry, salt: bytes, recorded_ms: int, origin: Origin) -> Shown:
    return Shown(Raw(records.encode(entry)), salt.hex(), recorded_ms, *origin)


def hidden(inner: bytes) -> Hidden:
    return Hidden(inner.hex())


def write(leaf: Leaf, index: int, hashes: list[bytes], checkpoint: bytes) -> bytes:
    """``hashes``: the proof for the size of ``checkpoint``, a signed note."""
    return proof_files.write(ProofFile(index, hashes, checkpoint, msgspec.json.encode(leaf)))


def verify(data: bytes, keys: Sequence[VerifierKey], witnesses: Sequence[VerifierKey] = ()) -> Proven:
    """Raises ``Unproven``. One of ``keys`` must have signed, and every witness."""
    proof = proof_files.parse(data)
    checkpoint, signed = checkpoints.open_signed(proof.checkpoint, keys, witnesses)
    leaf = _parse_leaf(proof.extra)
    entry = decoded(leaf.entry, "extra.entry") if isinstance(leaf, Shown) else None
    inner = _inner(leaf, proof.index)
    proofs.check_inclusion(leaves.leaf(inner), proof.index, checkpoint.size, checkpoint.root, proof.hashes)
    return Proven(checkpoint, proof.index, leaf, entry, signed)


def _parse_leaf(extra: bytes | None) -> Leaf:
    if extra is None:
        raise Unproven("extra: is missing; this is a proof, but not the receipt of an entry")
    try:
        leaf: Leaf = _decoder.decode(extra)
        is_canonical = msgspec.json.encode(leaf) == extra
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise Unproven(f"extra: is not what a receipt has there: {str(error) or 'it is nested too deeply'}") from None
    if not is_canonical:
        raise Unproven("extra: is not in the canonical form")
    return leaf


# What people are shown must be the only reading of what was hashed.
def decoded(raw: Raw, field: str) -> Entry:
    """Raises ``Unproven``."""
    record = bytes(raw)
    try:
        entry = records.decode(record, max_bytes=len(record))
    except Invalid as reason:
        raise Unproven(f"{field}: is not an entry: {reason}") from None
    if records.encode(entry) != record:
        raise Unproven(f"{field}: is not in the canonical form")
    return entry


def _inner(leaf: Leaf, index: int) -> bytes:
    if isinstance(leaf, Hidden):
        return bytes.fromhex(leaf.inner)
    origin = Origin(leaf.actor_kind, leaf.actor_name, leaf.source)
    return leaves.inner_of_record(bytes.fromhex(leaf.salt), bytes(leaf.entry), index + 1, leaf.recorded_ms, origin)
