"""Checkpoint, proofs and tiles of the tree over the log."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from msgspec import UNSET, Raw
from msgspec.structs import replace

from enhancelog.domain.errors import DamagedEvidence, Invalid
from enhancelog.domain.origin import Origin
from enhancelog.evidence import exports, growth_files, leaves, merkle, proofs, receipts, tiles
from enhancelog.evidence.checkpoints import Checkpoint
from enhancelog.evidence.errors import Unproven
from enhancelog.evidence.exports import Line
from enhancelog.evidence.growth_files import GrowthFile
from enhancelog.evidence.merkle import Frontier, Reader
from enhancelog.evidence.receipts import Leaf
from enhancelog.evidence.tiles import ENTRIES, WIDTH, Tile
from enhancelog.models import Checkpoint as CheckpointModel
from enhancelog.models import Entry as EntryModel
from enhancelog.queries.entries import Listed
from enhancelog.store import evidence, rows, witnesses
from enhancelog.store.evidence import Stored

_RECEIPT_COLUMNS: Final = (*rows.LEAF_COLUMNS, "recorded_ms", "actor_kind", "actor_name", "source")


class Receipt(NamedTuple):
    content: bytes
    is_hidden: bool  # the entry was redacted


def checkpoint() -> Stored | None:
    """The newest, with cosignatures if it has some. ``None``: nothing was signed yet."""
    found = evidence.stored()
    return found and witnesses.best(found)


def cosigned_checkpoint() -> Stored | None:
    """The newest that a witness cosigned."""
    found = evidence.stored()
    return found and witnesses.cosigned(found)


def signed_up_to() -> int:
    """The last position that a checkpoint has; 0 if none was signed yet."""
    return CheckpointModel.objects.filter(pk=evidence.ROW).values_list("size", flat=True).first() or 0


def receipt(listed: Listed) -> Receipt | None:
    """With a cosigned checkpoint if one has the entry. ``None``: no checkpoint has it yet. Raises ``Other``."""
    found = evidence.stored()
    if found is None or listed.position > found.checkpoint.size:
        return None
    cosigned = witnesses.cosigned(found)
    if cosigned and listed.position <= cosigned.checkpoint.size:
        found = cosigned
    (leaf, inner), index = _leaf(listed), listed.position - 1
    _, size, root, _ = found.checkpoint
    try:
        hashes = proofs.inclusion(index, size, _reader(found))
        # One that does not verify would be taken for a forgery, when a row or a tile was damaged.
        proofs.check_inclusion(leaves.leaf(inner), index, size, root, hashes)
    except Unproven as error:
        raise _damaged(error) from None
    return Receipt(receipts.write(leaf, index, hashes, found.note), isinstance(leaf, receipts.Hidden))


def growth(first: int, second: int | None) -> bytes | None:
    """A growth file from size ``first`` on, which ends with the checkpoint if ``second`` is its size or ``None``.
    ``None``: nothing was signed yet. Raises ``Invalid`` or ``Other``.
    """
    found = checkpoint()
    if found is None:
        return None
    size = found.checkpoint.size
    for name, value in (("first", first), ("second", second)):
        if value is not None and value > size:
            raise Invalid(name, "checkpoint", f"is {value:,}, but must be at most {size:,}, the size of the checkpoint")
    end = size if second is None else second
    if first > end:
        raise Invalid("first", "checkpoint", f"is {first:,}, but must be at most {end:,}, which is second")
    return _growth(found, first, end)


def growth_to(found: Stored, first: int) -> bytes:
    """Raises ``Other``."""
    return _growth(found, first, found.checkpoint.size)


def _growth(found: Stored, first: int, end: int) -> bytes:
    _, size, root, _ = found.checkpoint
    read = _reader(found)
    try:
        hashes = proofs.consistency(first, end, read)
        # One that does not verify would be taken for a fork, when a tile was damaged.
        if end == size:
            proofs.check_consistency(first, size, merkle.root(first, read), root, hashes)
    except Unproven as error:
        raise _damaged(error) from None
    return growth_files.write(GrowthFile(first, hashes, found.note if end == size else b""))


def tile(path: str) -> bytes | None:
    """``None``: the checkpoint has no such tile. Raises ``Other``."""
    found = evidence.stored()
    try:
        wanted = tiles.parse_path(path)
    except Unproven:
        return None
    if found is None or not wanted.is_of(found.checkpoint.size):
        return None
    try:
        (hashes,) = evidence.read_tiles([replace(wanted, level=max(wanted.level, 0))])
    except Unproven as error:
        raise _damaged(error) from None
    return _bundle(wanted, hashes) if wanted.level == ENTRIES else hashes


def _bundle(wanted: Tile, hashes: bytes) -> bytes:
    first = wanted.index * WIDTH
    inners = list(evidence.inner_hashes(first, first + wanted.width, WIDTH))
    # One that does not fit the tree would be taken for a forgery, when a row was damaged.
    if b"".join(map(leaves.leaf, inners)) != hashes:
        raise _damaged(Unproven(f"{wanted.path}: the entries are not those of the tree"))
    return tiles.entry_bundle(inners)


def lines(signed: Checkpoint) -> Iterator[bytes]:
    """Of an export of this tree's entries. Raises ``DamagedEvidence`` before its end if they do not have its root."""
    columns = (*_RECEIPT_COLUMNS, "redacted")
    tree = Frontier()
    for row in evidence.rows_of(columns, 0, signed.size):
        line, inner = _line(row)
        tree.append(leaves.leaf(inner))
        yield exports.encode(line) + b"\n"
    if tree.root() != signed.root:
        raise DamagedEvidence(f"the log is not the one whose {signed.size:,} entries were signed; run verify_log")


def _line(row: Sequence[Any]) -> tuple[Line, bytes]:
    of_leaf, (recorded_ms, *origin, redacted) = row[: len(rows.LEAF_COLUMNS)], row[len(rows.LEAF_COLUMNS) :]
    *_, envelope, salt = of_leaf
    try:
        inner, entry = evidence.inner_hash(of_leaf), Raw(rows.record_of(of_leaf))
        shown = UNSET if salt is None else salt
        tombstones = UNSET if salt is not None else Raw((redacted or "[]").encode())
        line = Line(row[0], entry, recorded_ms, *Origin(*origin), envelope, inner.hex(), shown, tombstones)
        return line, inner
    except (ValueError, TypeError, AttributeError) as error:
        raise DamagedEvidence(f"the entry at position {row[0]} is damaged: {error}; run verify_log") from None


def _reader(found: Stored) -> Reader:
    return tiles.reader(found.checkpoint.size, evidence.read_tiles)


def _leaf(listed: Listed) -> tuple[Leaf, bytes]:
    # With its inner hash
    (row,) = EntryModel.objects.filter(position=listed.position).values_list(*_RECEIPT_COLUMNS)
    of_leaf, (recorded_ms, *origin) = row[: len(rows.LEAF_COLUMNS)], row[len(rows.LEAF_COLUMNS) :]
    inner, salt = evidence.inner_hash(of_leaf), of_leaf[-1]
    if salt is None:
        return receipts.hidden(inner), inner
    return receipts.Shown(Raw(rows.record_of(of_leaf)), salt, recorded_ms, *origin), inner


def _damaged(error: Unproven) -> DamagedEvidence:
    return DamagedEvidence(f"the tree does not fit its checkpoint: {error}; run verify_log")
