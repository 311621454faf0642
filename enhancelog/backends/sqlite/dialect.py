"""What the log needs of SQLite: triggers, multi-row inserts, text conditions."""

import json
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Final

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from enhancelog.backends import APPEND_LOCK_TIMEOUT_S, SHORTEST_LOCK_TIMEOUT_S, in_parts, schema
from enhancelog.backends.sqlite.lock import WriteLock
from enhancelog.backends.sqlite.search import SqliteSearch

ENTRY: Final = "enhancelog_entry"

# INSERT OR REPLACE removes the old row without running a DELETE trigger, hence the third one.
TRIGGERS: Final = {
    "enhancelog_entry_no_update": f"""
        CREATE TRIGGER enhancelog_entry_no_update BEFORE UPDATE ON {ENTRY}
        BEGIN SELECT RAISE(ABORT, 'entries of the enhance log are immutable'); END""",
    "enhancelog_entry_no_delete": f"""
        CREATE TRIGGER enhancelog_entry_no_delete BEFORE DELETE ON {ENTRY}
        BEGIN SELECT RAISE(ABORT, 'entries of the enhance log cannot be deleted'); END""",
    "enhancelog_entry_no_replace": f"""
        CREATE TRIGGER enhancelog_entry_no_replace BEFORE INSERT ON {ENTRY}
        WHEN EXISTS (SELECT 1 FROM {ENTRY} WHERE issue_id = NEW.issue_id)
          OR EXISTS (SELECT 1 FROM {ENTRY} WHERE position = NEW.position)
        BEGIN SELECT RAISE(ABORT, 'UNIQUE constraint failed: this entry is already in the enhance log'); END""",
}


class SqliteDialect:
    store_name = "sqlite"
    search = SqliteSearch()

    link_before_sql = f"""
        link.source = chain.source AND (link.ts_ms, link.position) < ({ENTRY}.ts_ms, {ENTRY}.position)
        ORDER BY link.ts_ms DESC, link.position DESC"""

    text_search_sql = f"""(
        instr(lower({ENTRY}.intent), lower(%s)) OR instr(lower({ENTRY}.rationale), lower(%s))
        OR EXISTS (SELECT 1 FROM json_each({ENTRY}.reasons) reason WHERE instr(lower(reason.value), lower(%s)))
        OR EXISTS (SELECT 1 FROM json_each({ENTRY}.verdicts) verdict
                   WHERE instr(lower(json_extract(verdict.value, '$.detail')), lower(%s))))"""

    @contextmanager
    def appending(self, timeout_s: float = APPEND_LOCK_TIMEOUT_S) -> Iterator[CursorWrapper]:
        lock: WriteLock = connection.write_lock  # type: ignore[attr-defined]
        with (
            lock.patience(max(timeout_s, SHORTEST_LOCK_TIMEOUT_S)),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            schema.require(cursor)
            yield cursor

    def require_schema(self, cursor: CursorWrapper) -> None:
        schema.require(cursor)  # a transaction that is going to write is the only one from its beginning

    @contextmanager
    def migrating(self) -> Iterator[CursorWrapper]:
        # Django's schema editor insists on it, and SQLite ignores it inside a transaction.
        with connection.constraint_checks_disabled(), transaction.atomic(), connection.cursor() as cursor:
            yield cursor

    def schema_sql(self) -> str:
        return "\n".join([*TRIGGERS.values(), *self.search.statements])

    def starting(self) -> AbstractContextManager[None]:
        """A file is on one host, where starts wait for each other already."""
        return nullcontext()

    def install_triggers(self, cursor: CursorWrapper) -> None:
        for name, statement in TRIGGERS.items():
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}")
            cursor.execute(statement.strip())

    def missing_triggers(self, cursor: CursorWrapper) -> list[str]:
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s", [ENTRY])
        present = dict(cursor.fetchall())
        return [name for name, statement in TRIGGERS.items() if present.get(name) != statement.strip()]

    def one_of(self, column: str, values: Sequence[str]) -> tuple[str, Any]:
        return f"{column} IN (SELECT value FROM json_each(%s))", json.dumps(values)

    def insert_rows(
        self, cursor: CursorWrapper, table: str, columns: Sequence[str], rows: Sequence[Any], on_conflict: str = ""
    ) -> None:
        one = f"({', '.join(['%s'] * len(columns))})"
        for part in in_parts(rows):
            values = ", ".join([one] * len(part))
            statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES {values} {on_conflict}"
            cursor.execute(statement, [value for row in part for value in row])

    def fetch(self, cursor: CursorWrapper, statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        cursor.execute(statement, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows

    def lock_table(self, cursor: CursorWrapper, table: str) -> None:
        """A transaction that is going to write is the only one from its beginning."""
