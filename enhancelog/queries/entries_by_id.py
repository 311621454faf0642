"""Entries that an id names."""

from collections.abc import Iterable
from typing import Final

from enhancelog.domain import records
from enhancelog.models import Entry as EntryModel
from enhancelog.queries.entries import Listed
from enhancelog.queries.prepared import Statement, run
from enhancelog.store.rows import COLUMNS

_EXISTS: Final = f"SELECT 1 FROM {EntryModel._meta.db_table} WHERE issue_id = %s"


def found(issue_ids: Iterable[str]) -> list[Listed]:
    """The existing ones, oldest first, without gaps."""
    possible = [issue_id for issue_id in issue_ids if records.is_id(issue_id)]
    rows = EntryModel.objects.filter(issue_id__in=possible).order_by("ts_ms", "position").values_list(*COLUMNS)
    return [Listed(row) for row in rows]


def exists(issue_id: str) -> bool:
    return records.is_id(issue_id) and bool(run(Statement(_EXISTS, (issue_id,))))
