"""What can go wrong with the log and the content store, said once.

Every layer raises these and nothing database-specific; ``api``, ``web`` and the commands turn them into a status, a
page or a line. Imports nothing, so that the client can use it without Django.
"""


class StoreError(Exception):
    """Any answer of a store that is not the one asked for."""


class NotFound(StoreError):
    """No entry (or content item) has this id."""

    def __init__(self, issue_id: str) -> None:
        super().__init__(f"not found: {issue_id}")
        self.issue_id = issue_id


class Conflict(StoreError):
    """The id is taken; what is stored stays as it was.

    ``identical`` says whether the refused record equals the stored one (``None``: not known), ``differs`` names the
    fields in which they differ, ``digest`` is the stored record's.
    """

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
        self.identical = identical
        self.differs = differs
        self.digest = digest


class Other(StoreError):
    """The backend failed: not reachable, locked for too long, full, broken."""


class WrongSchema(Other):
    """The database's tables are not the ones this release was made for; one line says what to do."""


class Full(Other):
    """The backend has no space left: the disk is full, or a quota is reached."""


class Busy(Exception):
    """The server has no capacity for this request now; the same request can succeed in ``retry_after_s`` seconds."""

    def __init__(self, detail: str, retry_after_s: int) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class Invalid(ValueError):
    """A value breaks a rule. ``field`` is where (``verdicts[0].axis``; empty: the whole), ``rule`` a stable word."""

    def __init__(self, field: str, rule: str, detail: str) -> None:
        super().__init__(f"{field}: {detail}" if field else detail)
        self.field = field
        self.rule = rule
        self.detail = detail


class TooLarge(Invalid):
    """A value is larger than the limit; ``size`` and ``limit`` in ``unit``."""

    def __init__(self, field: str, size: int, limit: int, unit: str = "bytes") -> None:
        super().__init__(field, "size", f"is {size:,} {unit}, the limit is {limit:,}")
        self.size = size
        self.limit = limit
