"""Checkpoints (C2SP tlog-checkpoint): what a log says about its tree, signed."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from enhancelog.evidence import proofs, signed_notes
from enhancelog.evidence.encodings import parse_hash, parse_number, quoted, write_base64
from enhancelog.evidence.errors import Unproven
from enhancelog.evidence.keys import SigningKey, VerifierKey
from enhancelog.evidence.merkle import EMPTY_ROOT
from enhancelog.evidence.signed_notes import Signed

MAX_EXTENSIONS: Final = 100


class Checkpoint(NamedTuple):
    origin: str  # which log this is
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        lines = (self.origin, str(self.size), write_base64(self.root), *self.extensions)
        return "".join(f"{line}\n" for line in lines)


class Opened(NamedTuple):
    checkpoint: Checkpoint
    signed: list[Signed]


def parse_text(text: str) -> Checkpoint:
    """Raises ``Unproven``."""
    lines = text.split("\n", MAX_EXTENSIONS + 3)
    if len(lines) > MAX_EXTENSIONS + 3 and lines[-1]:
        raise Unproven(f"checkpoint: has more than {MAX_EXTENSIONS} extension lines")
    if lines.pop() or len(lines) < 3 or not all(lines):
        raise Unproven("checkpoint: must have lines for origin, size and root, and no empty one")
    origin, size, root, *extensions = lines
    checkpoint = Checkpoint(origin, parse_number(size, "size"), parse_hash(root, "root"), tuple(extensions))
    if not checkpoint.size and checkpoint.root != EMPTY_ROOT:
        raise Unproven("root: is not that of the empty tree")
    return checkpoint


def sign(checkpoint: Checkpoint, keys: Iterable[SigningKey]) -> bytes:
    """Raises ``Unproven`` if it could not be read again."""
    if parse_text(checkpoint.text) != checkpoint:
        raise Unproven("checkpoint: origin and extensions must be one line each")
    return signed_notes.sign(checkpoint.text, keys)


def open_signed(data: bytes, keys: Sequence[VerifierKey], witnesses: Sequence[VerifierKey] = ()) -> Opened:
    """Raises ``Unproven`` unless one of ``keys`` signed it, which has the name of its origin, and every witness."""
    note = signed_notes.parse(data)
    signed = signed_notes.verify(note, [*keys, *witnesses])
    checkpoint = parse_text(note.text)
    names = {each.key.name for each in signed if not each.key.is_witness}
    if not names:
        raise Unproven("signature: there is none by a key of the log, but only by witnesses")
    if checkpoint.origin not in names:
        raise Unproven(f"origin: is {quoted(checkpoint.origin)}, but {quoted(min(names))} signed it")
    by = {each.key for each in signed}
    for witness in witnesses:
        if witness not in by:
            raise Unproven(f"signature: there is none by the witness {quoted(witness.name)}")
    return Opened(checkpoint, signed)


def check_growth(old: Checkpoint, new: Checkpoint, proof: Sequence[bytes]) -> None:
    """Raises ``Unproven`` unless the log of ``old`` grew into ``new``."""
    # Otherwise it was forked, cut or rewritten, or an older checkpoint is shown as the newest one.
    if new.origin != old.origin:
        raise Unproven(f"origin: is {quoted(new.origin)}, not {quoted(old.origin)}")
    if new.size < old.size:
        raise Unproven(f"size: {new.size:,} entries are fewer than the {old.size:,} of an earlier checkpoint")
    proofs.check_consistency(old.size, new.size, old.root, new.root, proof)
