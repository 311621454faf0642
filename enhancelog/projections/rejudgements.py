"""What each axis said of a candidate in one run, and in the next run that judged the same."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from django.db.backends.utils import CursorWrapper

from enhancelog.backends import dialect, in_parts
from enhancelog.domain import stored_verdicts
from enhancelog.models import CandidateKey, Entry, Rejudgement
from enhancelog.projections import candidate_keys
from enhancelog.projections.candidate_keys import KeyRow
from enhancelog.projections.expected import Expected, RowsPerEntry
from enhancelog.projections.stored import Stored

# A run is compared with the one just before it that has the same key, and with the one just after, for each kind of
# key. So the cost of an append does not grow with the number of repetitions. Entries arrive in any order: of each that
# has a new neighbor before it, the rows are written anew.

TABLES = (CandidateKey, Rejudgement)

_TABLE: Final = Rejudgement._meta.db_table


# SQLite seeks by both halves of a row value only where the right side has no affinity, hence the plus signs.
def _neighbor(operator: str, order: str) -> str:
    return f"""(
        SELECT near.position FROM {candidate_keys.TABLE} near
        WHERE near.key = mine.key AND (near.ts_ms, near.position) {operator} (+mine.ts_ms, +mine.position)
        ORDER BY near.ts_ms {order}, near.position {order} LIMIT 1)"""


_NEIGHBORS: Final = f"""
    SELECT mine.position, mine.ts_ms, mine.evidence, {_neighbor("<", "DESC")}, {_neighbor(">", "ASC")}
    FROM {candidate_keys.TABLE} mine WHERE {{}}"""
_JUDGED: Final = f"SELECT position, status, verdicts FROM {Entry._meta.db_table} WHERE {{}}"
_READ_AT_ONCE: Final = 64  # of entries that may have 1 MiB; a power of two


class Near(NamedTuple):
    """The runs just before and after the one at ``position`` that have the same key of this kind."""

    position: int
    ts_ms: int
    evidence: int
    before: int | None
    after: int | None


class Row(NamedTuple):
    position: int
    earlier: int
    axis: str
    ts_ms: int
    evidence: int
    before: str
    after: str
    flips: bool
    suspect: bool


class Judged(NamedTuple):
    status: str
    axes: dict[str, str]  # pass or deny


def apply(cursor: CursorWrapper, entries: Sequence[Stored]) -> None:
    if not (rows := list(candidate_keys.own(entries))):
        return
    dialect().insert_rows(cursor, candidate_keys.TABLE, KeyRow._fields, rows)
    near = _near(cursor, {row.position for row in rows})
    if later := {each.position for each in near if each.before is not None} | _after(near):
        _compare(cursor, later)


def drop(cursor: CursorWrapper, entries: Sequence[Stored]) -> None:
    gone = {stored.position for stored in entries}
    after = _after(_near(cursor, gone))
    for table in (candidate_keys.TABLE, _TABLE):
        _delete(cursor, table, gone)
    _compare(cursor, after - gone)


def expected() -> list[Expected]:
    """Of what entries say themselves; ``store.rejudgement_verification`` has the rest."""
    own = CandidateKey.objects.filter(observed=False)
    return [RowsPerEntry(CandidateKey, KeyRow._fields, candidate_keys.own, own)]


def observe(cursor: CursorWrapper, positions: Iterable[int]) -> None:
    """The patches joined to these entries may have changed."""
    for part in in_parts(sorted(positions), _READ_AT_ONCE):
        found = candidate_keys.stored(cursor, part)
        wanted = {row for row in found if not row.observed} | candidate_keys.observed(cursor, part)
        changed = {row.position for row in found ^ wanted}
        if not changed:
            continue
        later = changed | _after(_near(cursor, changed))
        _delete(cursor, candidate_keys.TABLE, changed)
        rows = sorted(row for row in wanted if row.position in changed)
        dialect().insert_rows(cursor, candidate_keys.TABLE, KeyRow._fields, rows)
        _compare(cursor, later | _after(_near(cursor, changed)))


def repair(cursor: CursorWrapper, positions: Sequence[int]) -> None:
    """Derive the rows of these later entries from the stored keys again, if they differ."""
    if stored(cursor, positions) != set(derived(cursor, positions)):
        _compare(cursor, set(positions))


def stored(cursor: CursorWrapper, positions: Sequence[int]) -> set[Row]:
    """Those whose later entry is one of these."""
    condition, parameter = dialect().one_of("position", positions)
    statement = f"SELECT {', '.join(Row._fields)} FROM {_TABLE} WHERE {condition}"
    rows = dialect().fetch(cursor, statement, [parameter])
    return {Row._make((*row[:-2], bool(row[-2]), bool(row[-1]))) for row in rows}


def derived(cursor: CursorWrapper, positions: Iterable[int]) -> Iterator[Row]:
    """What follows from the stored keys, for these later entries."""
    for part in in_parts(_pairs(cursor, positions), _READ_AT_ONCE):
        judged = _judged(cursor, {position for near in part for position in (near.position, near.before or 0)})
        for near in part:
            yield from _rows(near, judged)


def _compare(cursor: CursorWrapper, later: set[int]) -> None:
    if not later:
        return
    _delete(cursor, _TABLE, later)
    if rows := list(derived(cursor, later)):
        dialect().insert_rows(cursor, _TABLE, Row._fields, rows)


# Each with the run before it. Two runs are compared once, by the strongest kind of key that both have.
def _pairs(cursor: CursorWrapper, positions: Iterable[int]) -> list[Near]:
    near = [each for each in _near(cursor, set(positions)) if each.before is not None]
    kinds: defaultdict[int, set[int]] = defaultdict(set)
    for row in _keys(cursor, {position for each in near for position in (each.position, each.before or 0)}):
        kinds[row.position].add(row.evidence)
    return sorted(each for each in near if min(kinds[each.position] & kinds[each.before or 0]) == each.evidence)


def _rows(near: Near, judged: dict[int, Judged]) -> Iterator[Row]:
    earlier = near.before or 0
    first, second = judged[earlier], judged[near.position]
    may_be_wrong = first.status == "rejected" and second.status == "applied"
    for axis, before in first.axes.items():
        after = second.axes.get(axis, "absent")
        suspect = may_be_wrong and before == "deny"
        if suspect or after != "absent":
            flips = after not in ("absent", before)
            yield Row(near.position, earlier, axis, near.ts_ms, near.evidence, before, after, flips, suspect)


def _near(cursor: CursorWrapper, positions: set[int]) -> list[Near]:
    condition, parameter = dialect().one_of("mine.position", sorted(positions))
    return [Near(*row) for row in dialect().fetch(cursor, _NEIGHBORS.format(condition), [parameter])]


def _after(near: Iterable[Near]) -> set[int]:
    return {each.after for each in near if each.after is not None}


def _keys(cursor: CursorWrapper, positions: set[int]) -> set[KeyRow]:
    return candidate_keys.stored(cursor, sorted(positions)) if positions else set()


# An axis that a run judged twice denied it if one of the verdicts does.
def _judged(cursor: CursorWrapper, positions: set[int]) -> dict[int, Judged]:
    found = {}
    condition, parameter = dialect().one_of("position", sorted(positions))
    for position, status, verdicts in dialect().fetch(cursor, _JUDGED.format(condition), [parameter]):
        axes: dict[str, str] = {}
        for verdict in stored_verdicts.decode(verdicts):
            axes[verdict.axis] = "deny" if axes.get(verdict.axis) == "deny" else verdict.status
        found[position] = Judged(status, axes)
    return found


def _delete(cursor: CursorWrapper, table: str, positions: Iterable[int]) -> None:
    condition, parameter = dialect().one_of("position", sorted(positions))
    cursor.execute(f"DELETE FROM {table} WHERE {condition}", [parameter])
