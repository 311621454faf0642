"""Proofs as text (C2SP tlog-proof)."""

from typing import Final

from msgspec import Struct

from enhancelog.evidence.encodings import parse_base64, parse_hashes, parse_number, write_base64, write_hashes
from enhancelog.evidence.errors import Unproven
from enhancelog.evidence.proofs import MOST_HASHES

FIRST_LINE: Final = "c2sp.org/tlog-proof@v1"
ENDING: Final = ".tlog-proof"
MAX_BYTES: Final = 64 << 20


class ProofFile(Struct, frozen=True):
    index: int
    hashes: list[bytes]  # from the leaf's sibling up
    checkpoint: bytes  # a signed note
    extra: bytes | None = None  # nobody vouches for it


def write(proof: ProofFile) -> bytes:
    extra = "" if proof.extra is None else f"extra {write_base64(proof.extra)}\n"
    head = f"{FIRST_LINE}\n{extra}index {proof.index}\n{write_hashes(proof.hashes)}\n"
    return head.encode() + proof.checkpoint


def parse(data: bytes) -> ProofFile:
    """Raises ``Unproven``. Does not look at the checkpoint."""
    if len(data) > MAX_BYTES:
        raise Unproven(f"proof: has {len(data):,} bytes, the limit is {MAX_BYTES:,}")
    if not data.startswith(f"{FIRST_LINE}\n".encode()):
        raise Unproven(f'proof: its first line must be "{FIRST_LINE}"')
    head, separator, checkpoint = data.partition(b"\n\n")
    if not separator or not head.isascii():
        raise Unproven("proof: must be lines of ASCII, an empty line, and the checkpoint")
    lines = head.decode().split("\n", MOST_HASHES + 3)[1:]
    extra = parse_base64(lines.pop(0)[6:], "extra") if lines and lines[0].startswith("extra ") else None
    if not lines or not lines[0].startswith("index "):
        raise Unproven("proof: has no line with its index")
    index = parse_number(lines.pop(0)[6:], "index")
    return ProofFile(index, parse_hashes(lines, "proof", MOST_HASHES), checkpoint, extra)
