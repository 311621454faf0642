"""The one way in: the contract's operations behind one protocol, whatever keeps the entries.

``append`` stores an entry once; a second one with its id is ``Conflict``, identical or not, and changes nothing.
``list_*`` ascend by ``ts_ms``, ties in append order. A fault of the backend is ``Other``. No Django in this module.
"""

from typing import Protocol

from enhancelog.domain.origin import Origin
from enhancelog.domain.records import Entry


class EnhanceLogStore(Protocol):
    """What every backend promises."""

    name: str
    """For diagnostics: in-memory, sqlite, postgresql or http."""

    def append(self, entry: Entry) -> str:
        """Store it and return its digest. Raises ``Conflict`` when the id is taken, ``Other`` on a fault."""

    def get(self, issue_id: str) -> Entry:
        """The entry. Raises ``NotFound``, also for an id that the rules refuse."""

    def list_by_blueprint(self, blueprint_id: str) -> list[Entry]:
        """That Blueprint's entries; none for an unknown one."""

    def list_all(self) -> list[Entry]:
        """Every entry."""


def open_store(origin: Origin) -> EnhanceLogStore:
    """The configured database's store; what it appends carries ``origin``."""
    from enhancelog.store.database import DatabaseEnhanceLogStore

    return DatabaseEnhanceLogStore(origin)
