"""Errors of the stores, without dependencies: the client uses them too."""

from datetime import UTC, datetime
from typing import Final

# The body of the 404 for an entry, as upstream answers
NO_SUCH_ENTRY: Final = "enhance log entry not found"
# How the details of the 404s for the run of reviews, a document, an axis, a marker, a pattern and a note begin
NO_SUCH_RUN: Final = "There is no run"
NO_SUCH_DOCUMENT: Final = "There is no document"
NO_SUCH_AXIS: Final = "There is no axis"
NO_SUCH_MARKER: Final = "There is no marker"
NO_SUCH_PATTERN: Final = "There is no deny pattern"
NO_SUCH_NOTE: Final = "There is no note"
NO_SUCH_DELIVERY: Final = "There is no delivery"
# That of the 404 for what notes could be about
NOTHING_TO_NOTE: Final = "There is nothing"


class StoreError(Exception):
    pass


class NotFound(StoreError):
    def __init__(self, issue_id: str) -> None:
        super().__init__(f"not found: {issue_id}")
        self.issue_id = issue_id


class Conflict(StoreError):
    """The id is taken. ``differs``: fields that differ; ``digest``: the stored record's."""

    def __init__(
        self,
        issue_id: str,
        *,
        identical: bool | None = None,
        differs: tuple[str, ...] = (),
        digest: str | None = None,
    ) -> None:
        super().__init__(f"already stored: {issue_id}")
        self.issue_id = issue_id
        self.identical = identical  # None: not known
        self.differs = differs
        self.digest = digest


class Redacted(Conflict):
    """The id is taken by an entry that was redacted, with which nothing is compared."""

    def __str__(self) -> str:
        return f"already stored, and redacted since: {self.issue_id}"


class Changed(Conflict):
    """Somebody changed it since the caller read it; nothing was changed now."""

    def __str__(self) -> str:
        return f"somebody changed {self.issue_id} since; nothing was changed now"


class Other(StoreError):
    """The backend failed: unreachable, locked, full or corrupt."""


class Forked(StoreError):
    """The log did not grow from what is remembered. ``shown``: what says so."""

    def __init__(self, reason: str, shown: bytes) -> None:
        super().__init__(reason)
        self.shown = shown


class PrimaryGone(Other):
    """Nothing can be written; a replica is still read. ``since``: RFC 3339."""

    def __init__(self, since: str) -> None:
        super().__init__(f"the primary database is gone since {since}")
        self.since = since


class ReplicaLocked(Other):
    """A table of the replica cannot be read: what changes it on the primary has not ended."""


class WrongSchema(Other):
    """The database's schema is not this release's."""


class Damaged(Other):
    """A document; the text says why it cannot be read."""


class RedactedDocument(Damaged):
    """Its text was taken out. ``redacted_ms``: epoch ms."""

    def __init__(self, redacted_ms: int, why: str) -> None:
        at = datetime.fromtimestamp(redacted_ms / 1000, UTC)
        super().__init__(f"it was redacted on {at:%Y-%m-%d %H:%M} UTC: {why}")
        self.redacted_ms = redacted_ms
        self.why = why


class DamagedEvidence(Other):
    """Of the log: its parts do not fit together. The text says which, and may be shown."""


class Full(Other):
    """Disk full, or quota reached."""


class Busy(Exception):
    """The server has no capacity; retry after ``retry_after_s`` seconds."""

    def __init__(self, detail: str, retry_after_s: int) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class Invalid(ValueError):
    """``field``: path (``verdicts[0].axis``; empty: the whole). ``rule``: a stable code."""

    def __init__(self, field: str, rule: str, detail: str) -> None:
        super().__init__(f"{field}: {detail}" if field else detail)
        self.field = field
        self.rule = rule
        self.detail = detail


class TooLarge(Invalid):
    """``size`` and ``limit`` are in ``unit``."""

    def __init__(self, field: str, size: int, limit: int, unit: str = "bytes") -> None:
        super().__init__(field, "size", f"is {size:,} {unit}, the limit is {limit:,}")
        self.size = size
        self.limit = limit
