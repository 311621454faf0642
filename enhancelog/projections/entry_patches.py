"""Which patch of a host was tried in which entry's run."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from django.db.backends.utils import CursorWrapper

from enhancelog.backends import dialect
from enhancelog.domain.source_names import Names
from enhancelog.models import AmbiguousPatch, Entry, EntryPatch, Patch
from enhancelog.projections import source_names

# A run's key is its Blueprint, ``prev_hash`` and ``ts_ms``. An entry and a patch of one key belong together if they are
# the only ones of their source, or if the key has one entry and one patch over all sources; the same patch from several
# sources is one. Sources that are shown under one name are one. Otherwise the patch is ambiguous, and nothing is
# guessed. Derived from the sets and names alone, by position.

TABLES: Final = (EntryPatch, AmbiguousPatch)

_ENTRY: Final = Entry._meta.db_table
_PATCH: Final = Patch._meta.db_table
_JOINED: Final = EntryPatch._meta.db_table
_AMBIGUOUS: Final = AmbiguousPatch._meta.db_table

# More at one moment of a Blueprint are not compared: they are ambiguous. It bounds the cost of a moment.
MOST_AT_ONCE: Final = 100

_ENTRIES: Final = f"""
    SELECT position, source, prev_hash FROM {_ENTRY}
    WHERE blueprint_id = %s AND ts_ms = %s AND position <= %s ORDER BY position LIMIT {MOST_AT_ONCE + 1}"""
_PATCHES: Final = f"""
    SELECT position, source, prev_hash, digest FROM {_PATCH}
    WHERE blueprint_id = %s AND ts_ms = %s AND position <= %s ORDER BY position LIMIT {MOST_AT_ONCE + 1}"""

_OF_MOMENT: Final = "blueprint_id = %s AND ts_ms = %s AND position > %s AND position <= %s"
_UNJOIN: Final = f"DELETE FROM {_JOINED} WHERE patch IN (SELECT position FROM {_PATCH} WHERE {_OF_MOMENT})"
_MARK: Final = f"""
    INSERT INTO {_AMBIGUOUS} (patch) SELECT position FROM {_PATCH} WHERE {_OF_MOMENT}
    AND NOT EXISTS (SELECT 1 FROM {_AMBIGUOUS} known WHERE known.patch = {_PATCH}.position)"""


class Moment(NamedTuple):
    blueprint_id: str
    ts_ms: int


class EntryKey(NamedTuple):
    position: int
    source: str
    prev_hash: str


class PatchKey(NamedTuple):
    position: int
    source: str
    prev_hash: str
    digest: str


class Place(NamedTuple):
    """A position in the log, and one among the patches."""

    entries: int
    patches: int


class Joined(NamedTuple):
    """Positions: the entry by patch, and the ambiguous patches."""

    entries: dict[int, int]
    ambiguous: set[int]


def join(entries: Sequence[EntryKey], patches: Sequence[PatchKey], names: Names = source_names.NONE) -> Joined:
    """Of one moment. Patches in neither part have no entry."""
    joined = Joined({}, set())
    if len(entries) > MOST_AT_ONCE or len(patches) > MOST_AT_ONCE:
        joined.ambiguous.update(patch.position for patch in patches if entries)
        return joined
    for prev_hash in {patch.prev_hash for patch in patches}:
        _join_key(
            [entry for entry in entries if entry.prev_hash == prev_hash],
            [patch for patch in patches if patch.prev_hash == prev_hash],
            joined,
            names,
        )
    return joined


def _join_key(entries: Sequence[EntryKey], patches: Sequence[PatchKey], joined: Joined, names: Names) -> None:
    if not entries:
        return
    own: dict[str, list[EntryKey]] = defaultdict(list)
    for entry in entries:
        own[names.shown(entry.source)].append(entry)
    tried: dict[str, list[PatchKey]] = defaultdict(list)
    for patch in patches:
        tried[names.shown(patch.source)].append(patch)
    is_unique = len(entries) == 1 and len({patch.digest for patch in patches}) == 1
    for patch in patches:
        name = names.shown(patch.source)
        if len(own.get(name, ())) == len({each.digest for each in tried[name]}) == 1:
            joined.entries[patch.position] = own[name][0].position
        elif is_unique:
            joined.entries[patch.position] = entries[0].position
        else:
            joined.ambiguous.add(patch.position)


def read(cursor: CursorWrapper, moment: Moment, up_to: Place) -> tuple[list[EntryKey], list[PatchKey]]:
    """The first of a moment, one more than are compared."""
    patches = [PatchKey(*row) for row in dialect().fetch(cursor, _PATCHES, [*moment, up_to.patches])]
    if not patches:
        return [], []
    return [EntryKey(*row) for row in dialect().fetch(cursor, _ENTRIES, [*moment, up_to.entries])], patches


class Affected(NamedTuple):
    """The sources of patches, and the positions of entries whose patches may be others now."""

    sources: set[str]
    entries: set[int]


def apply(cursor: CursorWrapper, moments: Iterable[Moment], done: Place, up_to: Place) -> Affected:
    """Join these moments anew; all are joined up to ``done``."""
    affected, names = Affected(set(), set()), source_names.derived(cursor).names
    for moment in moments:
        entries, patches = read(cursor, moment, up_to)
        affected.sources.update(patch.source for patch in patches)
        affected.entries.update(entry.position for entry in entries)
        if len(patches) > MOST_AT_ONCE and entries:
            is_marked = entries[0].position <= done.entries and patches[-1].position <= done.patches
            _mark(cursor, moment, done.patches if is_marked else 0, up_to.patches)
        elif patches:
            _replace(cursor, [patch.position for patch in patches], join(entries, patches, names))
    return affected


def _mark(cursor: CursorWrapper, moment: Moment, after: int, up_to: int) -> None:
    for statement in (_UNJOIN, _MARK):
        cursor.execute(statement, [*moment, after, up_to])


def _replace(cursor: CursorWrapper, positions: Sequence[int], joined: Joined) -> None:
    places = ", ".join(["%s"] * len(positions))
    for table in (_JOINED, _AMBIGUOUS):
        cursor.execute(f"DELETE FROM {table} WHERE patch IN ({places})", positions)
    if joined.entries:
        dialect().insert_rows(cursor, _JOINED, ("patch", "position"), sorted(joined.entries.items()))
    if joined.ambiguous:
        dialect().insert_rows(cursor, _AMBIGUOUS, ("patch",), [(position,) for position in sorted(joined.ambiguous)])
