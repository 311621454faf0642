"""Reads an engine host's issue store, by ``created_seq``."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, get_args

from enhancelog.domain import records, strict_json
from enhancelog.domain.errors import Invalid
from enhancelog.domain.observed import Issue, IssueStatus
from enhancelog.transfer.items import Refused
from enhancelog.transfer.sqlite_rows import Row, RowReader, Rows, Table

COLUMNS: Final = ("issue_id", "blueprint_id", "intent", "status_kind", "status_detail", "created_seq")
TABLE: Final = Table("issues", COLUMNS, "an issue store")

_STATUSES: Final[dict[str, IssueStatus]] = {status: status for status in get_args(IssueStatus)}


class Issues(RowReader[Issue]):
    """Raises ``Unreadable`` if the file is not an issue store."""

    def __init__(self, path: Path) -> None:
        super().__init__(Rows(path, TABLE, order="created_seq"))

    def _records(self, row: Row) -> Iterator[Issue | Refused]:
        yield _issue(row)


def _issue(row: Row) -> Issue:
    status = _STATUSES.get(row.text("status_kind"))
    if status is None:
        raise Invalid("status_kind", "choice", f"must be one of {', '.join(_STATUSES)}")
    issue = Issue(
        issue_id=row.text("issue_id"),
        blueprint_id=row.text("blueprint_id"),
        intent=row.text("intent"),
        status=status,
        detail="" if row.values["status_detail"] is None else row.text("status_detail"),
        created_seq=row.integer("created_seq"),
    )
    records.check_id(issue.issue_id, "issue_id")
    records.check_id(issue.blueprint_id, "blueprint_id", may_be_empty=True)
    strict_json.check_text(issue.intent, "intent")
    strict_json.check_text(issue.detail, "status_detail")
    return issue
