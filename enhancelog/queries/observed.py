"""What hosts' stores say of the log: the patch of an entry, and how much of each kind."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from django.db import connection

from enhancelog.backends import dialect, faults
from enhancelog.domain import touches
from enhancelog.domain.causes import CAUSES, Cause
from enhancelog.models import AmbiguousPatch, Document, Entry, EntryPatch, Patch, UnfinishedRun
from enhancelog.projections import source_names, unfinished_runs
from enhancelog.queries.entries import Listed
from enhancelog.queries.prepared import Statement, run
from enhancelog.store.rows import COLUMNS

_FATES: Final = f"""
    SELECT COUNT(*), COUNT(joined.patch), COUNT(ambiguous.patch) FROM {Patch._meta.db_table} patch
    LEFT JOIN {EntryPatch._meta.db_table} joined ON joined.patch = patch.position
    LEFT JOIN {AmbiguousPatch._meta.db_table} ambiguous ON ambiguous.patch = patch.position
    WHERE patch.source = %s"""

# The same source first. Where several sources know the run, their patches are equal.
_OF_ENTRY: Final = f"""
    SELECT patch.ops, patch.bump, patch.candidate_hash, patch.prev_hash, patch.source, patch.rationale
    FROM {EntryPatch._meta.db_table} joined JOIN {Patch._meta.db_table} patch ON patch.position = joined.patch
    WHERE joined.position = %s
    ORDER BY CASE WHEN patch.source = %s THEN 0 ELSE 1 END, patch.source, patch.position LIMIT 1"""

# Of each run, its own operations before those in a host's store.
MOST_PATHS: Final = 100
_LONGEST_OPS: Final = 100_000  # characters; longer patches are not read
_TRIED: Final = f"""
    SELECT tried.issue_id, tried.ops FROM (
        SELECT entry.issue_id, COALESCE(entry.ops, (
            SELECT patch.ops FROM {EntryPatch._meta.db_table} joined
            JOIN {Patch._meta.db_table} patch ON patch.position = joined.patch
            WHERE joined.position = entry.position ORDER BY patch.position LIMIT 1)) AS ops
        FROM {Entry._meta.db_table} entry WHERE {{}}) tried
    WHERE LENGTH(tried.ops) <= {_LONGEST_OPS}"""


class TriedPatch(NamedTuple):
    """``ops``: JSON text, or ``None`` if not recorded. ``candidate_hash``: of the document that it would have made."""

    ops: str | None
    bump: str | None
    candidate_hash: str | None
    prev_hash: str
    source: str
    rationale: str


def recorded_patch(listed: Listed) -> TriedPatch | None:
    """What the append carried."""
    row = dict(zip(COLUMNS, listed.row, strict=False))
    carried = (row["ops"], row["bump"], row["candidate_hash"])
    if carried == (None, None, None):
        return None
    return TriedPatch(*carried, row["prev_hash"], listed.source, row["rationale"])


def observed_patch(listed: Listed) -> TriedPatch | None:
    """What a host's store says of the entry's run."""
    rows = run(Statement(_OF_ENTRY, (listed.position, listed.recorded_source)))
    if not rows:
        return None
    found = TriedPatch(*rows[0])
    return found._replace(source=source_names.current().shown(found.source))


def tried_paths(issue_ids: Sequence[str]) -> dict[str, list[str]]:
    """The first ``MOST_PATHS`` of each run whose patch is known and not very long, each once."""
    if not issue_ids:
        return {}
    condition, parameter = dialect().one_of("entry.issue_id", issue_ids)
    found = run(Statement(_TRIED.format(condition), (parameter,)))
    return {issue_id: touches.pointers(ops)[:MOST_PATHS] for issue_id, ops in found}


# In place of the form of a redacted document.
REDACTED_FORM: Final = "redacted"


def stored_forms(hashes: list[str]) -> dict[str, str]:
    """The form of each document that is stored, the YAML before the JSON; ``REDACTED_FORM`` if its text is gone."""
    if not hashes:
        return {}
    places = ", ".join(["%s"] * len(hashes))
    form = f"CASE WHEN redacted IS NULL THEN form ELSE '{REDACTED_FORM}' END"
    sql = f"SELECT hash, {form} FROM {Document._meta.db_table} WHERE hash IN ({places}) ORDER BY form"
    return dict(run(Statement(sql, tuple(hashes))))


class Summary(NamedTuple):
    """Of a source. ``causes``: number of dead runs by cause, in the causes' order."""

    patches: int
    joined: int
    ambiguous: int
    causes: dict[Cause, int]
    pending: int
    unassigned_patches: int
    unassigned_answers: int


def summary(source: str) -> Summary:
    """Reads all of the source, so it is for commands. Raises ``Other``."""
    with faults(), connection.cursor() as cursor:
        cursor.execute(_FATES, [source])
        patches, joined, ambiguous = cursor.fetchone()
        derived = unfinished_runs.derived(cursor, source)
        runs = UnfinishedRun.objects.filter(source=source).exclude(status="resolved")
        rows = list(runs.values_list("status", "cause"))
    causes = {cause: rows.count(("died", cause)) for cause in CAUSES}
    return Summary(
        patches,
        joined,
        ambiguous,
        causes={cause: number for cause, number in causes.items() if number},
        pending=sum(status == "pending" for status, _ in rows),
        unassigned_patches=derived.unassigned_patches,
        unassigned_answers=derived.unassigned_answers,
    )
