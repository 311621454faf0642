"""The schema this release needs, and the one the database has."""

import enum
import hashlib
import importlib.util
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from django.conf import settings
from django.db import connection
from django.db.backends.utils import CursorWrapper

from enhancelog import __version__, patterns
from enhancelog.domain import badges, releases, times
from enhancelog.domain.errors import WrongSchema

# ``migrate`` writes one row: the SHA-256 of each applied migration's text and of each further part, a fingerprint of
# all of them, and two releases: the one that migrated, and the oldest one that may write now. Initial migrations may
# change before the first release, hence the text. Django's state is not hashed, because another version of Django or
# Python must not make a database look foreign.
#
# A release may go on with the database of a newer one if that says so (``write_from``), and if everything that this
# release needs is recorded as it needs it. So a newer release's further tables, triggers and rules do not matter to it,
# and changed ones stop it, whatever a migration says.
APPS: Final = ("enhancelog", "content")
TABLE: Final = "enhancelog_schema"
# The fingerprint while migrations are unapplied.
UNFINISHED: Final = ""
# Recorded beside the migrations.
_WRITE_FROM: Final = "may be written from"

# Attribute of a migration: the oldest release that may write to a database with it. Without it, none may that does not
# know the migration.
WRITE_FROM: Final = "write_from"
# The same for migrations of other apps (``app.name``), whose files are not ours.
WRITE_FROM_OF_OTHERS: Final[Mapping[str, str]] = {}

# Versions of the rules by which stored rows are derived from the log. They are recorded with the migrations: a change
# of rules is an upgrade, which derives the rows again.
RULES: Final = {"rules of badges": str(badges.RULES_VERSION), "earliest plausible time": str(times.EARLIEST_MS)}
# These rows are derived again in the background, but servers with different rules would undo each other's work.
GROUPING: Final = {"rules of deny patterns": str(patterns.RULES_VERSION)}

_CREATE: Final = f"""
    CREATE TABLE IF NOT EXISTS {TABLE} (
        id integer PRIMARY KEY CHECK (id = 1),
        fingerprint text NOT NULL, migrated_by text NOT NULL, migrations text NOT NULL)"""
_RECORD: Final = f"""
    INSERT INTO {TABLE} (id, fingerprint, migrated_by, migrations) VALUES (1, %s, %s, %s)
    ON CONFLICT (id) DO UPDATE SET fingerprint = excluded.fingerprint,
        migrated_by = excluded.migrated_by, migrations = excluded.migrations"""
_GENERATION: Final = f"""
    SELECT {TABLE}.fingerprint, (SELECT MAX(django_migrations.id) FROM django_migrations) FROM {TABLE}"""
_APPLIED: Final = "SELECT app, name FROM django_migrations"


class Schema(NamedTuple):
    """SHA-256 (hex) per migration (``app.name``) and part, or a version of rules; and a fingerprint of everything."""

    migrations: Mapping[str, str]
    parts: Mapping[str, str]
    fingerprint: str


class State(enum.Enum):
    EMPTY = enum.auto()
    CURRENT = enum.auto()
    # A newer release migrated it, and this one may go on.
    AHEAD = enum.auto()
    # ``migrate`` updates it.
    BEHIND = enum.auto()
    # A newer release migrated it, and this one may not use it.
    NEWER = enum.auto()
    # A migration was applied with another text: the tables differ, and no migration repairs that.
    FOREIGN = enum.auto()


class Found(NamedTuple):
    state: State
    reason: str = ""  # one line with what to do; empty if this release may use it
    release: str = ""  # that migrated it last; empty if unknown
    write_from: str = ""  # the oldest release that may write; empty if unknown


class _Record(NamedTuple):
    fingerprint: str = UNFINISHED
    release: str = ""
    parts: Mapping[str, str] = {}  # and migrations
    write_from: str = ""


def describe(sources: Mapping[str, bytes], statements: Mapping[str, str], rules: Mapping[str, str]) -> Schema:
    migrations = {name: _hashed(source) for name, source in sorted(sources.items())}
    parts = {**{name: _hashed(text.encode()) for name, text in sorted(statements.items())}, **rules}
    return Schema(migrations, parts, _hashed(json.dumps([migrations, parts], sort_keys=True).encode()))


