"""PostgreSQL: triggers, COPY, text conditions, locks."""

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import accumulate
from typing import Any, Final

import msgspec
import psycopg
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import Func, IntegerField, QuerySet
from django.db.models.functions import Coalesce
from psycopg.types.numeric import Int8

from enhancelog.backends import (
    APPEND_LOCK_KEY,
    APPEND_LOCK_TIMEOUT_S,
    SHORTEST_LOCK_TIMEOUT_S,
    START_LOCK_KEY,
    Row,
    in_parts,
    schema,
    waiting,
    write_once,
)
from enhancelog.backends.postgresql.search_index import PostgresqlSearch

ENTRY: Final = "enhancelog_entry"

# The trigger function.
REFUSE: Final = "enhancelog_refuse_change"

REFUSE_BODY: Final = """
    BEGIN
        RAISE EXCEPTION 'rows of % are written once (%)', TG_TABLE_NAME, TG_OP USING ERRCODE = '23000';
    END """

# For each write-once table.
TRIGGERS: Final = {
    "{table}_no_change": "BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW",
    "{table}_no_truncate": "BEFORE TRUNCATE ON {table} FOR EACH STATEMENT",
}

# The same in the bits of pg_trigger.tgtype: row 1, before 2, delete 8, update 16, truncate 32.
TRIGGER_TYPES: Final = {"{table}_no_change": 1 + 2 + 8 + 16, "{table}_no_truncate": 2 + 32}

# One row per table and correct trigger; a table without any has one row of NULLs.
PRESENT: Final = """
    SELECT protected.name, found.tgname, found.tgtype FROM unnest(%s::text[]) AS protected (name) LEFT JOIN (
        SELECT tgrelid, tgname, tgtype FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid
        WHERE tgenabled = 'A' AND tgqual IS NULL AND tgattr = ''::int2vector AND proname = %s AND prosrc = %s
    ) found ON found.tgrelid = to_regclass(protected.name)
    WHERE to_regclass(protected.name) IS NOT NULL"""

# Rows from which COPY beats INSERT.
COPY_FROM_ROWS: Final = 8
# Rows from which, with ON CONFLICT (COPY has none), one JSON parameter beats a parameter per value.
JSON_FROM_ROWS: Final = 64

START_POLL_S: Final = 0.2
LOCK_POLL_S: Final = 0.02


