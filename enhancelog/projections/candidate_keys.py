"""Rows for the keys of candidates: those an entry itself has, and those of its patch in a host's store."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from django.db.backends.utils import CursorWrapper

from enhancelog.backends import dialect
from enhancelog.domain import stored_verdicts
from enhancelog.domain.records import Entry as Record
from enhancelog.domain.records import judged_axes
from enhancelog.domain.redactions import NO_OPERATIONS
from enhancelog.domain.same_candidates import EVIDENCE, LONGEST_OPS, MOST_AXES, Keys, hash_key, keys, operations_key
from enhancelog.domain.times import is_plausible, plausible_sql
from enhancelog.models import CandidateKey, Entry, EntryPatch, Patch
from enhancelog.projections import source_names
from enhancelog.projections.stored import Stored

TABLE: Final = CandidateKey._meta.db_table

_ENTRY: Final = Entry._meta.db_table

# Where several sources know the run, their patches are equal.
_OBSERVED: Final = f"""
    SELECT entry.position, entry.blueprint_id, entry.source, entry.prev_hash, entry.ts_ms,
        entry.verdicts, entry.candidate_hash IS NOT NULL OR entry.status = 'applied', entry.ops IS NOT NULL,
        patch.candidate_hash, CASE WHEN LENGTH(patch.ops) > {LONGEST_OPS}
            OR entry.redacted IS NOT NULL AND patch.ops = '{NO_OPERATIONS}' THEN '' ELSE patch.ops END
    FROM {_ENTRY} entry JOIN {Patch._meta.db_table} patch ON patch.position = (
        SELECT MIN(joined.patch) FROM {EntryPatch._meta.db_table} joined WHERE joined.position = entry.position)
    WHERE {{}} AND {plausible_sql("entry.ts_ms", "entry.recorded_ms")}"""


class KeyRow(NamedTuple):
    """``evidence``: index in ``EVIDENCE``."""

    position: int
    evidence: int
    key: int
    ts_ms: int
    observed: bool


def own(entries: Iterable[Stored]) -> Iterator[KeyRow]:
    """Implausible times have none, because it is not known what came before."""
    for stored in entries:
        entry = stored.entry
        if not is_plausible(entry.ts_ms, stored.recorded_ms) or _is_crowded(entry):
            continue
        for evidence, key in stored_keys(stored).items():
            yield KeyRow(stored.position, EVIDENCE.index(evidence), key, entry.ts_ms, False)


def _is_crowded(entry: Record) -> bool:
    return len(entry.verdicts) > MOST_AXES and len(judged_axes(entry)) > MOST_AXES


def stored_keys(stored: Stored) -> Keys:
    """Of its texts, also if they were redacted."""
    if stored.candidate_keys is not None:
        return stored.candidate_keys
    return keys(stored.entry, stored.source, stored.kept and stored.kept.candidate)


def observed(cursor: CursorWrapper, positions: Sequence[int]) -> set[KeyRow]:
    """Of what these entries do not say themselves."""
    if not positions:
        return set()
    condition, parameter = dialect().one_of("entry.position", positions)
    names = source_names.derived(cursor)
    found = set()
    for row in dialect().fetch(cursor, _OBSERVED.format(condition), [parameter]):
        position, blueprint_id, source, prev_hash, ts_ms, verdicts, has_hash, has_ops, candidate_hash, ops = row
        source = names.name_at(source, position)
        if len({verdict.axis for verdict in stored_verdicts.decode(verdicts)}) > MOST_AXES:
            continue
        told = {
            "hash": None if has_hash else hash_key(blueprint_id, source, prev_hash, candidate_hash),
            "operations": None if has_ops or not ops else operations_key(blueprint_id, source, prev_hash, ops),
        }
        for number, evidence in enumerate(EVIDENCE):
            if (key := told.get(evidence)) is not None:
                found.add(KeyRow(position, number, key, ts_ms, True))
    return found


def stored(cursor: CursorWrapper, positions: Sequence[int]) -> set[KeyRow]:
    condition, parameter = dialect().one_of("position", positions)
    rows: Iterable[Any] = dialect().fetch(
        cursor, f"SELECT {', '.join(KeyRow._fields)} FROM {TABLE} WHERE {condition}", [parameter]
    )
    return {KeyRow._make((*row[:-1], bool(row[-1]))) for row in rows}
