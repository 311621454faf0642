"""Builds the tree over the log and signs its checkpoints, in batches after the commit, by position."""

# An append pays nothing for it but its salt. Several processes may try: all read without a lock, and only the one that
# finds the checkpoint as it was when it began stores what it built. Tiles and their checkpoint commit together, so
# readers of both never see a tile that is narrower than the checkpoint needs.

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, NamedTuple

from django.db import connection, transaction

from enhancelog.backends import Row, dialect, faults
from enhancelog.domain.errors import DamagedEvidence, Other
from enhancelog.domain.times import now_ms
from enhancelog.evidence import checkpoints, leaves, signed_notes
from enhancelog.evidence.checkpoints import Checkpoint
from enhancelog.evidence.errors import Unproven
from enhancelog.evidence.keys import SigningKey
from enhancelog.evidence.merkle import EMPTY_ROOT, HASH_BYTES
from enhancelog.evidence.tile_building import Content, TileBuilder
from enhancelog.evidence.tiles import HEIGHT, WIDTH, Tile, partial_tiles
from enhancelog.models import Checkpoint as CheckpointModel
from enhancelog.models import Entry
from enhancelog.models import Tile as TileModel
from enhancelog.store import rows
from enhancelog.store.database import last_position

MOST_ENTRIES: Final = 16 * WIDTH  # of one step
READ_BYTES: Final = 8 << 20
ROW: Final = 1

# Columns of unlimited length
TEXTS: Final = ("intent", "rationale", "verdicts", "reasons", "ops", "candidate_hash", "meta")

Rest = Callable[[], None]


class Stored(NamedTuple):
    """``note`` is signed."""

    checkpoint: Checkpoint
    note: bytes
    signed_ms: int

    @property
    def key_ids(self) -> set[tuple[str, bytes]]:
        return {(name, key_id) for name, key_id, _ in signed_notes.parse(self.note).signatures}

    def is_signed_by_one_of(self, keys: Iterable[SigningKey]) -> bool:
        return any((key.verifier.name, key.verifier.id) in self.key_ids for key in keys)


class NotOurs(Other):
    """The checkpoint was signed with other keys."""


def stored(row: int = ROW) -> Stored | None:
    """Raises ``Other``: it is damaged."""
    with faults():
        found = CheckpointModel.objects.filter(pk=row).values_list("note", "signed_ms").first()
    if found is None:
        return None
    note, signed_ms = found
    try:
        return Stored(checkpoints.parse_text(signed_notes.parse(note.encode()).text), note.encode(), signed_ms)
    except (Unproven, UnicodeError, AttributeError) as error:  # SQLite does not enforce the type
        raise DamagedEvidence(f"the stored checkpoint is damaged: {error}") from None


def step(keys: Sequence[SigningKey], rest: Rest = lambda: None) -> bool:
    """Add entries to the tree and sign what it is then. Returns whether there may be more to add. Raises ``Other``."""
    with faults():
        before = stored() or _begin(keys)
        last = last_position()
        if not _is_due(before, last, keys):
            return False
        builder = _resumed(before.checkpoint)
        tiles = list(builder.extend(map(leaves.leaf, inner_hashes(builder.size, last, MOST_ENTRIES, rest))))
        _store(before, tiles, Checkpoint(before.checkpoint.origin, builder.size, builder.root()), keys)
        return builder.size < last


def is_due(keys: Sequence[SigningKey], gather_ms: int = 0) -> bool:
    """Whether ``step`` has something to do, and nobody signed in the last ``gather_ms``. Raises ``Other``."""
    with faults():
        found = stored()
        if found is None:
            return True
        # A time in the future is that of another clock.
        return _is_due(found, last_position(), keys) and not 0 <= now_ms() - found.signed_ms < gather_ms


# Of a log that is shorter than its checkpoint.
def cut_off(size: int, last: int) -> str:
    return f"the log ends at position {last:,}, but was signed up to position {size:,}; run verify_log"


def check_tree(found: Stored) -> None:
    """Reads one tile of each level. Raises ``Other``."""
    with faults():
        _resumed(found.checkpoint)


