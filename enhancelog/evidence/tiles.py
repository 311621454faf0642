"""Tiles (C2SP tlog-tiles): 256 hashes each, of every eighth level."""

import re
from collections.abc import Callable, Sequence
from typing import Final

from msgspec import Struct

from enhancelog.evidence.encodings import quoted
from enhancelog.evidence.errors import Unproven
from enhancelog.evidence.merkle import HASH_BYTES, Node, Reader, node_hash

HEIGHT: Final = 8
WIDTH: Final = 1 << HEIGHT
ENTRIES: Final = -1  # as a level: an entry bundle, the data of the leaves of a tile of level 0
HIGHEST_LEVEL: Final = 63

_PATH: Final = re.compile(r"tile/(entries|[0-9]{1,2})/((?:x[0-9]{3}/){0,6}+[0-9]{3})(?:\.p/([0-9]{1,3}))?+")


class Tile(Struct, frozen=True):
    level: int
    index: int
    width: int = WIDTH  # hashes; a partial tile is the beginning of the wider one

    @property
    def path(self) -> str:
        digits = f"{self.index:03}"
        digits = digits.zfill(-(-len(digits) // 3) * 3)
        *above, last = (digits[at : at + 3] for at in range(0, len(digits), 3))
        level = "entries" if self.level == ENTRIES else self.level
        partial = f".p/{self.width}" if self.width < WIDTH else ""
        return f"tile/{level}/{''.join(f'x{part}/' for part in above)}{last}{partial}"

    def is_of(self, size: int) -> bool:
        """Or of a smaller tree."""
        return (self.index * WIDTH + self.width) << (HEIGHT * max(self.level, 0)) <= size


# Reads many at once. A wider tile than asked for will do.
TileReader = Callable[[Sequence[Tile]], Sequence[bytes]]


def parse_path(path: str) -> Tile:
    """Raises ``Unproven``."""
    if match := _PATH.fullmatch(path):
        level, index, width = match.groups()
        tile = Tile(
            ENTRIES if level == "entries" else int(level),
            int(index.replace("x", "").replace("/", "")),
            int(width or WIDTH),
        )
        if tile.path == path and 0 < tile.width <= WIDTH and tile.level <= HIGHEST_LEVEL:
            return tile
    raise Unproven(f"path: {quoted(path)} is not that of a tile, such as tile/0/x001/234 or tile/1/004.p/17")


def partial_tiles(size: int) -> list[Tile]:
    """From level 0 up."""
    levels = range(-(-size.bit_length() // HEIGHT))
    found = (Tile(level, size >> HEIGHT * (level + 1), size >> HEIGHT * level & WIDTH - 1) for level in levels)
    return [tile for tile in found if tile.width]


def tile_with(node: Node, size: int) -> Tile:
    level, height = divmod(node.level, HEIGHT)
    index = node.index << height >> HEIGHT
    return Tile(level, index, min(WIDTH, (size >> HEIGHT * level) - index * WIDTH))


def reader(size: int, read: TileReader) -> Reader:
    """Of a tree's nodes. Raises ``Unproven``: a tile is too short."""

    def read_nodes(nodes: Sequence[Node]) -> list[bytes]:
        tiles = [tile_with(node, size) for node in nodes]
        needed = list(dict.fromkeys(tiles))
        contents = dict(zip(needed, read(needed), strict=True))
        for tile, content in contents.items():
            if len(content) < tile.width * HASH_BYTES or len(content) % HASH_BYTES:
                raise Unproven(f"{tile.path}: has {len(content):,} bytes, not {tile.width * HASH_BYTES:,}")
        return [_hash_of(node, contents[tile]) for node, tile in zip(nodes, tiles, strict=True)]

    return read_nodes


def combined(hashes: bytes) -> bytes:
    """The root of a perfect tree with these leaves."""
    parts = [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]
    while len(parts) > 1:
        parts = [node_hash(parts[at], parts[at + 1]) for at in range(0, len(parts), 2)]
    return parts[0]


def entry_bundle(entries: Sequence[bytes]) -> bytes:
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def _hash_of(node: Node, content: bytes) -> bytes:
    height = node.level % HEIGHT
    begin = (node.index << height) % WIDTH
    return combined(content[begin * HASH_BYTES : (begin + (1 << height)) * HASH_BYTES])