class PostgresqlDialect:
    store_name = "postgresql"
    search = PostgresqlSearch()

    # Only the chain index has this order. With the source as a separate condition the planner would scan the index
    # of all the Blueprint's runs, and read all of them for each entry before the beginning of a source that started
    # late.
    link_before_sql = f"""
        (link.source, link.ts_ms, link.position) < (chain.source, {ENTRY}.ts_ms, {ENTRY}.position)
        ORDER BY link.source DESC, link.ts_ms DESC, link.position DESC"""

    # lower() under the "C" collation touches ASCII only, as SQLite's does.
    text_search_sql = f"""(
        strpos(lower({ENTRY}.intent COLLATE "C"), lower(%s COLLATE "C")) > 0
        OR strpos(lower({ENTRY}.rationale COLLATE "C"), lower(%s COLLATE "C")) > 0
        OR EXISTS (SELECT 1 FROM json_array_elements_text({ENTRY}.reasons::json) reason
                   WHERE strpos(lower(reason COLLATE "C"), lower(%s COLLATE "C")) > 0)
        OR EXISTS (SELECT 1 FROM json_array_elements({ENTRY}.verdicts::json) verdict
                   WHERE strpos(lower((verdict ->> 'detail') COLLATE "C"), lower(%s COLLATE "C")) > 0))"""

    def has_word(self, text: str, word: str, separators: str) -> tuple[str, str]:
        marks = " || ".join(f"chr({ord(mark)})" for mark in separators)
        spaced = f"translate(lower({text} COLLATE \"C\"), {marks}, '{' ' * len(separators)}')"
        return f"strpos(' ' || {spaced} || ' ', lower(%s COLLATE \"C\")) > 0", f" {word} "

    def operations_sql(self, ops: str) -> str:
        return f"json_array_length(({ops})::json)"

    def has_operation_sql(self, ops: str, kind: str) -> str:
        every = f"json_array_elements(({ops})::json)"
        return f"EXISTS (SELECT 1 FROM {every} operation WHERE operation ->> 'op' = '{kind}')"

    @contextmanager
    def appending(self, timeout_s: float = APPEND_LOCK_TIMEOUT_S) -> Iterator[CursorWrapper]:
        with transaction.atomic(), connection.cursor() as cursor:
            _lock_appends(cursor, timeout_s)
            schema.require(cursor)  # separate statement: must see commits made during the wait
            yield cursor

    def require_schema(self, cursor: CursorWrapper) -> None:
        schema.require(cursor, f" FOR SHARE OF {schema.TABLE} NOWAIT")

    @contextmanager
    def migrating(self) -> Iterator[CursorWrapper]:
        with transaction.atomic(), connection.cursor() as cursor:
            _lock_appends(cursor, APPEND_LOCK_TIMEOUT_S)
            cursor.execute("SET LOCAL statement_timeout = 0")  # rewriting a table can take long
            yield cursor

    def schema_sql(self) -> str:
        every = [(name, event) for table in write_once.registered() for name, event in _triggers(table)]
        return "\n".join([REFUSE_BODY, *map(repr, every), *self.search.statements])

    @contextmanager
    def starting(self) -> Iterator[None]:
        with connection.cursor() as cursor:
            while not _holds(cursor, "pg_try_advisory_lock"):  # a blocking lock would hit the statement timeout
                time.sleep(START_POLL_S)
            try:
                yield
            finally:
                _holds(cursor, "pg_advisory_unlock")

    def install_triggers(self, cursor: CursorWrapper) -> None:
        cursor.execute(f"CREATE OR REPLACE FUNCTION {REFUSE}() RETURNS trigger LANGUAGE plpgsql AS $${REFUSE_BODY}$$")
        for table in write_once.existing(cursor):
            for name, event in _triggers(table):
                cursor.execute(f"DROP TRIGGER IF EXISTS {name} ON {table}")
                cursor.execute(f"CREATE TRIGGER {name} {event} EXECUTE FUNCTION {REFUSE}()")
                cursor.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")

    def missing_triggers(self, cursor: CursorWrapper) -> list[str]:
        cursor.execute(PRESENT, [list(write_once.registered()), REFUSE, REFUSE_BODY])
        rows = cursor.fetchall()
        tables = dict.fromkeys(table for table, _, _ in rows)
        wanted = [(table, name.format(table=table), kind) for table in tables for name, kind in TRIGGER_TYPES.items()]
        return [row[1] for row in wanted if row not in rows]

    def one_of(self, column: str, values: Sequence[str] | Sequence[int]) -> tuple[str, Any]:
        return f"{column} = ANY(%s)", list(values)

    def insert_rows(
        self, cursor: CursorWrapper, table: str, columns: Sequence[str], rows: Sequence[Any], on_conflict: str = ""
    ) -> None:
        names = ", ".join(columns)
        if len(rows) >= COPY_FROM_ROWS and not on_conflict:
            with cursor.db.wrap_database_errors, cursor.cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            return
        if len(rows) >= JSON_FROM_ROWS:
            typed = f"json_populate_recordset(NULL::{table.partition(' ')[0]}, %s)"
            text = msgspec.json.encode([dict(zip(columns, row, strict=True)) for row in rows]).decode()
            self._prepared(cursor, f"INSERT INTO {table} ({names}) SELECT {names} FROM {typed} {on_conflict}", [text])
            return
        one = f"({', '.join(['%s'] * len(columns))})"
        for part in in_parts(rows):
            statement = f"INSERT INTO {table} ({names}) VALUES {', '.join([one] * len(part))} {on_conflict}"
            self._prepared(cursor, statement, [value for row in part for value in row])

    def first_rows(
        self, rows: QuerySet[Any, Any], columns: Sequence[str], texts: Sequence[str], size: int, most_bytes: int
    ) -> tuple[list[Row], bool]:
        # A statement's rows arrive all at once, so ``text_bytes`` is read first; octet_length reads no long text.
        lengths = [Coalesce(Func(column, function="octet_length", output_field=IntegerField()), 0) for column in texts]
        weights = rows.values_list(sum(lengths[1:], start=lengths[0]), flat=True)[:size]
        heavy = next((count for count, weight in enumerate(accumulate(weights), 1) if weight >= most_bytes), None)
        return list(rows.values_list(*columns)[: heavy or size]), heavy is None and len(weights) < size

    def fetch(self, cursor: CursorWrapper, statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        return self._prepared(cursor, statement, values).fetchall()

    @staticmethod
    def _prepared(cursor: CursorWrapper, statement: str, values: Sequence[Any]) -> "psycopg.Cursor[tuple[Any, ...]]":
        # Django's own cursors do not prepare.
        with cursor.db.wrap_database_errors:
            prepared = psycopg.Cursor[tuple[Any, ...]](cursor.connection)
            # One type for all integers; otherwise each size would be a separate statement.
            typed = [Int8(value) if type(value) is int else value for value in values]
            return prepared.execute(statement, typed, prepare=True)

    def reading_any_text(self) -> AbstractContextManager[None]:
        return nullcontext()  # PostgreSQL stores only valid text

    def lock_table(self, cursor: CursorWrapper, table: str) -> None:
        cursor.execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")


def _lock_appends(cursor: CursorWrapper, timeout_s: float) -> None:
    if not waiting.is_limited():
        _wait_for_appends(cursor)
        return
    cursor.execute(
        "SELECT set_config('lock_timeout', %s, true), pg_advisory_xact_lock(%s)",
        [f"{round(1000 * max(timeout_s, SHORTEST_LOCK_TIMEOUT_S))}ms", APPEND_LOCK_KEY],
    )


def _wait_for_appends(cursor: CursorWrapper) -> None:
    # Poll briefly, then queue without limit: a process that only polls can starve.
    wait = waiting.Wait("another process that appends", 0)
    while not wait.is_long:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [APPEND_LOCK_KEY])
        if cursor.fetchone()[0]:
            return
        time.sleep(LOCK_POLL_S)
        wait.goes_on()
    cursor.execute("SELECT set_config('statement_timeout', '0', true), set_config('lock_timeout', '0', true)")
    cursor.execute("SELECT pg_advisory_xact_lock(%s)", [APPEND_LOCK_KEY])
    cursor.execute("SET LOCAL statement_timeout TO DEFAULT")


def _holds(cursor: CursorWrapper, function: str) -> bool:
    cursor.execute(f"SELECT {function}(%s)", [START_LOCK_KEY])
    return bool(cursor.fetchone()[0])


def _triggers(table: str) -> list[tuple[str, str]]:
    return [(name.format(table=table), event.format(table=table)) for name, event in TRIGGERS.items()]
