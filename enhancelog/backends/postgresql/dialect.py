"""What the log needs of PostgreSQL: triggers, COPY, text conditions."""

from collections.abc import Sequence
from typing import Any, Final

from django.db.backends.utils import CursorWrapper

from enhancelog.backends import APPEND_LOCK_KEY

ENTRY: Final = "enhancelog_entry"

FUNCTION: Final = """
    CREATE OR REPLACE FUNCTION enhancelog_entry_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'entries of the enhance log are immutable (%)', TG_OP USING ERRCODE = '23000';
    END $$"""

TRIGGERS: Final = {
    "enhancelog_entry_no_change": "BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW",
    "enhancelog_entry_no_truncate": "BEFORE TRUNCATE ON {table} FOR EACH STATEMENT",
}

COPY_FROM_ROWS: Final = 20
"""From this many rows on, COPY beats a pipelined INSERT."""


class PostgresqlDialect:
    store_name = "postgresql"

    # lower() under the "C" collation touches ASCII only, as SQLite's does.
    text_search_sql = f"""(
        strpos(lower({ENTRY}.intent COLLATE "C"), lower(%s COLLATE "C")) > 0
        OR strpos(lower({ENTRY}.rationale COLLATE "C"), lower(%s COLLATE "C")) > 0
        OR strpos(lower({ENTRY}.reasons COLLATE "C"), lower(%s COLLATE "C")) > 0
        OR EXISTS (SELECT 1 FROM json_array_elements({ENTRY}.verdicts::json) verdict
                   WHERE strpos(lower((verdict ->> 'detail') COLLATE "C"), lower(%s COLLATE "C")) > 0))"""

    def lock_appends(self, cursor: CursorWrapper) -> None:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [APPEND_LOCK_KEY])

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
            "SELECT tgname FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid"
            " WHERE tgrelid = to_regclass(%s) AND tgenabled = 'A' AND proname = 'enhancelog_entry_refuse'",
            [ENTRY],
        )
        present = {name for (name,) in cursor.fetchall()}
        return [name for name in TRIGGERS if name not in present]

    def insert_rows(self, cursor: CursorWrapper, table: str, columns: Sequence[str], rows: Sequence[Any]) -> None:
        names = ", ".join(columns)
        if len(rows) < COPY_FROM_ROWS:
            places = ", ".join(["%s"] * len(columns))
            cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({places})", rows)
            return
        with cursor.db.wrap_database_errors, cursor.cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
