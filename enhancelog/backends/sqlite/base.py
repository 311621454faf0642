"""Django's SQLite engine with WAL, full durability and a write lock across processes. Reads never wait."""

import os
import re
from collections.abc import Iterable
from contextlib import suppress
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.db.backends.sqlite3 import base, features, operations

from enhancelog.backends.sqlite import read_only, same_file
from enhancelog.backends.sqlite.dialect import SqliteDialect
from enhancelog.backends.sqlite.lock import WriteLock

TIMEOUT_S = 20.0

# Cached as SQLite reads them, and prepared per connection.
STATEMENTS = 512

_READS = re.compile(
    r"\A\s*+(SELECT|PRAGMA|EXPLAIN|VALUES|SAVEPOINT|RELEASE|ROLLBACK|BEGIN|COMMIT|WITH)\b", re.IGNORECASE
)
_WRITES_INSIDE = re.compile(r"\b(INSERT|UPDATE|DELETE|REPLACE)\b", re.IGNORECASE)


@lru_cache(maxsize=STATEMENTS)
def _with_question_marks(query: str) -> str:
    return base.FORMAT_QMARK_REGEX.sub("?", query).replace("%%", "%")


class DatabaseFeatures(features.DatabaseFeatures):
    # A RETURNING statement outside a transaction commits when its last row is read, after the lock was released.
    can_return_columns_from_insert = False
    can_return_rows_from_bulk_insert = False


class DatabaseOperations(operations.DatabaseOperations):
    def conditional_expression_supported_in_where_clause(self, expression: Any) -> bool:
        # ``NOT rejected``, as Django before 6.1 has it. ``rejected = 0`` is another condition to SQLite, and a partial
        # index serves only its own. A database may have been created with either Django.
        return True


class Cursor(base.SQLiteCursorWrapper):
    """Holds the write lock during a statement that writes outside a transaction."""

    wrapper: "DatabaseWrapper"

    def execute(self, query: str, params: Any = None) -> Any:
        if not self.wrapper.must_lock(query):
            return super().execute(query, params)
        self.wrapper.lock_writes()
        try:
            return super().execute(query, params)
        finally:
            self.wrapper.write_lock.release()

    def executemany(self, query: str, param_list: Iterable[Any]) -> Any:
        if not self.wrapper.must_lock(query):
            return super().executemany(query, param_list)
        self.wrapper.lock_writes()
        try:
            return super().executemany(query, param_list)
        finally:
            self.wrapper.write_lock.release()

    def convert_query(self, query: str, *, param_names: list[str] | None = None) -> str:
        if param_names is None:
            return _with_question_marks(query)
        return str(super().convert_query(query, param_names=param_names))


class DatabaseWrapper(base.DatabaseWrapper):
    # "integer" makes a big primary key the rowid; otherwise both names mean the same to SQLite.
    data_types = base.DatabaseWrapper.data_types | {"BigIntegerField": "integer"}
    features_class = DatabaseFeatures
    ops_class = DatabaseOperations
    dialect = SqliteDialect()
    # The folder is not writable: nothing is locked, and a transaction reads one snapshot.
    read_only = False

    codepoint_collation = None  # SQLite's default compares UTF-8 bytes, which is code point order

    @cached_property
    def write_lock(self) -> WriteLock:
        return WriteLock(self._path, TIMEOUT_S)

    def lock_writes(self) -> None:
        same_file.require(self._path)
        self.write_lock.acquire()
        try:
            same_file.require(self._path)  # that may have taken long
        except BaseException:
            self.write_lock.release()
            raise

    @property
    def _path(self) -> str:
        return str(self.settings_dict["NAME"])

    def must_lock(self, query: str) -> bool:
        if self.read_only or self.write_lock.held or self.is_in_memory_db() or self.connection.in_transaction:
            return False
        return not _READS.match(query) or bool(query.lstrip()[:4].upper() == "WITH" and _WRITES_INSIDE.search(query))

    def get_connection_params(self) -> dict[str, Any]:
        same_file.require(self._path)
        params = super().get_connection_params()
        database = Path(self._path)
        self.read_only = not self.is_in_memory_db() and read_only.is_needed(database)
        if self.read_only:
            params["database"] = read_only.uri(database)
        elif same_file.has_begun(self._path):
            params["database"] = f"file:{quote(self._path)}?mode=rw"  # creates none
        self.transaction_mode = "DEFERRED" if self.read_only else "IMMEDIATE"
        return {"timeout": TIMEOUT_S, "cached_statements": STATEMENTS, **params}

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        if not self.is_in_memory_db() and not self.read_only and not same_file.has_begun(self._path):
            _create_private(self._path)
        connection = super().get_new_connection(conn_params)
        if not self.is_in_memory_db() and not self.read_only:
            if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                self.write_lock.acquire()
                try:
                    connection.execute("PRAGMA journal_mode=WAL")
                finally:
                    self.write_lock.release()
            connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA temp_store=MEMORY")
        connection.execute("PRAGMA cache_size=-4096")
        return connection

    def is_usable(self) -> bool:
        # SQLite opens a file read-only while it cannot write it, and the connection stays so. An error drops the
        # connection.
        if self.is_in_memory_db():
            return bool(super().is_usable())
        return not self.errors_occurred and same_file.is_same(self._path) and bool(super().is_usable())

    def create_cursor(self, name: str | None = None) -> Cursor:
        cursor: Cursor = self.connection.cursor(factory=Cursor)
        cursor.wrapper = self
        return cursor

    # The lock is taken before BEGIN IMMEDIATE and released after COMMIT and its checkpoint.
    def _start_transaction_under_autocommit(self) -> None:
        if not self.is_in_memory_db() and not self.read_only:
            self.lock_writes()
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]
        except BaseException:
            self.write_lock.release()
            raise

    def _commit(self) -> None:
        # On failure Django rolls back, which releases the lock.
        super()._commit()  # type: ignore[misc]
        self.write_lock.release()

    def _rollback(self) -> None:
        try:
            super()._rollback()  # type: ignore[misc]
        finally:
            self.write_lock.release()

    def _close(self) -> None:
        # The last connection checkpoints when it closes, but SQLite makes sure that it is alone. No write lock is
        # needed, so a closing reader never waits for a writer.
        try:
            super()._close()  # type: ignore[misc]
        finally:
            self.write_lock.release()


def _create_private(path: str) -> None:
    # SQLite gives its other files the same mode.
    with suppress(OSError):  # SQLite reports the error
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
