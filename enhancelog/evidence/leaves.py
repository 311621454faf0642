"""The leaves of a log's tree, which hide their entries from everybody without the salt."""

import hashlib
import secrets
from typing import Final

from enhancelog.domain import envelopes
from enhancelog.domain.origin import Origin
from enhancelog.evidence import merkle

# The leaf at index i belongs to the entry at position i + 1:
#
#     leaf     = SHA-256(0x00 ‖ inner)                    RFC 6962, with the 32 bytes of ``inner`` as the leaf's data
#     inner    = SHA-256(salt ‖ record ‖ envelope)
#     salt     = 16 random bytes
#     record   = the entry's canonical JSON in UTF-8 (``records.encode``), of any length
#     envelope = the 32 bytes of the SHA-256 of domain/envelopes.py, with the SHA-256 of ``record`` as digest
#
# Only the record varies in length, and it stands between two parts of fixed length, so nothing can be read in two ways.
# The envelope binds position, time, author and channel. Whoever redacts an entry forgets its salt, its digest and this
# envelope, which follows from the digest and what everybody sees, so that either would confirm a guess.
SALT_BYTES: Final = 16


def new_salts(number: int) -> list[bytes]:
    drawn = secrets.token_bytes(SALT_BYTES * number)  # one call to the system instead of one each
    return [drawn[at : at + SALT_BYTES] for at in range(0, len(drawn), SALT_BYTES)]


def inner_hash(salt: bytes, record: bytes, envelope: str) -> bytes:
    """``envelope``: as stored, in hex."""
    if len(salt) != SALT_BYTES:
        raise ValueError(f"a salt has {SALT_BYTES} bytes, not {len(salt)}")
    return hashlib.sha256(salt + record + bytes.fromhex(envelope)).digest()


def inner_of_record(salt: bytes, record: bytes, position: int, recorded_ms: int, origin: Origin) -> bytes:
    """``recorded_ms``: epoch ms."""
    digest = hashlib.sha256(record).hexdigest()
    return inner_hash(salt, record, envelopes.of_entry(position, digest, recorded_ms, origin))


def leaf(inner: bytes) -> bytes:
    return merkle.leaf_hash(inner)
