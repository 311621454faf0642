"""How the configured database would run the statements that a piece of code asked."""

from django.db import connection
from django.test.utils import CaptureQueriesContext


SMALL = {"patternrules", "patternchange"}
"""Tables of a few rows, read whole because that is quickest."""


def plans(captured: CaptureQueriesContext) -> dict[str, str]:
    """Statement to plan. PostgreSQL takes an index where one could serve, as if all tables were large."""
    found = {}
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
        explain = "EXPLAIN" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
        for query in captured.captured_queries:
            statement = query["sql"].partition(" CURSOR WITH HOLD FOR ")[2] or query["sql"]
            cursor.execute(f"{explain} {statement}")
            found[statement] = "\n".join(str(row[-1]) for row in cursor.fetchall())
    return found


def whole_tables(captured: CaptureQueriesContext) -> set[str]:
    """The tables of the log that a statement would read from end to end."""
    words = {"postgresql": "Seq Scan on ", "sqlite": "SCAN "}[connection.vendor]
    return {
        line.partition(words)[2].split()[0].removeprefix("enhancelog_")
        for plan in plans(captured).values()
        for line in plan.splitlines()
        if f"{words}enhancelog_" in line
    } - SMALL
