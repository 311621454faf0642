"""PostgreSQL: triggers, COPY, text conditions, locks."""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec
import psycopg
from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import Func, IntegerField, QuerySet
from django.db.models.functions import Coalesce
from psycopg.types.numeric import Int8

from enhancelog.backends import (
    APPEND_LOCK_KEY,
    APPEND_LOCK_TIMEOUT_S,
    REBUILD_LOCK_KEY,
    REBUILT_ALREADY,
    SEARCH_TABLE,
    SHORTEST_LOCK_TIMEOUT_S,
    START_LOCK_KEY,
    Row,
    address_of,
    in_parts,
    schema,
    waiting,
    write_once,
)
from enhancelog.backends.permit import permit
from enhancelog.backends.postgresql import foreign_objects, patience, snapshots, triggers
from enhancelog.backends.postgresql.copies import PostgresqlCopies
from enhancelog.backends.postgresql.search_index import PostgresqlSearch
from enhancelog.domain.errors import Other
from enhancelog.domain.installation import Database, Table

if TYPE_CHECKING:
    from enhancelog.backends.postgresql.base import DatabaseWrapper

ENTRY: Final = "enhancelog_entry"

# Those that are absent, altered or disabled, of tables that exist.
MISSING: Final = """
    SELECT wanted.name FROM unnest(%s::text[], %s::text[], %s::int[], %s::text[], %s::text[]) WITH ORDINALITY
        AS wanted (relation, name, kind, function, body, number)
    WHERE to_regclass(wanted.relation) IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid
        WHERE tgrelid = to_regclass(wanted.relation) AND tgname = wanted.name AND tgtype = wanted.kind
            AND tgenabled = 'A' AND tgqual IS NULL AND tgattr = ''::int2vector
            AND proname = wanted.function AND prosrc = wanted.body)
    ORDER BY wanted.number"""

# Rows from which COPY beats INSERT.
COPY_FROM_ROWS: Final = 8
# Rows from which, with ON CONFLICT (COPY has none), one JSON parameter beats a parameter per value.
JSON_FROM_ROWS: Final = 64

# pg_total_relation_size waits for a migration that holds its table.
GLANCE: Final = "SELECT set_config('lock_timeout', %s, true), set_config('statement_timeout', %s, true)"
GLANCE_LOCK_MS: Final = 500
GLANCE_MS: Final = 5_000

# Without pg_read_all_stats, a role sees that there are standbys, but not what they are (NULL).
FACTS: Final = """
    SELECT current_setting('server_version'), pg_database_size(current_database()),
        current_setting('transaction_read_only')::boolean, (SELECT SUM(numbackends) FROM pg_stat_database)::int,
        current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,
        CASE WHEN current_setting('synchronous_commit') NOT IN ('off', 'local') AND NOT EXISTS
            (SELECT FROM pg_stat_replication WHERE COALESCE(sync_state, '?') IN ('sync', 'quorum', '?'))
        THEN current_setting('synchronous_standby_names') ELSE '' END"""
LARGEST_TABLES: Final = """
    SELECT relname, pg_total_relation_size(oid) FROM pg_class
    WHERE relkind = 'r' AND relnamespace = to_regnamespace(current_schema())
    ORDER BY 2 DESC NULLS LAST LIMIT 8"""

START_POLL_S: Final = 0.2
LOCK_POLL_S: Final = 0.02
# As long as an append waits for its lock (``store.writing``).
SCHEMA_PATIENCE_S: Final = 5.0


def _contains(text: str) -> str:
    return f'strpos(lower({text} COLLATE "C"), lower(%s COLLATE "C")) > 0'


