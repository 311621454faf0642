"""Derives again what follows from the log and from hosts' stores, in short steps between appends."""

# Each part compares what is stored with what follows from the log, mostly without the append lock, and writes what
# differs under it: a step leaves each row as it was or as it should be, so readers never see half of a table, and what
# is right is not touched. Only the search index of SQLite, which cannot be read back, is made anew beside the one that
# is served, and themes are emptied and derived again if they are wrong. A part needs those before it, but for the
# search. Whatever ends a rebuild, what was written stays right, and the next one finds nothing to do there.

import sqlite3
from collections.abc import Callable
from typing import Final

from enhancelog.backends import dialect, faults
from enhancelog.domain.errors import Other
from enhancelog.store import theme_derivation, theme_verification
from enhancelog.store.rebuilding import hosts, patterns, rows, search, sums
from enhancelog.store.rebuilding.steps import locked

Progress = Callable[[int], None]

# Over the whole log
PASSES: Final = 5


def rebuild_projections(progress: Progress = lambda done: None) -> int:
    """Returns the number of entries; ``progress`` gets how many were read in all passes. Raises ``Other``."""
    passed = 0

    def report(done: int) -> None:
        progress(passed + done)

    try:
        with faults(), dialect().rebuilding():
            hosts.settle()
            patterns.settle()
            number = rows.rebuild(report)
            for part in (search.rebuild, patterns.rebuild_templates, patterns.rebuild_denials, sums.rebuild):
                passed += number
                part(report)
                if part is search.rebuild:
                    hosts.rebuild()
            hosts.settle()
            patterns.settle()
            _rebuild_themes()
    except sqlite3.Error as error:
        raise Other(f"the temporary file of the rebuild failed: {error}") from error
    return number


# Numbers of wordings follow from all denials before, so nothing of them can be mended alone. Damaged ones may not let
# others follow, so they are looked at before these are added.
def _rebuild_themes() -> None:
    if any(theme_verification.PART.findings(lambda done: None)):
        with locked() as cursor:
            theme_derivation.rebuild(cursor)
    theme_derivation.settle()
