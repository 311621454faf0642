"""The templates of the log's denials."""

import sqlite3
from typing import NamedTuple

from enhancelog import patterns
from enhancelog.projections.patterns.details import OTHER, classify, other_key
from enhancelog.store.rebuilding.steps import BEFORE_ALL, entries_after


class Wanted(NamedTuple):
    """What a row of ``Template`` should say."""

    text: str
    first_position: int
    other: bool


class Learned:
    """In a temporary database, because a log may have as many as denials."""

    def __init__(self, disk: sqlite3.Connection) -> None:
        self._disk = disk
        disk.execute("CREATE TABLE template (axis, key, text, position, PRIMARY KEY (axis, key)) WITHOUT ROWID")
        disk.execute("CREATE INDEX template_order ON template (axis, position)")
        self.number = 0
        self._done = BEFORE_ALL

    def go_on(self) -> int:
        """Read the next entries, in position order; returns how many there were."""
        entries = entries_after(self._done)
        found = [(one.axis, one.key, one.template, one.position) for one in classify(entries)]
        self._disk.execute("BEGIN")
        self._disk.executemany("INSERT OR IGNORE INTO template VALUES (?, ?, ?, ?)", found)
        self._disk.execute("COMMIT")
        self._done = entries[-1].position if entries else self._done
        self.number += len(entries)
        return len(entries)

    def axes(self) -> set[str]:
        return {axis for (axis,) in self._disk.execute("SELECT DISTINCT axis FROM template")}

    def of(self, axis: str) -> dict[str, Wanted]:
        """By key: the first ``MOST_TEMPLATES``, and one that stands for the others."""
        first = "SELECT key, text, position FROM template WHERE axis = ? ORDER BY position LIMIT ?"
        rows = self._disk.execute(first, (axis, patterns.MOST_TEMPLATES + 1)).fetchall()
        wanted = {key: Wanted(text, position, False) for key, text, position in rows[: patterns.MOST_TEMPLATES]}
        for _, _, position in rows[patterns.MOST_TEMPLATES :]:
            wanted[other_key(axis)] = Wanted(OTHER, position, True)
        return wanted
