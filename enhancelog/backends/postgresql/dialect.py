"""What the log needs of PostgreSQL: triggers, COPY, text conditions."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from enhancelog.backends import APPEND_LOCK_KEY, APPEND_LOCK_TIMEOUT_S, SHORTEST_LOCK_TIMEOUT_S, START_LOCK_KEY
from enhancelog.backends.postgresql.search import PostgresqlSearch

ENTRY: Final = "enhancelog_entry"

FUNCTION_BODY: Final = """
    BEGIN
        RAISE EXCEPTION 'entries of the enhance log are immutable (%)', TG_OP USING ERRCODE = '23000';
    END """

FUNCTION: Final = f"""
    CREATE OR REPLACE FUNCTION enhancelog_entry_refuse() RETURNS trigger LANGUAGE plpgsql AS $${FUNCTION_BODY}$$"""

TRIGGERS: Final = {
    "enhancelog_entry_no_change": "BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW",
    "enhancelog_entry_no_truncate": "BEFORE TRUNCATE ON {table} FOR EACH STATEMENT",
}

TRIGGER_TYPES: Final = {"enhancelog_entry_no_change": 1 + 2 + 8 + 16, "enhancelog_entry_no_truncate": 2 + 32}
"""The same in pg_trigger's bits: row 1, before 2, delete 8, update 16, truncate 32."""

COPY_FROM_ROWS: Final = 20
"""From this many rows on, COPY beats a pipelined INSERT."""

START_POLL_S: Final = 0.2


class PostgresqlDialect:
    store_name = "postgresql"
    search = PostgresqlSearch()

    # lower() under the "C" collation touches ASCII only, as SQLite's does.
    text_search_sql = f"""(
        strpos(lower({ENTRY}.intent COLLATE "C"), lower(%s COLLATE "C")) > 0
        OR strpos(lower({ENTRY}.rationale COLLATE "C"), lower(%s COLLATE "C")) > 0
        OR EXISTS (SELECT 1 FROM json_array_elements_text({ENTRY}.reasons::json) reason
                   WHERE strpos(lower(reason COLLATE "C"), lower(%s COLLATE "C")) > 0)
        OR EXISTS (SELECT 1 FROM json_array_elements({ENTRY}.verdicts::json) verdict
                   WHERE strpos(lower((verdict ->> 'detail') COLLATE "C"), lower(%s COLLATE "C")) > 0))"""

    @contextmanager
    def appending(self, timeout_s: float = APPEND_LOCK_TIMEOUT_S) -> Iterator[CursorWrapper]:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('lock_timeout', %s, true), pg_advisory_xact_lock(%s)",
                [f"{round(1000 * max(timeout_s, SHORTEST_LOCK_TIMEOUT_S))}ms", APPEND_LOCK_KEY],
            )
            yield cursor

    @contextmanager
    def starting(self) -> Iterator[None]:
        with connection.cursor() as cursor:
            while not _holds(cursor, "pg_try_advisory_lock"):  # waiting inside would end with the statement's time
                time.sleep(START_POLL_S)
            try:
                yield
            finally:
                _holds(cursor, "pg_advisory_unlock")

    def install_triggers(self, cursor: CursorWrapper) -> None:
        cursor.execute(FUNCTION)
        for name, event in TRIGGERS.items():
            cursor.execute(f"DROP TRIGGER IF EXISTS {name} ON {ENTRY}")
            cursor.execute(
                f"CREATE TRIGGER {name} {event.format(table=ENTRY)} EXECUTE FUNCTION enhancelog_entry_refuse()"
            )
            cursor.execute(f"ALTER TABLE {ENTRY} ENABLE ALWAYS TRIGGER {name}")

    def missing_triggers(self, cursor: CursorWrapper) -> list[str]:
        cursor.execute(
            "SELECT tgname, tgtype FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid"
            " WHERE tgrelid = to_regclass(%s) AND tgenabled = 'A' AND tgqual IS NULL AND tgattr = ''::int2vector"
            " AND proname = 'enhancelog_entry_refuse' AND prosrc = %s",
            [ENTRY, FUNCTION_BODY],
        )
        present = dict(cursor.fetchall())
        return [name for name in TRIGGERS if present.get(name) != TRIGGER_TYPES[name]]

    def one_of(self, column: str, values: Sequence[str]) -> tuple[str, Any]:
        return f"{column} = ANY(%s)", list(values)

    def insert_rows(
        self, cursor: CursorWrapper, table: str, columns: Sequence[str], rows: Sequence[Any], on_conflict: str = ""
    ) -> None:
        if not rows:
            return
        names = ", ".join(columns)
        if len(rows) < COPY_FROM_ROWS or on_conflict:
            one = f"({', '.join(['%s'] * len(columns))})"
            statement = f"INSERT INTO {table} ({names}) VALUES {', '.join([one] * len(rows))} {on_conflict}"
            cursor.execute(statement, [value for row in rows for value in row])
            return
        with cursor.db.wrap_database_errors, cursor.cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)

    def lock_table(self, cursor: CursorWrapper, table: str) -> None:
        cursor.execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")


def _holds(cursor: CursorWrapper, function: str) -> bool:
    """What the lock function says of the lock of starts."""
    cursor.execute(f"SELECT {function}(%s)", [START_LOCK_KEY])
    return bool(cursor.fetchone()[0])
