"""Recomputes the tree over the log and compares it with the stored tiles, by position."""

# Memory: a tile's entries, a frontier of the log and the tiles at the right edge.

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import repeat
from typing import Final, NamedTuple

from enhancelog.backends import dialect
from enhancelog.evidence import leaves, merkle, tiles
from enhancelog.evidence.errors import Unproven
from enhancelog.evidence.merkle import HASH_BYTES, Frontier
from enhancelog.evidence.tile_building import TileBuilder
from enhancelog.evidence.tiles import HEIGHT, WIDTH, Tile, partial_tiles
from enhancelog.models import Entry
from enhancelog.models import Tile as TileModel
from enhancelog.store import evidence, rows

MOST_SHOWN: Final = 20

Leaf = tuple[bytes | None, bool]  # None: it is missing or damaged; and whether its entry is redacted

_MISSING: Final[Leaf] = (None, False)


class Ranges:
    """Positions, of which the first are kept."""

    def __init__(self) -> None:
        self._found: list[tuple[int, int]] = []
        self.count = 0

    def add(self, position: int) -> None:
        self.count += 1
        if self._found and self._found[-1][1] == position - 1:
            self._found[-1] = (self._found[-1][0], position)
        elif len(self._found) < MOST_SHOWN:
            self._found.append((position, position))

    def up_to(self, last: int) -> str:
        """As text; empty if there is none."""
        parts = [(first, min(end, last)) for first, end in self._found if first <= last]
        said = ", ".join(f"{first:,}" if first == end else f"{first:,} to {end:,}" for first, end in parts)
        left = self.count - sum(end - first + 1 for first, end in self._found)
        return f"{said} and {left:,} more" if left and len(parts) == len(self._found) else said


class At(NamedTuple):
    """What the first entries of the log are. ``root``: ``None`` if one of them is missing or damaged."""

    root: bytes | None
    redacted: int


class Walk:
    """``size``: of the stored tree. ``sizes``: at which the log is looked at as well."""

    def __init__(self, size: int, last: int, sizes: Iterable[int] = ()) -> None:
        self.size, self.last = size, last
        self.at: dict[int, At] = {}  # not of a size beyond the log
        self.differing = Ranges()  # positions
        self.wrong_tiles: list[str] = []  # paths, of which the first are kept
        self.tiles_root: bytes | None = None
        self._sizes = {each for each in (*sizes, size) if each <= last}
        self._log: Frontier | None = Frontier()
        self._tiles: TileBuilder | None = TileBuilder()
        self._redacted = 0
        self._stored_tiles = 0

    def run(self, progress: Callable[[int], None]) -> None:
        # Rows that somebody wrote could say any number, so no more is walked than there is.
        end = min(max([min(self.size, self.last), *self._sizes]), 2 * Entry.objects.count() + WIDTH)
        begin = 0
        self._look(0)
        while begin < end or (self._tiles is not None and begin < self.size):
            hashes = self._read_tile(begin)
            self._compare(begin, min(begin + WIDTH, end), hashes)
            self._add(hashes)
            begin += WIDTH
            progress(min(begin, max(end, self.size)))
        if self._tiles is not None:
            self.tiles_root = self._tiles.root()
            wanted = [tile for tile in partial_tiles(self.size) if tile.level]
            for tile, content in zip(wanted, self._tiles.partial(wanted), strict=True):
                self._check(tile, content)
        self._stored_tiles = TileModel.objects.count()

    def root_of_tiles(self, size: int) -> bytes | None:
        """``None``: they are damaged, or fewer."""
        if size > self.size:
            return None
        try:
            return merkle.root(size, tiles.reader(self.size, evidence.read_tiles))
        except Unproven:
            return None

    def has_more_tiles_than(self, size: int) -> bool:
        """``size``: of the stored tree after ``run``, during which it may have grown."""
        return self._stored_tiles > _number_of_tiles(size)

    def _read_tile(self, begin: int) -> list[bytes]:
        if begin >= self.size:
            return []
        tile = Tile(0, begin // WIDTH, min(WIDTH, self.size - begin))
        content = _content(tile)
        if len(content) < tile.width * HASH_BYTES:
            self._wrong(tile.path)
            self._tiles = None
            return []
        return [content[at : at + HASH_BYTES] for at in range(0, len(content), HASH_BYTES)]

    def _compare(self, begin: int, end: int, hashes: Sequence[bytes]) -> None:
        for index, (leaf, is_redacted) in enumerate(_leaves(begin, end), begin):
            self._redacted += is_redacted
            if leaf is None:
                self._log = None
            elif self._log is not None:
                self._log.append(leaf)
            if index < self.size and (leaf is None or (hashes and leaf != hashes[index - begin])):
                self.differing.add(index + 1)
            self._look(index + 1)

    def _add(self, hashes: Sequence[bytes]) -> None:
        if self._tiles is not None:
            for tile, content in self._tiles.extend(hashes):
                if tile.level and tile.width == WIDTH:
                    self._check(tile, content)

    def _look(self, size: int) -> None:
        if size in self._sizes:
            self.at[size] = At(self._log.root() if self._log else None, self._redacted)

    def _check(self, tile: Tile, hashes: bytes) -> None:
        if _content(tile) != hashes:
            self._wrong(tile.path)

    def _wrong(self, tile: str) -> None:
        if len(self.wrong_tiles) < MOST_SHOWN:
            self.wrong_tiles.append(tile)


def _leaves(begin: int, end: int) -> Iterator[Leaf]:
    after = begin
    while after < end:
        found = Entry.objects.filter(position__gt=after, position__lte=end).order_by("position")
        batch, _ = dialect().first_rows(found, rows.LEAF_COLUMNS, evidence.TEXTS, WIDTH, evidence.READ_BYTES)
        if not batch:
            break
        for row in batch:
            yield from repeat(_MISSING, row[0] - after - 1)
            yield _leaf(row), row[-1] is None
            after = row[0]
    yield from repeat(_MISSING, end - after)


def _leaf(row: Sequence[object]) -> bytes | None:
    try:
        return leaves.leaf(rows.inner_hash(row))
    except (ValueError, TypeError, AttributeError):
        return None


def _content(tile: Tile) -> bytes:
    found = TileModel.objects.filter(level=tile.level, number=tile.index).values_list("hashes", flat=True)
    return evidence.hashes_of(found.first())[: tile.width * HASH_BYTES]


def _number_of_tiles(size: int) -> int:
    number = 0
    while size:
        number += -(-size // WIDTH)
        size >>= HEIGHT
    return number
