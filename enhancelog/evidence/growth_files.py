"""A checkpoint with the proof that its log grew since an older one."""

# The body of a request to a witness (C2SP tlog-witness, add-checkpoint): whoever remembers a checkpoint is one.

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from enhancelog.evidence import checkpoints
from enhancelog.evidence.checkpoints import Checkpoint, Opened
from enhancelog.evidence.encodings import parse_hashes, parse_number, write_hashes
from enhancelog.evidence.errors import Unproven
from enhancelog.evidence.keys import VerifierKey
from enhancelog.evidence.proofs import MOST_HASHES
from enhancelog.evidence.signed_notes import MAX_BYTES as MAX_NOTE_BYTES

MAX_BYTES: Final = MAX_NOTE_BYTES + 64 * (MOST_HASHES + 1)


class GrowthFile(Struct, frozen=True):
    old: int  # the size that the log had
    hashes: list[bytes]
    checkpoint: bytes  # a signed note


def write(growth: GrowthFile) -> bytes:
    return f"old {growth.old}\n{write_hashes(growth.hashes)}\n".encode() + growth.checkpoint


def parse(data: bytes) -> GrowthFile:
    """Raises ``Unproven``. Does not look at the checkpoint."""
    if len(data) > MAX_BYTES:
        raise Unproven(f"proof: has {len(data):,} bytes, the limit is {MAX_BYTES:,}")
    head, separator, checkpoint = data.partition(b"\n\n")
    if not separator or not head.isascii() or not head.startswith(b"old "):
        raise Unproven('proof: must be a line "old SIZE", lines of ASCII, an empty line, and the checkpoint')
    size, *lines = head.decode().removeprefix("old ").split("\n", MOST_HASHES + 1)
    return GrowthFile(parse_number(size, "old"), parse_hashes(lines, "proof", MOST_HASHES), checkpoint)


def verify(remembered: Checkpoint, data: bytes, keys: Sequence[VerifierKey]) -> Opened:
    """The newer checkpoint. Raises ``Unproven``, also if the log did not grow from what is ``remembered``."""
    growth = parse(data)
    opened = checkpoints.open_signed(growth.checkpoint, keys)
    if growth.old != remembered.size:
        raise Unproven(f"old: is {growth.old:,}, but the size that is remembered is {remembered.size:,}")
    checkpoints.check_growth(remembered, opened.checkpoint, growth.hashes)
    return opened
