"""The runs whose patch makes a document, whether or not it became a version."""

from typing import Final, NamedTuple

from enhancelog.backends import faults
from enhancelog.models import Entry, EntryPatch, Patch, UnfinishedRun
from enhancelog.queries.prepared import Statement, run
from enhancelog.queries.unfinished import UNRESOLVED
from enhancelog.store.documents import Gone, Stored

SHOWN: Final = 5
LOOKED_AT: Final = 1_000  # newest unfinished runs of the Blueprint, of each status

_UNFINISHED: Final = UnfinishedRun._meta.db_table

# The conditions are those of the index.
_LOGGED: Final = f"""
    SELECT entry.issue_id, entry.intent, entry.status, entry.new_hash
    FROM {Patch._meta.db_table} patch
    LEFT JOIN {EntryPatch._meta.db_table} joined ON joined.patch = patch.position
    LEFT JOIN {Entry._meta.db_table} entry ON entry.position = joined.position
    WHERE patch.candidate_hash = %s AND NOT (patch.candidate_hash = patch.prev_hash)
        AND LENGTH(patch.candidate_hash) <= 512
    ORDER BY patch.position DESC LIMIT {SHOWN + 1}"""

_OF_STATUS: Final = f"""
    SELECT * FROM (SELECT id, issue_id, intent, prev_hash, candidate_hash FROM {_UNFINISHED}
        WHERE status = '{{status}}' AND blueprint_id = %s ORDER BY id DESC LIMIT {LOOKED_AT}) {{status}}"""
_NOT_LOGGED: Final = f"""
    SELECT issue_id, intent, 'unfinished', ''
    FROM ({" UNION ALL ".join(_OF_STATUS.format(status=status) for status in UNRESOLVED)}) newest
    WHERE candidate_hash = %s AND COALESCE(prev_hash, '') <> candidate_hash ORDER BY id DESC LIMIT {SHOWN + 1}"""


class Run(NamedTuple):
    """``new_hash``: empty unless applied."""

    issue_id: str
    intent: str
    status: str  # applied, rejected, unfinished
    new_hash: str


class Candidate(NamedTuple):
    """``is_of_unknown``: a patch makes the document, but its run is not known."""

    runs: list[Run]
    has_more: bool
    is_of_unknown: bool


def candidate(document: Stored | Gone) -> Candidate:
    with faults():
        found = run(Statement(_LOGGED, (document.hash,)))
        runs = [Run(*row) for row in found if row[0] is not None]
        blueprints = (document.blueprint_id,) * len(UNRESOLVED)
        runs += [Run(*row) for row in run(Statement(_NOT_LOGGED, (*blueprints, document.hash)))]
    each = list(dict.fromkeys(runs))  # several sources may have the same patch
    return Candidate(each[:SHOWN], len(each) > SHOWN or len(found) > SHOWN, bool(found) and not each)
