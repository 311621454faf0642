"""How the configured database would run the statements that a piece of code asked."""

import itertools
from collections.abc import Callable

from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.test.utils import CaptureQueriesContext

SMALL = {"blueprintsummary", "patternrules", "patternchange", "hostsource", "hostjoin", "touchderivation"} | {
    "touchpending",
    "marker",
    "hiddenmarker",
    "observation",
    "sourcechange",
    "sourceprogress",
    "redaction",
    "redactedpatch",
    "documentredaction",
    "themeprogress",
}
"""Tables that do not grow with the log: a row a Blueprint, source or change by hand, one row, or work to do."""

DAILY = {"dailystatustally", "dailyaxistally", "dailyjointtally"}
"""Tables that figures over all time add up: they grow with its days, and not with the entries of a day."""


def plans(captured: CaptureQueriesContext) -> dict[str, str]:
    """Statement to plan. PostgreSQL takes an index where one could serve, as if all tables were large."""
    found = {}
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
        else:
            forget_statistics(cursor, undone_only=True)
        explain = "EXPLAIN" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
        for query in captured.captured_queries:
            statement = query["sql"].partition(" CURSOR WITH HOLD FOR ")[2] or query["sql"]
            cursor.execute(f"{explain} {statement}")
            found[statement] = "\n".join(str(row[-1]) for row in cursor.fetchall())
    return found


def forget_statistics(cursor: CursorWrapper, *, undone_only: bool = False) -> None:
    """SQLite's. It keeps in memory what ANALYZE found, even in a transaction that was rolled back."""
    cursor.execute("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_stat1'")
    if cursor.fetchone():
        if not undone_only:
            cursor.execute("DELETE FROM sqlite_stat1")
        cursor.execute("ANALYZE sqlite_schema")  # reads the statistics anew


def steps(read: Callable[[], object]) -> int:
    """Of SQLite's virtual machine, while ``read`` runs a second time: its statements are composed by then."""
    read()
    counted = itertools.count()
    connection.connection.set_progress_handler(lambda: next(counted) and 0, 1)
    try:
        read()
    finally:
        connection.connection.set_progress_handler(None, 0)
    return next(counted)


def whole_tables(captured: CaptureQueriesContext) -> set[str]:
    """The tables, of those that grow with the log, that a statement would read from end to end."""
    words = {"postgresql": "Seq Scan on ", "sqlite": "SCAN "}[connection.vendor]
    in_order = connection.vendor == "sqlite"  # there a scan without a sort stops where LIMIT says
    read = {
        line.partition(words)[2].split()[0].removeprefix("enhancelog_")
        for statement, plan in plans(captured).items()
        if not (in_order and statement.endswith(" LIMIT 1") and "TEMP B-TREE" not in plan)
        for line in plan.splitlines()
        if f"{words}enhancelog_" in line
    }
    return read - SMALL
