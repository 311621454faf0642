"""What hosts' stores say of the log."""

from typing import Final, NamedTuple

from django.db import connection

from enhancelog.backends import faults
from enhancelog.domain.causes import CAUSES
from enhancelog.models import AmbiguousPatch, EntryPatch, Patch, UnfinishedRun
from enhancelog.projections import unfinished_runs

_FATES: Final = f"""
    SELECT COUNT(*), COUNT(joined.patch), COUNT(ambiguous.patch) FROM {Patch._meta.db_table} patch
    LEFT JOIN {EntryPatch._meta.db_table} joined ON joined.patch = patch.position
    LEFT JOIN {AmbiguousPatch._meta.db_table} ambiguous ON ambiguous.patch = patch.position
    WHERE patch.source = %s"""


class Summary(NamedTuple):
    """Of a source. ``causes``: number of dead runs by cause, in the causes' order."""

    patches: int
    joined: int
    ambiguous: int
    causes: dict[str, int]
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
