"""SQLite: triggers, multi-row inserts, text conditions."""

import fcntl
import json
import os
import re
import sqlite3
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from itertools import chain
from typing import Any, Final, cast

from django.db import OperationalError, connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import QuerySet

from enhancelog.backends import (
    APPEND_LOCK_TIMEOUT_S,
    REBUILT_ALREADY,
    SEARCH_TABLE,
    SHORTEST_LOCK_TIMEOUT_S,
    Row,
    address_of,
    in_parts,
    schema,
    text_bytes,
    write_once,
)
from enhancelog.backends.sqlite import foreign_objects, same_file, triggers
from enhancelog.backends.sqlite.copies import SqliteCopies
from enhancelog.backends.sqlite.lock import WriteLock
from enhancelog.backends.sqlite.search_index import SqliteSearch
from enhancelog.domain.errors import Other
from enhancelog.domain.installation import Database

ENTRY: Final = "enhancelog_entry"

# Rows per fetch: so many may be read beyond the limit of ``first_rows``, and a row may have several MB.
READ_AT_ONCE: Final = 4
# 64 MiB; and up to 32 MiB in the WAL before it is copied to the database.
FOR_MANY: Final = ("cache_size = -65536", "wal_autocheckpoint = 8000")


class SqliteDialect:
    store_name = "sqlite"
    search = SqliteSearch()
    copies = SqliteCopies()

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
        OR instr(lower({ENTRY}.reasons), lower(%s)) AND EXISTS (
            SELECT 1 FROM json_each({ENTRY}.reasons) reason WHERE instr(lower(reason.value), lower(%s)))
        OR instr(lower({ENTRY}.verdicts), lower(%s)) AND EXISTS (
            SELECT 1 FROM json_each({ENTRY}.verdicts) verdict
            WHERE instr(lower(json_extract(verdict.value, '$.detail')), lower(%s))))"""

    def has_word(self, text: str, word: str, separators: str) -> tuple[str, tuple[str, ...]]:
        # The REGEXP function is Django's, in Python.
        other = f"[^ {re.escape(separators)}]"
        return f"{text} REGEXP %s", (f"(?ai)(?<!{other}){re.escape(word)}(?!{other})",)

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

    def expect_many(self) -> None:
        # A batch of many Blueprints changes more pages than the usual cache holds, and the next batches change them
        # again: half as much is written, and each commit is synced as before.
        with connection.cursor() as cursor:
            for pragma in FOR_MANY:
                self.fetch(cursor, f"PRAGMA {pragma}", [])

    def require_schema(self, cursor: CursorWrapper) -> None:
        schema.require(cursor)  # a writing transaction is alone from its start

    @contextmanager
    def migrating(self) -> Iterator[CursorWrapper]:
        # Django's schema editor requires it, and SQLite ignores it inside a transaction.
        with connection.constraint_checks_disabled(), transaction.atomic(), connection.cursor() as cursor:
            yield cursor

    def schema_parts(self) -> Mapping[str, str]:
        tables = write_once.registered().items()
        parts = {f"triggers of {name}": "\n".join(triggers.of_table(name, table).values()) for name, table in tables}
        return {**parts, "search index": "\n".join(self.search.statements)}

    def starting(self) -> AbstractContextManager[None]:
        return nullcontext()  # a file is on one host, where starts already exclude each other

    @contextmanager
    def rebuilding(self) -> Iterator[None]:
        path = f"{connection.settings_dict['NAME']}.rebuild.lock"
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise OperationalError(f"cannot open {path}: {error.strerror}") from error
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Other(REBUILT_ALREADY) from None
            yield
        finally:
            os.close(descriptor)

    def install_triggers(self, cursor: CursorWrapper) -> None:
        missing = set(self.missing_triggers(cursor))
        for name, statement in triggers.every(write_once.existing(cursor)).items():
            if name in missing:
                cursor.execute(f"DROP TRIGGER IF EXISTS {name}")
                cursor.execute(statement)

    def missing_triggers(self, cursor: CursorWrapper) -> list[str]:
        tables = write_once.registered()
        condition, parameter = self.one_of("tbl_name", list(tables))
        cursor.execute(f"SELECT name, sql FROM sqlite_master WHERE {condition}", [parameter])
        present = dict(cursor.fetchall())
        wanted = triggers.every({name: table for name, table in tables.items() if name in present})
        return [name for name, statement in wanted.items() if present.get(name) != statement]

    def foreign_objects(self, cursor: CursorWrapper) -> list[str]:
        return foreign_objects.look(cursor)

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

    def may_update(self, table: str) -> bool:
        return True

    @contextmanager
    def erasing(self) -> Iterator[None]:
        with connection.cursor() as cursor:
            ((usual,),) = self.fetch(cursor, "PRAGMA secure_delete", [])
            self.fetch(cursor, "PRAGMA secure_delete = ON", [])  # its row is read: an open statement prevents VACUUM
            try:
                yield
            finally:
                self.fetch(cursor, f"PRAGMA secure_delete = {int(usual)}", [])

    def erase(self, tables: Sequence[str], say: Callable[[str], object]) -> bool:
        # The search index keeps the words of deleted rows until its parts are merged. A page that was split, or a copy
        # in the WAL, may still have a text that no row has: VACUUM writes every page anew, and the checkpoint empties
        # the WAL. Waits for readers as long as for a lock.
        lock: WriteLock = connection.write_lock  # type: ignore[attr-defined]
        with self.erasing(), connection.cursor() as cursor:
            say(f"merging {SEARCH_TABLE}")
            cursor.execute(f"INSERT INTO {SEARCH_TABLE} ({SEARCH_TABLE}) VALUES ('optimize')")
            lock.acquire()
            try:
                say("VACUUM")
                cursor.execute("VACUUM")
                cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                (is_busy, *_) = cursor.fetchone()
            finally:
                lock.release()
        return not is_busy

    def stay(self) -> None:
        same_file.begin(str(connection.settings_dict["NAME"]))

    def answering_within(self, seconds: float) -> AbstractContextManager[None]:
        return nullcontext()  # there is no server

    def glance(self) -> AbstractContextManager[CursorWrapper]:
        return connection.cursor()  # no transaction, which would take the write lock; reads never wait

    def facts(self, cursor: CursorWrapper) -> Database:
        # The sizes of tables are left out: SQLite reads every page for them.
        cursor.execute("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
        (size,) = cursor.fetchone()
        return Database(
            kind="SQLite",
            address=address_of(connection.settings_dict),
            version=sqlite3.sqlite_version,
            bytes=size,
            is_read_only=connection.read_only,  # type: ignore[attr-defined]
        )
