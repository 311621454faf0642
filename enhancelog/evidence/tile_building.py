"""Tiles of a tree that grows in batches."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from enhancelog.evidence import merkle, tiles
from enhancelog.evidence.errors import Unproven
from enhancelog.evidence.merkle import HASH_BYTES
from enhancelog.evidence.tiles import HEIGHT, WIDTH, Tile, TileReader, partial_tiles

_FULL: Final = WIDTH * HASH_BYTES

Content = tuple[Tile, bytes]


class TileBuilder:
    def __init__(self) -> None:
        self.size = 0
        self._open: list[bytearray] = []  # the partial tiles, by level: at most eight

    @classmethod
    def resumed(cls, size: int, read: TileReader) -> "TileBuilder":
        builder = cls()
        builder.size = size
        partial = partial_tiles(size)
        for tile, content in zip(partial, read(partial), strict=True):
            if len(content) < tile.width * HASH_BYTES:
                raise Unproven(f"{tile.path}: has {len(content):,} bytes, not {tile.width * HASH_BYTES:,}")
            builder._level(tile.level)[:] = content[: tile.width * HASH_BYTES]
        return builder

    def extend(self, leaves: Iterable[bytes]) -> Iterator[Content]:
        """Yields full tiles, then partial ones that grew. Read it to the end."""
        begin = self.size
        lowest = self._level(0)
        for leaf in leaves:
            lowest += leaf
            self.size += 1
            if len(lowest) == _FULL:
                yield from self._close(0)
        for tile in partial_tiles(self.size):
            if self.size >> HEIGHT * tile.level != begin >> HEIGHT * tile.level:
                yield tile, bytes(self._open[tile.level])

    def root(self) -> bytes:
        return merkle.root(self.size, tiles.reader(self.size, self.partial))

    def _close(self, level: int) -> Iterator[Content]:
        content = bytes(self._open[level])
        self._open[level].clear()
        yield Tile(level, (self.size >> HEIGHT * (level + 1)) - 1), content
        above = self._level(level + 1)
        above += tiles.combined(content)
        if len(above) == _FULL:
            yield from self._close(level + 1)

    def _level(self, level: int) -> bytearray:
        while len(self._open) <= level:
            self._open.append(bytearray())
        return self._open[level]

    # All that the root needs: a full tile is one hash in the tile above.
    def partial(self, wanted: Sequence[Tile]) -> list[bytes]:
        return [bytes(self._open[tile.level]) for tile in wanted]
