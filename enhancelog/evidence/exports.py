"""The whole log with all that its leaves are made of: one JSON object a line, in the order of positions."""

# With a checkpoint it tells whether the log is what was signed, without the server. A line is JSON without white space,
# its members in this order, bytes in lowercase hex. A redacted entry has no salt but ``redacted``: its leaf comes from
# ``inner`` alone, so what is left of it is shown but not proven.

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from enhancelog.domain import envelopes
from enhancelog.domain.origin import Origin
from enhancelog.evidence import leaves, receipts
from enhancelog.evidence.checkpoints import Checkpoint
from enhancelog.evidence.errors import Unproven
from enhancelog.evidence.merkle import Frontier
from enhancelog.evidence.receipts import HexHash, HexSalt, RecordedMs

FIRST_BYTES: Final = b'{"position":'
ENDING: Final = ".checkpoint"  # of the file beside it, after its whole name
LONGEST_LINE: Final = 64 << 20


class Line(Struct, frozen=True, forbid_unknown_fields=True):
    position: int
    entry: Raw  # canonical
    recorded_ms: RecordedMs
    actor_kind: str
    actor_name: str
    source: str
    envelope: HexHash
    inner: HexHash
    salt: HexSalt | UnsetType = UNSET
    redacted: Raw | UnsetType = UNSET  # tombstones


class Proven(Struct, frozen=True):
    shown: int
    redacted: int


_decode: Final = msgspec.json.Decoder(Line).decode
encode: Final = msgspec.json.Encoder().encode


def verify(lines: Iterable[bytes], signed: Sequence[Checkpoint]) -> Proven:
    """``lines``: each with its newline. ``signed``: checkpoints of one log; the export must have as many entries as the
    largest. Raises ``Unproven`` unless the export is what all of them say.
    """
    roots = {(each.size, each.root) for each in signed}
    size = max(each.size for each in signed)
    tree, shown = Frontier(), 0
    check = _checker(roots, tree)
    check()
    for number, line in enumerate(lines, 1):
        if number > size:
            raise Unproven(f"line {number:,}: the checkpoint has {size:,} entries; name the one beside this export")
        inner, is_shown = _read(line, number)
        tree.append(leaves.leaf(inner))
        shown += is_shown
        check()
    if tree.size < size:
        raise Unproven(f"export: ends after {tree.size:,} of the {size:,} entries of the checkpoint")
    return Proven(shown, size - shown)


def _checker(roots: set[tuple[int, bytes]], tree: Frontier) -> Callable[[], None]:
    sizes = {size for size, _ in roots}

    def check() -> None:
        if tree.size in sizes and {root for size, root in roots if size == tree.size} != {tree.root()}:
            raise Unproven(
                f"root: the first {tree.size:,} entries have another root than the checkpoint: entries were changed, "
                "removed or put in between"
            )

    return check


def _read(data: bytes, number: int) -> tuple[bytes, bool]:
    """The inner hash, and whether the line shows all that it is made of."""
    if not data.endswith(b"\n"):
        what = "is longer than any entry" if len(data) >= LONGEST_LINE else "is cut short, it has no newline"
        raise Unproven(f"line {number:,}: {what}")
    line = _decoded(data[:-1], number)
    if line.position != number:
        raise Unproven(
            f"line {number:,}: position is {line.position:,}, not {number:,}: a line is missing, doubled or moved"
        )
    try:
        return _inner(line), line.salt is not UNSET
    except Unproven as reason:
        raise Unproven(f"line {number:,}: {reason}") from None


def _decoded(data: bytes, number: int) -> Line:
    try:
        line = _decode(data)
        is_canonical = encode(line) == data
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise Unproven(f"line {number:,}: is no entry of an export: {str(error) or 'nested too deeply'}") from None
    if not is_canonical:
        raise Unproven(f"line {number:,}: is not in the canonical form")
    return line


def _inner(line: Line) -> bytes:
    origin = Origin(line.actor_kind, line.actor_name, line.source)
    receipts.decoded(line.entry, "entry")
    record = bytes(line.entry)
    if isinstance(line.salt, UnsetType):
        if isinstance(line.redacted, UnsetType):
            raise Unproven("salt: is missing, although the entry is not redacted")
        digest = line.inner
    else:
        if not isinstance(line.redacted, UnsetType):
            raise Unproven("salt: is there, although the entry is redacted")
        digest = hashlib.sha256(record).hexdigest()
    if envelopes.of_entry(line.position, digest, line.recorded_ms, origin) != line.envelope:
        raise Unproven("envelope: does not follow from the entry, its position, time and author")
    if isinstance(line.salt, UnsetType):
        return bytes.fromhex(line.inner)
    inner = leaves.inner_hash(bytes.fromhex(line.salt), record, line.envelope)
    if inner.hex() != line.inner:
        raise Unproven("inner: does not follow from salt, entry and envelope")
    return inner
