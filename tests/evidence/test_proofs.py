"""Roots and proofs equal the RFC's definitions, and only they are accepted."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymerkle import InmemoryTree

from enhancelog.evidence import merkle, proofs
from enhancelog.evidence.errors import Unproven
from enhancelog.evidence.merkle import EMPTY_ROOT, Frontier, leaf_hash
from tests.evidence.trees import (
    VECTOR_CONSISTENCY,
    VECTOR_INCLUSION,
    VECTOR_LEAVES,
    VECTOR_ROOTS,
    Tree,
    tree_of,
)

EVERY_TREE = 130  # leaves
TREE = tree_of(700)
OTHER = tree_of(700, "other ")
VECTORS = Tree(VECTOR_LEAVES)
sizes = st.integers(1, 700)


def root(size: int, tree: Tree = TREE) -> bytes:
    return tree.root(0, size)


def is_included(index: int, size: int, proof: list[bytes], *, leaf: bytes | None = None, of: bytes = b"") -> bool:
    leaf = leaf_hash(TREE.data[index]) if leaf is None else leaf
    try:
        proofs.check_inclusion(leaf, index, size, of or root(size), proof)
    except Unproven:
        return False
    return True


def is_consistent(old: int, new: int, proof: list[bytes], *, old_root: bytes = b"", new_root: bytes = b"") -> bool:
    try:
        proofs.check_consistency(old, new, old_root or root(old), new_root or root(new), proof)
    except Unproven:
        return False
    return True


def test_the_reference_implementations_roots() -> None:
    frontier = Frontier()
    for number, data in enumerate(VECTOR_LEAVES):
        assert frontier.root().hex() == VECTOR_ROOTS[number] == VECTORS.root(0, number).hex()
        frontier.append(leaf_hash(data))
    assert frontier.root().hex() == VECTOR_ROOTS[8] == merkle.root(8, VECTORS.read).hex()


def test_the_roots_of_pymerkle() -> None:
    # Another implementation; its proofs have another form.
    theirs, ours = InmemoryTree(algorithm="sha256"), Frontier()
    for number, data in enumerate(TREE.data):
        assert theirs.get_root() == ours.root() == merkle.root(number, TREE.read)
        theirs.append_entry(data)
        ours.append(leaf_hash(data))
    assert theirs.get_root() == ours.root()


@pytest.mark.parametrize(("index", "size"), VECTOR_INCLUSION)
def test_the_reference_implementations_inclusion_proofs(index: int, size: int) -> None:
    proof = proofs.inclusion(index, size, VECTORS.read)
    assert [each.hex() for each in proof] == VECTOR_INCLUSION[index, size]
    proofs.check_inclusion(leaf_hash(VECTOR_LEAVES[index]), index, size, bytes.fromhex(VECTOR_ROOTS[size]), proof)


@pytest.mark.parametrize(("old", "new"), VECTOR_CONSISTENCY)
def test_the_reference_implementations_consistency_proofs(old: int, new: int) -> None:
    proof = proofs.consistency(old, new, VECTORS.read)
    assert [each.hex() for each in proof] == VECTOR_CONSISTENCY[old, new]
    proofs.check_consistency(old, new, bytes.fromhex(VECTOR_ROOTS[old]), bytes.fromhex(VECTOR_ROOTS[new]), proof)


@pytest.mark.slow
def test_every_proof_of_every_small_tree() -> None:
    frontier = Frontier()
    for size in range(1, EVERY_TREE):
        frontier.append(leaf_hash(TREE.data[size - 1]))
        assert frontier.root() == root(size) == merkle.root(size, TREE.read)
        for index in range(size):
            proof = proofs.inclusion(index, size, TREE.read)
            assert proof == TREE.path(index, 0, size)
            assert is_included(index, size, proof)
        for old in range(1, size + 1):
            proof = proofs.consistency(old, size, TREE.read)
            assert proof == TREE.proof(old, size)
            assert is_consistent(old, size, proof)


@given(sizes, st.data())
def test_proofs_of_larger_trees(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof = proofs.inclusion(index, size, TREE.read)
    assert proof == TREE.path(index, 0, size)
    assert is_included(index, size, proof)
    assert len(proof) <= size.bit_length()
    old = data.draw(st.integers(1, size))
    proof = proofs.consistency(old, size, TREE.read)
    assert proof == TREE.proof(old, size)
    assert is_consistent(old, size, proof)


@given(sizes, st.data())
def test_a_stream_can_go_on_from_its_cover(size: int, data: st.DataObject) -> None:
    begin = data.draw(st.integers(0, size))
    frontier = Frontier(begin, TREE.read(list(merkle.cover(0, begin))))
    for leaf in TREE.data[begin:size]:
        frontier.append(leaf_hash(leaf))
    assert (frontier.size, frontier.root()) == (size, root(size))


def test_only_the_leaf_the_index_and_the_tree_of_an_inclusion_proof_are_proven() -> None:
    chance = random.Random(1)
    accepted = 0
    for _ in range(1_000):
        size = chance.randrange(2, 700)
        index = chance.randrange(size)
        accepted += is_included(**inclusion_with_a_fault(chance, index, size))
    assert accepted == 0


def inclusion_with_a_fault(chance: random.Random, index: int, size: int) -> dict[str, Any]:
    proof = proofs.inclusion(index, size, TREE.read)
    leaf = leaf_hash(TREE.data[index])
    at = chance.randrange(len(proof))
    other = (index + chance.randrange(1, size)) % size
    right = {"index": index, "size": size, "proof": proof, "leaf": leaf, "of": root(size)}
    return right | chance.choice(
        [
            {"index": other},
            {"index": -1 - index},
            {"index": index + size},
            {"index": size},
            {"size": 0},
            {"size": 2**64 + size},
            {"size": index},
            {"of": root(size, OTHER)},
            {"of": root(size - 1)},
            {"leaf": leaf_hash(TREE.data[other])},
            {"leaf": root(size)},
            {"leaf": flipped(chance, leaf)},
            {"proof": proof[:-1]},
            {"proof": proof[1:]},
            {"proof": []},
            {"proof": [*proof, root(size)]},
            {"proof": [*proof[:at], flipped(chance, proof[at]), *proof[at + 1 :]]},
            {"proof": [*proof[:at], b"", *proof[at + 1 :]]},
            {"proof": [*proof[:at], OTHER.path(index, 0, size)[at], *proof[at + 1 :]]},
            {"proof": [proof[0]] * 100_000},
            {"proof": proof[::-1]} if len(proof) > 1 else {"proof": []},
        ]
    )


def test_only_growth_is_proven_by_a_consistency_proof() -> None:
    chance = random.Random(2)
    accepted = 0
    for _ in range(1_000):
        new = chance.randrange(3, 700)
        old = chance.randrange(1, new)
        accepted += is_consistent(**consistency_with_a_fault(chance, old, new))
    assert accepted == 0


def consistency_with_a_fault(chance: random.Random, old: int, new: int) -> dict[str, Any]:
    proof = proofs.consistency(old, new, TREE.read)
    at = chance.randrange(len(proof))
    right = {"old": old, "new": new, "proof": proof, "old_root": root(old), "new_root": root(new)}
    return right | chance.choice(
        [
            {"old_root": root(old, OTHER)},
            {"new_root": root(new, OTHER)},
            {"old_root": root(old, OTHER), "proof": OTHER.proof(old, new)},
            {"new_root": root(new, OTHER), "proof": OTHER.proof(old, new)},
            {"old": new, "new": old, "old_root": root(new), "new_root": root(old)},
            {"old": 0},
            {"old": 0, "proof": []},
            {"old": 0, "proof": [], "old_root": flipped(chance, EMPTY_ROOT)},
            {"old": new, "proof": []},
            {"old": -old},
            {"new": 2**64 + new},
            {"proof": []},
            {"proof": proof[1:]},
            {"proof": [*proof, root(new)]},
            {"proof": [*proof[:at], flipped(chance, proof[at]), *proof[at + 1 :]]},
            {"proof": [proof[0]] * 100_000},
        ]
    )


def flipped(chance: random.Random, data: bytes) -> bytes:
    at = chance.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]


def test_the_empty_tree_grows_to_any_other() -> None:
    assert proofs.consistency(0, 9, TREE.read) == []
    assert is_consistent(0, 9, [])
    assert is_consistent(0, 0, [])
    assert not is_consistent(0, 0, [], new_root=root(1))
    assert not is_consistent(0, 0, [], old_root=root(1), new_root=root(1))


@pytest.mark.parametrize(("index", "size"), [(5, 5), (0, 0), (-1, 5), (0, 2**63)])
def test_there_is_no_proof_for_what_is_not_there(index: int, size: int) -> None:
    with pytest.raises(Unproven, match="index: is"):
        proofs.inclusion(index, size, TREE.read)


@pytest.mark.parametrize(("old", "new"), [(6, 5), (-1, 5), (0, 2**63), (0, -1)])
def test_there_is_no_proof_that_a_tree_shrank(old: int, new: int) -> None:
    with pytest.raises(Unproven, match="cannot have grown"):
        proofs.consistency(old, new, TREE.read)


def test_trees_as_large_as_they_may_be() -> None:
    size = 2**63 - 1
    with pytest.raises(Unproven, match="another root"):
        proofs.check_inclusion(bytes(32), 0, size, bytes(32), [bytes(32)] * 63)
    with pytest.raises(Unproven, match="proof: has 64 hashes, not 63"):
        proofs.check_inclusion(bytes(32), 0, size, bytes(32), [bytes(32)] * 64)
    with pytest.raises(Unproven, match="does not lead"):
        proofs.check_consistency(2**62 + 1, size, bytes(32), bytes(32), [bytes(32)] * 64)