class PostgresqlDialect:
    store_name = "postgresql"
    search = PostgresqlSearch()
    copies = PostgresqlCopies()

    # Only the chain index has this order. With the source as a separate condition the planner would scan the index
    # of all the Blueprint's runs, and read all of them for each entry before the beginning of a source that started
    # late.
    link_before_sql = f"""
        (link.source, link.ts_ms, link.position) < (chain.source, {ENTRY}.ts_ms, {ENTRY}.position)
        ORDER BY link.source DESC, link.ts_ms DESC, link.position DESC"""

    # lower() under the "C" collation touches ASCII only, as SQLite's does.
    text_search_sql = f"""(
        {_contains(f"{ENTRY}.intent")} OR {_contains(f"{ENTRY}.rationale")}
        OR {_contains(f"{ENTRY}.reasons")} AND EXISTS (
            SELECT 1 FROM json_array_elements_text({ENTRY}.reasons::json) reason WHERE {_contains("reason")})
        OR {_contains(f"{ENTRY}.verdicts")} AND EXISTS (
            SELECT 1 FROM json_array_elements({ENTRY}.verdicts::json) said WHERE {_contains("(said ->> 'detail')")}))"""

    def has_word(self, text: str, word: str, separators: str) -> tuple[str, tuple[str, ...]]:
        # Under the "C" collation, only the case of ASCII letters is ignored.
        other = f"[^ {re.escape(separators)}]"
        return f'{text} COLLATE "C" ~* %s', (f"(?<!{other}){re.escape(word)}(?!{other})",)

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

    def expect_many(self) -> None:
        pass  # its server has the memory

    def require_schema(self, cursor: CursorWrapper) -> None:
        # A migration holds the row. One that is skipped costs no transaction, as a timeout of the lock would.
        until = time.monotonic() + SCHEMA_PATIENCE_S
        while not schema.lock(cursor, f" FOR SHARE OF {schema.TABLE} SKIP LOCKED"):
            if time.monotonic() > until:
                raise Other("the database is being upgraded")
            with permit.released():
                time.sleep(LOCK_POLL_S)

    @contextmanager
    def migrating(self) -> Iterator[CursorWrapper]:
        with transaction.atomic(), connection.cursor() as cursor:
            _lock_appends(cursor, APPEND_LOCK_TIMEOUT_S)
            cursor.execute("SET LOCAL statement_timeout = 0")  # rewriting a table can take long
            yield cursor

    def schema_parts(self) -> Mapping[str, str]:
        tables = write_once.registered().items()
        parts = {f"triggers of {name}": repr([*triggers.of_table(name, table)]) for name, table in tables}
        return {**parts, "search index": "\n".join(self.search.statements)}

    @contextmanager
    def starting(self) -> Iterator[None]:
        with connection.cursor() as cursor:
            # A blocking lock would hit the statement timeout.
            while not _holds(cursor, "pg_try_advisory_lock", START_LOCK_KEY):
                time.sleep(START_POLL_S)
            try:
                yield
            finally:
                _holds(cursor, "pg_advisory_unlock", START_LOCK_KEY)

    @contextmanager
    def rebuilding(self) -> Iterator[None]:
        with connection.cursor() as cursor:
            if not _holds(cursor, "pg_try_advisory_lock", REBUILD_LOCK_KEY):
                raise Other(REBUILT_ALREADY)
        try:
            yield
        finally:
            with connection.cursor() as cursor:
                _holds(cursor, "pg_advisory_unlock", REBUILD_LOCK_KEY)

    def install_triggers(self, cursor: CursorWrapper) -> None:
        # Those that are right are left alone: to make them again would lock their tables for readers, too.
        missing = set(self.missing_triggers(cursor))
        wanted = [each for each in triggers.every(write_once.existing(cursor)) if each.name in missing]
        for function, body in {each.function: each.body for each in wanted}.items():
            cursor.execute(f"CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $${body}$$")
        for each in wanted:
            cursor.execute(f"DROP TRIGGER IF EXISTS {each.name} ON {each.table}")
            cursor.execute(f"CREATE TRIGGER {each.name} {each.event} EXECUTE FUNCTION {each.function}()")
            cursor.execute(f"ALTER TABLE {each.table} ENABLE ALWAYS TRIGGER {each.name}")

    def missing_triggers(self, cursor: CursorWrapper) -> list[str]:
        rows = [(each.table, each.name, each.kind, each.function, each.body) for each in triggers.registered()]
        cursor.execute(MISSING, [list(column) for column in zip(*rows, strict=True)])
        return [name for (name,) in cursor.fetchall()]

    def foreign_objects(self, cursor: CursorWrapper) -> list[str]:
        return foreign_objects.look(cursor)

    def one_of(self, column: str, values: Sequence[str] | Sequence[int]) -> tuple[str, Any]:
        if values and isinstance(values[0], int):
            # As one text, because psycopg looks at each element of a list, which takes longer than most queries.
            return f"{column} = ANY(%s::bigint[])", "{" + ",".join(map(str, values)) + "}"
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

    def may_update(self, table: str) -> bool:
        with connection.cursor() as cursor:
            cursor.execute("SELECT has_table_privilege(%s, 'UPDATE')", [table])
            return bool(cursor.fetchone()[0])

    def erasing(self) -> AbstractContextManager[None]:
        return nullcontext()  # a deleted row stays in its table until VACUUM

    def erase(self, tables: Sequence[str], say: Callable[[str], object]) -> bool:
        # pg_statistic has samples of columns.
        with connection.cursor() as cursor:
            is_removable = snapshots.have_gone(cursor, say)
            for table in [*tables, SEARCH_TABLE]:
                say(f"VACUUM of {table}")
                cursor.execute(f"VACUUM (ANALYZE) {table}")
            cursor.execute("VACUUM pg_catalog.pg_statistic")  # a warning where the role does not own the database
        return is_removable

    def stay(self) -> None:
        pass  # its server sees to that

    def answering_within(self, seconds: float) -> AbstractContextManager[None]:
        return patience.answering_within(cast("DatabaseWrapper", connections[DEFAULT_DB_ALIAS]), seconds)

    @contextmanager
    def glance(self) -> Iterator[CursorWrapper]:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(GLANCE, [f"{GLANCE_LOCK_MS}ms", f"{GLANCE_MS}ms"])
            yield cursor

    def facts(self, cursor: CursorWrapper) -> Database:
        cursor.execute(FACTS)
        version, size, read_only, connections, most, waits_for = cursor.fetchone()
        cursor.execute(LARGEST_TABLES)
        return Database(
            kind="PostgreSQL",
            address=address_of(connection.settings_dict),
            version=version,
            bytes=size,
            tables=[Table(*row) for row in cursor.fetchall()],
            is_read_only=read_only,
            connections=connections,
            max_connections=most,
            waits_for=waits_for,
        )


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


def _holds(cursor: CursorWrapper, function: str, key: int) -> bool:
    cursor.execute(f"SELECT {function}(%s)", [key])
    return bool(cursor.fetchone()[0])
