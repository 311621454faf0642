"""Entries in the configured database, for tests that only read."""

from collections.abc import Iterable

from enhancelog.domain.origin import Origin
from enhancelog.domain.records import Entry
from enhancelog.store import host_derivation, pattern_groups, theme_derivation
from enhancelog.store.database import DatabaseEnhanceLogStore
from enhancelog.store.writing import ENTRIES_PER_TRANSACTION


def record(*entries: Entry, source: str = "api") -> None:
    """Append these entries as the test's own command."""
    record_all(entries, source)


def record_all(entries: Iterable[Entry], source: str = "api") -> None:
    """Append these entries and derive what follows, as an import does."""
    store = DatabaseEnhanceLogStore(Origin("command", "tests", source))
    waiting = list(entries)
    for start in range(0, len(waiting), ENTRIES_PER_TRANSACTION):
        outcomes = store.append_batch(waiting[start : start + ENTRIES_PER_TRANSACTION])
        assert {outcome.result for outcome in outcomes} <= {"created"}
    pattern_groups.settle()
    host_derivation.settle()
    theme_derivation.settle()