def _hashed(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


@cache
def expected() -> Schema:
    """This release's."""
    statements = connection.dialect.schema_parts()  # type: ignore[attr-defined]
    return describe(sources(), statements, {**RULES, **GROUPING})


@cache
def sources() -> Mapping[str, bytes]:
    """Migration texts, read at startup: an upgrade may replace the files later."""
    return {f"{app}.{path.stem}": path.read_bytes() for app in APPS for path in _migration_files(app)}


def _migration_files(app: str) -> list[Path]:
    module: str | None = settings.MIGRATION_MODULES.get(app)
    spec = importlib.util.find_spec(module or f"{app}.migrations")
    folders = (spec.submodule_search_locations if spec else None) or []
    return [path for folder in folders for path in Path(folder).glob("[0-9]*.py")]


def look() -> Found:
    """Inspect the configured database; never creates a SQLite file."""
    if connection.vendor == "sqlite" and not Path(connection.settings_dict["NAME"]).exists():
        return _empty()
    with connection.cursor() as cursor:
        return inspect(cursor)


def _empty() -> Found:
    return Found(State.EMPTY, f"there is no database yet; run: {settings.PROGRAM} serve (or migrate)")


def inspect(cursor: CursorWrapper) -> Found:
    tables = set(connection.introspection.table_names(cursor))
    applied = _applied(cursor) if "django_migrations" in tables else set()
    if not applied and TABLE not in tables:
        return _empty()
    return _judge(applied, _recorded(cursor) if TABLE in tables else _Record())


def judge(fingerprint: str, release: str, recorded: str) -> Found:
    """Of a copy, by its row of ``TABLE``: all migrations in it were applied. Raises ``ValueError``."""
    record = _record(fingerprint, release, recorded)
    return _judge({name for name in record.parts if name.partition(".")[0] in APPS}, record)


def _judge(applied: set[str], record: _Record) -> Found:
    state = _state(applied, record)
    return Found(state, _reason(state, applied, record), record.release, record.write_from)


def _state(applied: set[str], record: _Record) -> State:
    ours = expected()
    is_known = applied <= ours.migrations.keys()
    if is_known and any(record.parts.get(name) != ours.migrations[name] for name in applied):
        return State.FOREIGN
    if is_known and len(applied) == len(ours.migrations) and record.fingerprint == ours.fingerprint:
        return State.CURRENT
    if is_known and not _is_newer(record.release):
        return State.BEHIND
    return State.AHEAD if _may_go_on(record) else State.NEWER


def _may_go_on(record: _Record) -> bool:
    ours = expected()
    is_there = {**ours.migrations, **ours.parts}.items() <= record.parts.items()
    is_finished = record.fingerprint != UNFINISHED
    is_allowed = bool(record.write_from) and not _is_newer(record.write_from)
    # Two states of development have the same number: one says nothing about the other.
    return is_there and is_finished and is_allowed and _is_newer(record.release)


def _is_newer(release: str) -> bool:
    try:
        return releases.order(release) > releases.order(__version__)
    except ValueError:
        return False


def _reason(state: State, applied: set[str], record: _Record) -> str:
    if state is State.BEHIND:
        return f"the database is at release {record.release}; run: {settings.PROGRAM} migrate"
    if state is State.NEWER:
        has = max(applied - expected().migrations.keys(), default="other triggers or rules")
        allowed = f", which allows releases from {record.write_from} on" if _is_newer(record.write_from) else ""
        return f"the database is from a newer release (it has {has}{allowed}); install that release or restore a backup"
    return _foreign(record.release) if state is State.FOREIGN else ""


def _foreign(release: str) -> str:
    return (
        f"the database was created by {release or 'an earlier development version'} with other tables; run export_log"
        " and export_content with that version, then import_log and import_content with this one into an empty database"
    )


def _applied(cursor: CursorWrapper) -> set[str]:
    cursor.execute(f"{_APPLIED} WHERE app IN (%s, %s)", APPS)
    return {f"{app}.{name}" for app, name in cursor.fetchall()}


def _others(cursor: CursorWrapper) -> dict[str, str]:
    """Migrations of other apps, whose text may differ between versions of a package."""
    cursor.execute(f"{_APPLIED} WHERE app NOT IN (%s, %s)", APPS)
    return {f"{app}.{name}": "" for app, name in cursor.fetchall()}


def _recorded(cursor: CursorWrapper) -> _Record:
    cursor.execute(f"SELECT fingerprint, migrated_by, migrations FROM {TABLE}")
    row = cursor.fetchone()
    return _Record() if row is None else _record(*row)


def _record(fingerprint: str, release: str, recorded: str) -> _Record:
    try:
        parts = json.loads(recorded)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(parts, dict) or not all(isinstance(text, str) for text in (release, *parts.values())):
        raise ValueError("not an object of texts")
    return _Record(fingerprint, release, parts, parts.pop(_WRITE_FROM, ""))


# Writing, by ``migrate``


def begin(cursor: CursorWrapper) -> None:
    """Transactions that check the schema wait or come first."""
    cursor.execute(_CREATE)
    cursor.execute(f"UPDATE {TABLE} SET fingerprint = %s", [UNFINISHED])


def has_rules(cursor: CursorWrapper) -> bool:
    """Whether stored rows follow from the rules of this release."""
    cursor.execute(_CREATE)
    return RULES.items() <= _recorded(cursor).parts.items()


def record(cursor: CursorWrapper) -> None:
    """Call after ``inspect`` found none unknown or foreign."""
    ours = expected()
    applied = _applied(cursor)
    fingerprint = ours.fingerprint if applied == ours.migrations.keys() else UNFINISHED
    migrations = {name: ours.migrations[name] for name in applied & ours.migrations.keys()}
    cursor.execute(_CREATE)
    parts = {**_others(cursor), **migrations, **ours.parts}
    write_from = _write_from(_recorded(cursor), parts)
    recorded = json.dumps({**parts, _WRITE_FROM: write_from}, sort_keys=True)
    cursor.execute(_RECORD, [fingerprint, __version__, recorded])


def _write_from(before: _Record, parts: Mapping[str, str]) -> str:
    """The oldest release that may write to a database with these parts."""
    if not before.write_from:
        return __version__  # it is new
    every = [before.write_from]
    if any(parts.get(name, value) != value for name, value in before.parts.items()):
        every.append(__version__)  # a trigger, the search index or a rule changed
    declared = {**WRITE_FROM_OF_OTHERS, **_declared()}
    every += [declared.get(name, __version__) for name in parts.keys() - before.parts.keys() if "." in name]
    return max(every, key=releases.order)


def _declared() -> dict[str, str]:
    from django.db.migrations.loader import MigrationLoader  # needs the apps

    loaded = MigrationLoader(None).disk_migrations.items()
    found = {f"{app}.{name}": getattr(migration, WRITE_FROM, None) for (app, name), migration in loaded}
    return {name: release for name, release in found.items() if release is not None}


# Checking, by writers

# The generation that was looked at last, and what was found.
_seen: tuple[tuple[Any, ...], Found] | None = None


def require(cursor: CursorWrapper) -> None:
    """Raises ``WrongSchema`` unless this release may write. One query; more after a migration.

    Call it in the writing transaction under the append lock.
    """
    cursor.execute(_GENERATION)
    _check(cursor, cursor.fetchone())


def lock(cursor: CursorWrapper, lock_sql: str) -> bool:
    """The same without the append lock. ``lock_sql`` locks the row; ``False``: a migration holds it."""
    cursor.execute(_GENERATION + lock_sql)
    generation = cursor.fetchone()
    _check(cursor, generation)
    return generation is not None


def require_own() -> None:
    """After ``require``, for what must reach every table: raises ``WrongSchema`` if a newer release may have others."""
    if _seen is not None and _seen[1].state is State.AHEAD:
        raise WrongSchema(f"release {_seen[1].release} has upgraded the database; redact with that release")


def last_seen() -> Found | None:
    """What the last ``require`` of this process found."""
    return _seen[1] if _seen else None


def _check(cursor: CursorWrapper, generation: tuple[Any, ...] | None) -> None:
    global _seen
    if generation is not None and _seen is not None and generation == _seen[0]:
        return
    found = inspect(cursor)
    if found.reason:
        raise WrongSchema(found.reason)
    if generation is not None:
        _seen = generation, found