def forget_empty() -> bool:
    """Returns whether nothing is signed now. Raises ``Other``."""
    with faults():
        CheckpointModel.objects.filter(size=0).delete()
        return stored() is None


def rebuild() -> int:
    """Derive the tiles again from the log, and write those that differ. Returns the number of entries. Raises
    ``DamagedEvidence``, and changes nothing, if the log is not what the checkpoint says.
    """
    with faults():
        before = stored()
        if before is None:
            return 0
        builder = TileBuilder()
        wrong = sum(not _are_stored(tiles) for tiles in _tiles(builder, before.checkpoint.size))
        _require_signed(builder, before.checkpoint)
        if wrong:
            for tiles in _tiles(TileBuilder(), before.checkpoint.size):
                with _locked():
                    write([(tile, hashes) for tile, hashes in tiles if tile.width == WIDTH])
        return _rebuild_last(builder)


# Full tiles never change, so a step that stored more meanwhile loses none. The last ones do, and are few.
def _rebuild_last(builder: TileBuilder) -> int:
    with _locked():
        last = stored()
        if last is None:
            return 0
        for tiles in _tiles(builder, last.checkpoint.size):
            write(tiles)
        _require_signed(builder, last.checkpoint)
        partial = partial_tiles(builder.size)
        write(zip(partial, builder.partial(partial), strict=True))
        for (level,) in TileModel.objects.values_list("level").distinct():
            tiles_there = -(-(builder.size >> HEIGHT * level) // WIDTH)
            TileModel.objects.filter(level=level, number__gte=tiles_there).delete()
        return builder.size


# In steps of the log.
def _tiles(builder: TileBuilder, up_to: int) -> Iterator[list[Content]]:
    while builder.size < up_to:
        entries = inner_hashes(builder.size, up_to, MOST_ENTRIES)
        yield list(builder.extend(map(leaves.leaf, entries)))


def _are_stored(tiles: Sequence[Content]) -> bool:
    try:
        return read_tiles([tile for tile, _ in tiles]) == [hashes for _, hashes in tiles]
    except Unproven:
        return False


def _require_signed(builder: TileBuilder, checkpoint: Checkpoint) -> None:
    if builder.root() != checkpoint.root:
        raise DamagedEvidence(
            f"the log is not the one whose {checkpoint.size:,} entries were signed, so its tree stays as it is; "
            "run verify_log"
        )


@contextmanager
def _locked() -> Iterator[None]:
    with transaction.atomic(), connection.cursor() as cursor:
        dialect().require_schema(cursor)
        list(CheckpointModel.objects.select_for_update())  # else a step that stored wider tiles would lose them
        yield


def inner_hashes(after: int, up_to: int, most: int, rest: Rest = lambda: None) -> Iterator[bytes]:
    """Of up to ``most`` entries in (``after``, ``up_to``], in order. Raises ``Other``: one is missing or damaged."""
    for row in rows_of(rows.LEAF_COLUMNS, after, min(up_to, after + most)):
        yield inner_hash(row)
        rest()


def rows_of(columns: Sequence[str], after: int, up_to: int) -> Iterator[Row]:
    """The entries in (``after``, ``up_to``], in order; the first column is the position. Raises ``DamagedEvidence``:
    one is missing.
    """
    while after < up_to:
        found = Entry.objects.filter(position__gt=after, position__lte=up_to).order_by("position")
        batch, _ = dialect().first_rows(found, columns, TEXTS, WIDTH, READ_BYTES)
        for row in batch:
            after += 1
            if row[0] != after:
                raise _missing(after)
            yield row
        if not batch:
            raise _missing(after + 1)


def _missing(position: int) -> DamagedEvidence:
    return DamagedEvidence(f"the entry at position {position} is missing; run verify_log")


def inner_hash(row: Sequence[object]) -> bytes:
    """Of a row of ``LEAF_COLUMNS``. Raises ``DamagedEvidence``."""
    try:
        return rows.inner_hash(row)
    except (ValueError, TypeError, AttributeError) as error:
        raise DamagedEvidence(f"the entry at position {row[0]} is damaged: {error}; run verify_log") from None


def read_tiles(wanted: Sequence[Tile]) -> list[bytes]:
    """In their order, each as wide as asked for. Raises ``Unproven``: one is missing or too short."""
    # Each by its key: of keys joined by OR, SQLite reads the whole table if its statistics are of a smaller one.
    each = f"SELECT level, number, hashes FROM {TileModel._meta.db_table} WHERE level = %s AND number = %s"
    found: dict[tuple[int, int], bytes] = {}
    if wanted:
        with connection.cursor() as cursor:
            keys = [part for tile in wanted for part in (tile.level, tile.index)]
            cursor.execute(" UNION ALL ".join([each] * len(wanted)), keys)
            found = {(level, number): hashes_of(content) for level, number, content in cursor.fetchall()}
    return [_cut(tile, found.get((tile.level, tile.index), b"")) for tile in wanted]


def hashes_of(content: object) -> bytes:
    """Of a tile's row; SQLite does not enforce its type."""
    return bytes(content) if isinstance(content, bytes | memoryview) else b""


def write(tiles: Iterable[Content]) -> None:
    """Within the caller's transaction."""
    made = [TileModel(level=tile.level, number=tile.index, hashes=hashes) for tile, hashes in tiles]
    TileModel.objects.bulk_create(
        made, update_conflicts=True, unique_fields=["level", "number"], update_fields=["hashes"]
    )


def resign(keys: Sequence[SigningKey]) -> Stored:
    """Sign the stored checkpoint with these keys instead, whoever signed it. Raises ``Other``."""
    with faults():
        before = stored() or _begin(keys)
        _resumed(before.checkpoint)
        _store(before, [], before.checkpoint, keys)
        return stored() or before


def _begin(keys: Sequence[SigningKey]) -> Stored:
    if not keys:
        raise NotOurs("there is no key to sign checkpoints with")
    empty = Checkpoint(keys[0].verifier.name, 0, EMPTY_ROOT)
    note = checkpoints.sign(empty, keys)
    first = CheckpointModel(id=ROW, size=0, note=note.decode(), signed_ms=now_ms())
    with transaction.atomic(), connection.cursor() as cursor:
        dialect().require_schema(cursor)
        CheckpointModel.objects.bulk_create([first], ignore_conflicts=True)
    return stored() or Stored(empty, note, first.signed_ms)


def _is_due(found: Stored, last: int, keys: Sequence[SigningKey]) -> bool:
    if not found.is_signed_by_one_of(keys):
        here = "another key than is" if keys else "a key, and there is none"
        raise NotOurs(f"the last checkpoint of {found.checkpoint.origin} was signed with {here} here")
    size = found.checkpoint.size
    if size > last:
        raise DamagedEvidence(cut_off(size, last))
    return size < last or not _is_signed_by_all(found, keys)


def _is_signed_by_all(found: Stored, keys: Iterable[SigningKey]) -> bool:
    return {(key.verifier.name, key.verifier.id) for key in keys} <= found.key_ids


def _resumed(checkpoint: Checkpoint) -> TileBuilder:
    try:
        builder = TileBuilder.resumed(checkpoint.size, read_tiles)
        if builder.root() == checkpoint.root:
            return builder
        reason = "they have another root"
    except Unproven as error:
        reason = str(error)
    raise DamagedEvidence(f"the stored tiles are not those of the checkpoint: {reason}; run rebuild_projections")


def _store(before: Stored, tiles: Sequence[Content], after: Checkpoint, keys: Sequence[SigningKey]) -> None:
    note = checkpoints.sign(after, keys).decode()
    with transaction.atomic(), connection.cursor() as cursor:
        dialect().require_schema(cursor)
        known = CheckpointModel.objects.filter(pk=ROW, note=before.note.decode())
        if known.update(size=after.size, note=note, signed_ms=now_ms()):
            write(tiles)


def _cut(tile: Tile, hashes: bytes) -> bytes:
    wanted = tile.width * HASH_BYTES
    if len(hashes) < wanted:
        raise Unproven(f"{tile.path}: has {len(hashes):,} bytes, not {wanted:,}")
    return hashes[:wanted]
