"""Proves that a leaf is in a tree, and that a tree only grew."""

from collections.abc import Sequence
from typing import Final

from enhancelog.evidence.errors import Unproven
from enhancelog.evidence.merkle import EMPTY_ROOT, MAX_SIZE, Reader, cover, fold, node_hash, split

MOST_HASHES: Final = 64  # of a proof; a consistency proof has one more than its tree has levels

Leaves = tuple[int, int]  # from, and to without it


def inclusion(index: int, size: int, read: Reader) -> list[bytes]:
    """From the leaf's sibling up. Raises ``Unproven``: no such leaf."""
    _check_index(index, size)
    return _hashes(_beside_leaf(index, size), read)


def consistency(old: int, new: int, read: Reader) -> list[bytes]:
    """Raises ``Unproven`` if ``new`` is smaller."""
    _check_sizes(old, new)
    return _hashes(_beside_tree(old, new), read) if old else []


def check_inclusion(leaf: bytes, index: int, size: int, root: bytes, proof: Sequence[bytes]) -> None:
    """Raises ``Unproven``."""
    _check_index(index, size)
    _check_length(proof, len(_beside_leaf(index, size)))
    # RFC 9162, section 2.1.3.2
    at, last, result = index, size - 1, leaf
    for each in proof:
        if at & 1 or at == last:
            result = node_hash(each, result)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            result = node_hash(result, each)
        at, last = at >> 1, last >> 1
    if result != root:
        raise Unproven(f"proof: leads from the entry at index {index:,} to another root than the checkpoint's")


def check_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Raises ``Unproven``."""
    _check_sizes(old, new)
    if old in (0, new):
        _check_length(proof, 0)
        if old_root != (new_root if old else EMPTY_ROOT):
            raise Unproven(f"root: two trees of {old:,} entries have different roots")
        if not new and new_root != EMPTY_ROOT:
            raise Unproven("root: is not that of the empty tree")
        return
    _check_length(proof, len(_beside_tree(old, new)))
    if _roots(old, new, old_root, proof) != (old_root, new_root):
        raise Unproven(f"proof: does not lead from the tree of {old:,} entries to that of {new:,}")


def _roots(old: int, new: int, old_root: bytes, proof: Sequence[bytes]) -> tuple[bytes, bytes]:
    # RFC 9162, section 2.1.4.2
    first, *rest = [old_root, *proof] if old & (old - 1) == 0 else proof
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    found_old = found_new = first
    for each in rest:
        if at & 1 or at == last:
            found_old, found_new = node_hash(each, found_old), node_hash(each, found_new)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            found_new = node_hash(found_new, each)
        at, last = at >> 1, last >> 1
    return found_old, found_new


def _check_index(index: int, size: int) -> None:
    if not 0 <= index < size <= MAX_SIZE:
        raise Unproven(f"index: is {index:,}, but the tree has {size:,} entries")


def _check_sizes(old: int, new: int) -> None:
    if not 0 <= old <= new <= MAX_SIZE:
        raise Unproven(f"size: a tree of {old:,} entries cannot have grown to {new:,}")


def _check_length(proof: Sequence[bytes], expected: int) -> None:
    if len(proof) != expected:
        raise Unproven(f"proof: has {len(proof):,} hashes, not {expected}")


def _beside_leaf(index: int, size: int) -> list[Leaves]:
    # PATH of the RFC: whose hashes are needed, from the leaf up.
    begin, end, found = 0, size, []
    while end - begin > 1:
        middle = begin + split(end - begin)
        if index < middle:
            found.append((middle, end))
            end = middle
        else:
            found.append((begin, middle))
            begin = middle
    return found[::-1]


def _beside_tree(old: int, new: int) -> list[Leaves]:
    # SUBPROOF of the RFC, likewise.
    begin, end, found = 0, new, []
    while old != end:
        middle = begin + split(end - begin)
        if old <= middle:
            found.append((middle, end))
            end = middle
        else:
            found.append((begin, middle))
            begin = middle
    # Who verifies knows the whole old tree, but not its right part alone.
    return [*([(begin, end)] if begin else []), *found[::-1]]


def _hashes(subtrees: Sequence[Leaves], read: Reader) -> list[bytes]:
    nodes = [list(cover(*leaves)) for leaves in subtrees]
    hashes = iter(read([node for each in nodes for node in each]))
    return [fold([next(hashes) for _ in each]) for each in nodes]
