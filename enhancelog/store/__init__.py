"""The contract's operations as a protocol, independent of the backend."""

from typing import Protocol

from enhancelog.domain.origin import Origin
from enhancelog.domain.records import Entry


class EnhanceLogStore(Protocol):
    name: str  # for diagnostics: in-memory, sqlite, postgresql or http

    def append(self, entry: Entry) -> str:
        """Store the entry and return its digest. Raises ``Conflict`` if the id is taken, even by an identical
        entry, or ``Other``.
        """

    def get(self, issue_id: str) -> Entry:
        """Raises ``NotFound``, also for an invalid id."""

    def list_by_blueprint(self, blueprint_id: str) -> list[Entry]:
        """Ascending by ``ts_ms``, then append order; empty for an unknown Blueprint."""

    # In the same order.
    def list_all(self) -> list[Entry]: ...


def open_store(origin: Origin) -> EnhanceLogStore:
    from enhancelog.store.database import DatabaseEnhanceLogStore

    return DatabaseEnhanceLogStore(origin)
