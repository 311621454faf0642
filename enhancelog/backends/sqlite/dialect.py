"""SQLite: triggers, multi-row inserts, text conditions."""

import json
import re
from collections.abc import Generator, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from itertools import chain
from typing import Any, Final, cast

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import QuerySet

from enhancelog.backends import (
    APPEND_LOCK_TIMEOUT_S,
    SHORTEST_LOCK_TIMEOUT_S,
    Row,
    in_parts,
    schema,
    text_bytes,
    write_once,
)
from enhancelog.backends.sqlite.lock import WriteLock
from enhancelog.backends.sqlite.search_index import SqliteSearch
from enhancelog.backends.write_once import Keys

ENTRY: Final = "enhancelog_entry"

# Rows per fetch: so many may be read beyond the limit of ``first_rows``, and a row may have several MB.
READ_AT_ONCE: Final = 4


def triggers(table: str, keys: Keys) -> dict[str, str]:
    """Name to statement, for a write-once table."""
    refuse = f"BEGIN SELECT RAISE(ABORT, 'rows of {table} are written once'); END"
    # INSERT OR REPLACE deletes the old row without firing a DELETE trigger, hence the third trigger.
    refuse_known = f"BEGIN SELECT RAISE(ABORT, 'UNIQUE constraint failed: {table} has this row already'); END"
    known = " OR ".join(
        f"EXISTS (SELECT 1 FROM {table} WHERE {' AND '.join(f'{column} = NEW.{column}' for column in key)})"
        for key in keys
    )
    bodies = {
        f"{table}_no_update": f"BEFORE UPDATE ON {table} {refuse}",
        f"{table}_no_delete": f"BEFORE DELETE ON {table} {refuse}",
        f"{table}_no_replace": f"BEFORE INSERT ON {table} WHEN {known} {refuse_known}",
    }
    return {name: f"CREATE TRIGGER {name} {body}" for name, body in bodies.items()}


class SqliteDialect:
    store_name = "sqlite"
    search = SqliteSearch()

    # Not one comparison of rows: where the position is the row id, SQLite seeks by the time alone, and would step over
    # all later entries of the same time.
    link_before_sql = f"""
        link.position = COALESCE(
            (SELECT same.position FROM {ENTRY} same
             WHERE same.blueprint_id = chain.blueprint_id AND same.source = chain.source
                AND same.ts_ms = {ENTRY}.ts_ms AND same.position < {ENTRY}.position
             ORDER BY same.position DESC LIMIT 1),
            (SELECT before.position FROM {ENTRY} before
             WHERE before.blueprint_id = chain.blueprint_id AND before.source = chain.source
                AND before.ts_ms < {ENTRY}.ts_ms
             ORDER BY before.ts_ms DESC, before.position DESC LIMIT 1))"""

    text_search_sql = f"""(
        instr(lower({ENTRY}.intent), lower(%s)) OR instr(lower({ENTRY}.rationale), lower(%s))
        OR EXISTS (SELECT 1 FROM json_each({ENTRY}.reasons) reason WHERE instr(lower(reason.value), lower(%s)))
        OR EXISTS (SELECT 1 FROM json_each({ENTRY}.verdicts) verdict
                   WHERE instr(lower(json_extract(verdict.value, '$.detail')), lower(%s))))"""

    def has_word(self, text: str, word: str, separators: str) -> tuple[str, str]:
        # The REGEXP function is Django's, in Python.
        other = f"[^ {re.escape(separators)}]"
        return f"{text} REGEXP %s", f"(?ai)(?<!{other}){re.escape(word)}(?!{other})"

    def operations_sql(self, ops: str) -> str:
        return f"json_array_length({ops})"

    def has_operation_sql(self, ops: str, kind: str) -> str:
        operation = "json_extract(operation.value, '$.op')"
        return f"EXISTS (SELECT 1 FROM json_each({ops}) operation WHERE {operation} = '{kind}')"

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
        schema.require(cursor)  # a writing transaction is alone from its start

    @contextmanager
    def migrating(self) -> Iterator[CursorWrapper]:
        # Django's schema editor requires it, and SQLite ignores it inside a transaction.
        with connection.constraint_checks_disabled(), transaction.atomic(), connection.cursor() as cursor:
            yield cursor

    def schema_sql(self) -> str:
        statements = [one for table, keys in write_once.registered().items() for one in triggers(table, keys).values()]
        return "\n".join([*statements, *self.search.statements])

    def starting(self) -> AbstractContextManager[None]:
        return nullcontext()  # a file is on one host, where starts already exclude each other

    def install_triggers(self, cursor: CursorWrapper) -> None:
        for table, keys in write_once.existing(cursor).items():
            for name, statement in triggers(table, keys).items():
                cursor.execute(f"DROP TRIGGER IF EXISTS {name}")
                cursor.execute(statement)

    def missing_triggers(self, cursor: CursorWrapper) -> list[str]:
        tables = write_once.registered()
        condition, parameter = self.one_of("tbl_name", list(tables))
        cursor.execute(f"SELECT name, sql FROM sqlite_master WHERE {condition}", [parameter])
        present = dict(cursor.fetchall())
        wanted = [triggers(table, keys) for table, keys in tables.items() if table in present]
        return [name for each in wanted for name, statement in each.items() if present.get(name) != statement]

    def one_of(self, column: str, values: Sequence[str] | Sequence[int]) -> tuple[str, Any]:
        return f"{column} IN (SELECT value FROM json_each(%s))", json.dumps(values)

    def insert_rows(
        self, cursor: CursorWrapper, table: str, columns: Sequence[str], rows: Sequence[Any], on_conflict: str = ""
    ) -> None:
        one = f"({', '.join(['%s'] * len(columns))})"
        for part in in_parts(rows):
            values = ", ".join([one] * len(part))
            statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES {values} {on_conflict}"
            cursor.execute(statement, list(chain.from_iterable(part)))

    def first_rows(
        self, rows: QuerySet[Any, Any], columns: Sequence[str], texts: Sequence[str], size: int, most_bytes: int
    ) -> tuple[list[Row], bool]:
        # SQLite reads each row only when it is fetched.
        weigh = text_bytes(columns, texts)
        first: list[Row] = []
        weight = 0
        selected = rows.values_list(*columns)[:size].iterator(READ_AT_ONCE)
        with closing(cast(Generator[Row, None, None], selected)) as found:
            for row in found:
                first.append(row)
                weight += weigh(row)
                if weight >= most_bytes:
                    return first, False
        return first, len(first) < size

    def fetch(self, cursor: CursorWrapper, statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        cursor.execute(statement, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows

    @contextmanager
    def reading_any_text(self) -> Iterator[None]:
        connection.ensure_connection()
        raw = connection.connection
        raw.text_factory = lambda data: data.decode("utf-8", "surrogateescape")
        try:
            yield
        finally:
            raw.text_factory = str

    # A writing transaction is alone from its start.
    def lock_table(self, cursor: CursorWrapper, table: str) -> None: ...
