"""Tiles are those of the specification, and enough for every proof."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enhancelog.evidence import merkle, proofs, tiles
from enhancelog.evidence.errors import Unproven
from enhancelog.evidence.merkle import HASH_BYTES, Node, leaf_hash
from enhancelog.evidence.tile_building import TileBuilder
from enhancelog.evidence.tiles import ENTRIES, WIDTH, Tile, parse_path, partial_tiles
from tests.evidence.trees import Tree, tree_of

LARGEST = 66_700  # more than 256 full tiles
TREE = tree_of(LARGEST)
LEAVES = [leaf_hash(data) for data in TREE.data]
sizes = st.integers(1, 700) | st.sampled_from([255, 256, 257, 65_535, 65_536, 65_537, 66_560, LARGEST])


def content(tile: Tile, tree: Tree = TREE) -> bytes:
    """By the definition of tlog-tiles: MTH(D[(n * 256 + i) * 256**l : (n * 256 + i + 1) * 256**l])"""
    span = WIDTH**tile.level
    begin = tile.index * WIDTH
    return b"".join(tree.root(at * span, (at + 1) * span) for at in range(begin, begin + tile.width))


def read(wanted: Sequence[Tile]) -> list[bytes]:
    return [content(tile) for tile in wanted]


@pytest.fixture(scope="module")
def table() -> dict[tuple[int, int], bytes]:
    """Of a server: tiles by level and index, as they grew in batches."""
    stored: dict[tuple[int, int], bytes] = {}
    builder = TileBuilder()
    for begin in range(0, LARGEST, 9_973):
        builder.extend([])
        for tile, data in builder.extend(LEAVES[begin : begin + 9_973]):
            stored[tile.level, tile.index] = data
    return stored


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0), "tile/0/000"),
        (Tile(0, 1_234_067), "tile/0/x001/x234/067"),
        (Tile(1, 4, 17), "tile/1/004.p/17"),
        (Tile(63, 999, 1), "tile/63/999.p/1"),
        (Tile(0, 1000, 255), "tile/0/x001/000.p/255"),
        (Tile(ENTRIES, 1_234_067, 8), "tile/entries/x001/x234/067.p/8"),
    ],
)
def test_paths(tile: Tile, path: str) -> None:
    assert tile.path == path
    assert parse_path(path) == tile


@pytest.mark.parametrize(
    "path",
    [
        *("", "tile", "/tile/0/000", "tile/0/000/", "tile/00/000", "tile/64/000", "tile/-1/000", "tile/data/000"),
        *("tile/0/0", "tile/0/0000", "tile/0/x000/001", "tile/0/001/002", "tile/0/x001", "tile/0/000.p", "tile/0/٠٠٠"),
        *("tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/012", "tile/0/000.p/1/", "tile/0/000\n", "tile/0/../000"),
        f"tile/0/{'x999/' * 100_000}000",
    ],
)
def test_what_is_no_path(path: str) -> None:
    with pytest.raises(Unproven, match="is not that of a tile"):
        parse_path(path)


def test_the_specifications_example_of_partial_tiles() -> None:
    assert partial_tiles(70_000) == [Tile(0, 273, 112), Tile(1, 1, 17), Tile(2, 0, 1)]
    assert partial_tiles(256) == [Tile(1, 0, 1)]
    assert partial_tiles(0) == []
    assert len(partial_tiles(2**63 - 1)) == 8


def test_which_tiles_a_tree_has() -> None:
    assert Tile(0, 273, 112).is_of(70_000)
    assert not Tile(0, 273, 113).is_of(70_000)
    assert Tile(0, 273, 100).is_of(70_000)
    assert Tile(1, 0).is_of(70_000)
    assert not Tile(1, 1).is_of(70_000)
    assert Tile(ENTRIES, 273, 112).is_of(70_000)
    assert not Tile(ENTRIES, 273, 113).is_of(70_000)


@given(st.integers(0, 700), st.lists(st.integers(0, 300), max_size=6))
def test_batches_yield_what_is_new_or_changed(begin: int, batches: list[int]) -> None:
    builder = TileBuilder.resumed(begin, read)
    for batch in batches:
        old = builder.size
        found = list(builder.extend(LEAVES[old : old + batch]))
        assert all(data == content(tile) for tile, data in found)
        assert builder.size == old + batch
        full = [
            Tile(level, index)
            for level in range(3)
            for index in range(old // WIDTH ** (level + 1), builder.size // WIDTH ** (level + 1))
        ]
        grown = [tile for tile in partial_tiles(builder.size) if tile not in partial_tiles(old)]
        assert sorted(tile.path for tile, _ in found) == sorted(tile.path for tile in [*full, *grown])
        assert builder.root() == TREE.root(0, builder.size)


@pytest.mark.slow
def test_a_table_that_grew_in_batches_has_all_tiles(table: dict[tuple[int, int], bytes]) -> None:
    full = [(level, index) for level in range(3) for index in range(LARGEST // WIDTH ** (level + 1))]
    partial = [(tile.level, tile.index) for tile in partial_tiles(LARGEST)]
    assert sorted(table) == sorted([*full, *partial])
    assert all(data == content(Tile(*key, len(data) // HASH_BYTES)) for key, data in table.items())


@pytest.mark.slow
@given(sizes, st.data())
def test_tiles_of_a_larger_tree_prove_for_a_smaller_one(
    table: dict[tuple[int, int], bytes], size: int, data: st.DataObject
) -> None:
    read_nodes = tiles.reader(size, lambda wanted: [table[tile.level, tile.index] for tile in wanted])
    index = data.draw(st.integers(0, size - 1))
    old = data.draw(st.integers(1, size))
    assert merkle.root(size, read_nodes) == TREE.root(0, size)
    assert proofs.inclusion(index, size, read_nodes) == TREE.path(index, 0, size)
    assert proofs.consistency(old, size, read_nodes) == TREE.proof(old, size)


@given(sizes, st.data())
def test_a_proof_asks_for_few_tiles_that_the_tree_has(size: int, data: st.DataObject) -> None:
    asked: list[Tile] = []

    def reading(wanted: Sequence[Tile]) -> list[bytes]:
        assert not asked  # all at once
        asked.extend(wanted)
        return read(wanted)

    proofs.inclusion(data.draw(st.integers(0, size - 1)), size, tiles.reader(size, reading))
    assert all(tile.is_of(size) for tile in asked)
    assert all(tile.width == WIDTH or tile in partial_tiles(size) for tile in asked)
    assert len(asked) == len(set(asked)) <= 6


@pytest.mark.parametrize("data", [b"", bytes(31), bytes(32), bytes(33), bytes(96 + 1)])
def test_a_tile_that_is_too_short_proves_nothing(data: bytes) -> None:
    with pytest.raises(Unproven, match=r"tile/0/000.p/3: has \d+ bytes, not 96"):
        tiles.reader(3, lambda wanted: [data for _ in wanted])([Node(0, 2)])
    if len(data) < 96:
        with pytest.raises(Unproven, match=r"tile/0/000.p/3: has \d+ bytes, not 96"):
            TileBuilder.resumed(3, lambda wanted: [data for _ in wanted])


def test_a_bundle_has_the_data_of_leaves_with_their_lengths() -> None:
    assert tiles.entry_bundle([b"ab", b"", b"c" * 300]) == b"\x00\x02ab" + b"\x00\x00" + b"\x01\x2c" + b"c" * 300
