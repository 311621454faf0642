"""Copies of a PostgreSQL database by ``pg_dump``, and databases that ``pg_restore`` fills in one transaction."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Final, TypeVar

import psycopg
import psycopg.sql
from django.conf import settings
from django.db import ProgrammingError, connection, transaction
from django.db.backends.utils import CursorWrapper

from enhancelog.backends import CHECK_LOCK_KEY, schema
from enhancelog.backends.copies import BadCopy, Contents, GoesOn, contents, pointed_at
from enhancelog.backends.postgresql import tools
from enhancelog.backends.schema import State

# pg_dump locks every table against changes of its columns.
LOCK_WAIT_S: Final = 60
DUMP: Final = ("--format=custom", "--no-password", f"--lock-wait-timeout={LOCK_WAIT_S}s")
RESTORE: Final = ("--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", "--no-password")

_RELATIONS: Final = """
    SELECT COUNT(*) FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND nspname <> 'information_schema' AND nspname !~ '^pg_'
        AND NOT EXISTS (SELECT 1 FROM pg_depend WHERE objid = pg_class.oid AND deptype = 'e')"""
_THIS_DATABASE: Final = """
    SELECT oid::bigint, pg_encoding_to_char(encoding), datcollate, datctype FROM pg_database
    WHERE datname = current_database()"""


Answer = TypeVar("Answer")


class PostgresqlCopies:
    kind = "PostgreSQL"
    ending = ".dump"

    def name(self) -> str:
        return str(connection.settings_dict["NAME"])

    def files(self) -> list[Path]:
        return []

    def unable(self) -> str:
        try:
            tools.find("pg_dump", _server())
        except BadCopy as error:
            return str(error)
        return ""

    def by_hand(self, target: Path) -> str:
        return tools.line("pg_dump", "--format=custom", f"--file={target}")

    def write(self, part: Path, goes_on: GoesOn) -> Contents:
        program = tools.find("pg_dump", _server())
        # pg_dump sees the state that this transaction sees.
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            cursor.execute("SELECT pg_export_snapshot(), current_setting('server_version')")
            snapshot, version = cursor.fetchone()
            tables = connection.introspection.table_names(cursor)
            found = contents(tables, lambda sql: _row(cursor, sql), version)
            with open(part, "wb") as target:
                command = [program, *DUMP, f"--snapshot={snapshot}", tools.database()]
                tools.write(command, target, goes_on)
        return found

    def refuse_occupied(self) -> None:
        with connection.cursor() as cursor:
            (relations,) = _row(cursor, _RELATIONS)
        if relations:
            name = connection.settings_dict["NAME"]
            raise BadCopy(f"the database {name} is not empty; create another one (createdb) and set DATABASE_URL to it")

    def place(self) -> Path | None:
        return None

    @contextmanager
    def restored(self, file: Path, *, beside: bool) -> Iterator[None]:
        program = tools.find("pg_restore", _server())
        _check(program, file)
        with _scratch() if beside else nullcontext():
            with open(file, "rb") as source:
                _explained(file, lambda: tools.feed([program, *RESTORE, tools.database()], source))
            _analyze()
            yield


def _server() -> int:
    connection.ensure_connection()
    return int(connection.pg_version) // 10_000  # type: ignore[attr-defined]


def _analyze() -> None:
    # No statistics are in a copy, and without them the first queries would scan whole tables.
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute("ANALYZE")


def _row(cursor: CursorWrapper, sql: str) -> Any:
    cursor.execute(sql)
    return cursor.fetchone()


def _check(program: str, file: Path) -> None:
    """Before anything is restored, because a restore that has committed cannot be undone."""
    listed = _explained(file, lambda: tools.read([program, "--list", str(file)]))
    if f" {schema.TABLE} " not in listed:
        raise BadCopy(f"{file} is a dump of another program, not a copy of Enhancelog's")
    command = [program, "--data-only", f"--table={schema.TABLE}", "--file=-", str(file)]
    script = _explained(file, lambda: tools.read(command))
    found = _judged(script)
    if found.state in (State.NEWER, State.FOREIGN):
        raise BadCopy(f"{file} cannot be restored: {found.reason}")


def _explained(file: Path, run: Callable[[], Answer]) -> Answer:
    try:
        return run()
    except BadCopy as error:
        raise BadCopy(f"{file} cannot be restored, and nothing was: {error}") from None


def _judged(script: str) -> schema.Found:
    lines = iter(script.splitlines())
    columns = next((line for line in lines if line.startswith("COPY ") and line.endswith("FROM stdin;")), "")
    names = columns[columns.find("(") + 1 : columns.rfind(")")].split(", ")
    row = dict(zip(names, next(lines, "").split("\t"), strict=False))
    try:
        return schema.judge(row["fingerprint"], row["migrated_by"], row["migrations"].replace("\\\\", "\\"))
    except (KeyError, ValueError, AttributeError):
        raise BadCopy("the copy does not say which release made it, so it is damaged") from None


@contextmanager
def _scratch() -> Iterator[None]:
    """A database beside this one. One at a time: the next removes what a killed one has left."""
    with closing(connection.get_new_connection(connection.get_connection_params())) as admin:
        admin.autocommit = True
        name = _create_scratch(admin)
        try:
            with pointed_at(name):
                yield
        finally:
            _run(admin, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _create_scratch(admin: Any) -> str:
    _run(admin, "SET statement_timeout = 0")
    if not _run(admin, f"SELECT pg_try_advisory_lock({CHECK_LOCK_KEY})").fetchone()[0]:
        raise BadCopy("another restore --check works on this database; wait until it has ended")
    oid, *locale = _run(admin, _THIS_DATABASE).fetchone()
    name = f"enhancelog_check_{oid}"
    encoding, collate, ctype = (psycopg.sql.quote(text) for text in locale)
    try:
        _run(admin, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        as_this = f"ENCODING {encoding} LC_COLLATE {collate} LC_CTYPE {ctype}"
        _run(admin, f"CREATE DATABASE {name} TEMPLATE template0 {as_this}")
    except ProgrammingError as error:
        if isinstance(error.__cause__, psycopg.errors.InsufficientPrivilege):
            raise BadCopy(_no_right()) from None
        raise
    return name


def _run(admin: Any, statement: str) -> Any:
    with connection.wrap_database_errors:
        return admin.execute(statement)


def _no_right() -> str:
    user = connection.settings_dict["USER"] or "the role"
    return (
        f"--check restores into a database of its own, which {user} may not create; as a superuser, run: "
        f"ALTER ROLE {user} CREATEDB; or use a server where it may: DATABASE_URL=… {settings.PROGRAM} restore"
    )
