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

from enhancelog import __version__
from enhancelog.domain import badges, times
from enhancelog.domain.errors import WrongSchema

# ``migrate`` writes one row: the SHA-256 of each applied migration's text, a fingerprint of all of them with the
# triggers and the search index, and the release. Initial migrations may change before the first release, hence the
# text. Django's state is not hashed, because another version of Django or Python must not make a database look
# foreign.
APPS: Final = ("enhancelog", "content")
TABLE: Final = "enhancelog_schema"
# The fingerprint while migrations are unapplied.
UNFINISHED: Final = ""

# Versions of the rules by which stored rows are derived from the log. They are recorded with the migrations: a change
# of rules is an upgrade, which derives the rows again.
RULES: Final = {"rules of badges": str(badges.RULES_VERSION), "earliest plausible time": str(times.EARLIEST_MS)}

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
_APPLIED: Final = "SELECT app, name FROM django_migrations WHERE app IN (%s, %s)"


class Schema(NamedTuple):
    """SHA-256 (hex) per migration (``app.name``) and of everything."""

    migrations: Mapping[str, str]
    fingerprint: str


class State(enum.Enum):
    EMPTY = enum.auto()
    CURRENT = enum.auto()
    # ``migrate`` updates it.
    BEHIND = enum.auto()
    # It has migrations that this release does not know.
    NEWER = enum.auto()
    # A migration was applied with another text: the tables differ, and no migration repairs that.
    FOREIGN = enum.auto()


class Found(NamedTuple):
    state: State
    reason: str = ""  # one line with what to do; empty if current
    release: str = ""  # that migrated it last; empty if unknown


def describe(sources: Mapping[str, bytes], statements: str) -> Schema:
    migrations = {name: hashlib.sha256(source).hexdigest() for name, source in sorted(sources.items())}
    whole = json.dumps([migrations, statements], sort_keys=True)
    return Schema(migrations, hashlib.sha256(whole.encode()).hexdigest())


@cache
def expected() -> Schema:
    """This release's."""
    statements = connection.dialect.schema_sql()  # type: ignore[attr-defined]
    return describe(sources(), "\n".join([statements, *map(str, sorted(RULES.items()))]))


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
        return _EMPTY
    with connection.cursor() as cursor:
        return inspect(cursor)


_EMPTY: Final = Found(State.EMPTY, "there is no database yet; run: python3 manage.py serve (or migrate)")


def inspect(cursor: CursorWrapper) -> Found:
    tables = set(connection.introspection.table_names(cursor))
    applied = _applied(cursor) if "django_migrations" in tables else set()
    if not applied and TABLE not in tables:
        return _EMPTY
    fingerprint, release, recorded = _recorded(cursor) if TABLE in tables else (UNFINISHED, "", {})
    ours = expected()
    if unknown := sorted(applied - ours.migrations.keys()):
        reason = (
            f"the database is from a newer release (it has {unknown[-1]}); install that release or restore a backup"
        )
        return Found(State.NEWER, reason, release)
    if any(recorded.get(name) != ours.migrations[name] for name in applied):
        return Found(State.FOREIGN, _foreign(release), release)
    if applied != ours.migrations.keys() or fingerprint != ours.fingerprint:
        return Found(State.BEHIND, f"the database is at release {release}; run: python3 manage.py migrate", release)
    return Found(State.CURRENT, release=release)


def _foreign(release: str) -> str:
    return (
        f"the database was created by {release or 'an earlier development version'} with other tables; run export_log"
        " and export_content with that version, then import_log and import_content with this one into an empty database"
    )


def _applied(cursor: CursorWrapper) -> set[str]:
    cursor.execute(_APPLIED, APPS)
    return {f"{app}.{name}" for app, name in cursor.fetchall()}


def _recorded(cursor: CursorWrapper) -> tuple[str, str, dict[str, str]]:
    cursor.execute(f"SELECT fingerprint, migrated_by, migrations FROM {TABLE}")
    row = cursor.fetchone()
    return (row[0], row[1], json.loads(row[2])) if row else (UNFINISHED, "", {})


# Writing, by ``migrate``


def begin(cursor: CursorWrapper) -> None:
    """Transactions that check the schema wait or come first."""
    cursor.execute(_CREATE)
    cursor.execute(f"UPDATE {TABLE} SET fingerprint = %s", [UNFINISHED])


def has_rules(cursor: CursorWrapper) -> bool:
    """Whether stored rows follow from the rules of this release."""
    cursor.execute(_CREATE)
    return RULES.items() <= _recorded(cursor)[2].items()


def record(cursor: CursorWrapper) -> None:
    """Call after ``inspect`` found none unknown or foreign."""
    ours = expected()
    applied = _applied(cursor)
    fingerprint = ours.fingerprint if applied == ours.migrations.keys() else UNFINISHED
    migrations = {name: ours.migrations[name] for name in applied & ours.migrations.keys()}
    cursor.execute(_CREATE)
    cursor.execute(_RECORD, [fingerprint, __version__, json.dumps({**migrations, **RULES}, sort_keys=True)])


# Checking, by writers

# The generation last found current.
_current: tuple[Any, ...] | None = None


def require(cursor: CursorWrapper, lock_sql: str = "") -> None:
    """Raises ``WrongSchema`` unless the schema is this release's. One query; more after a migration.

    Call it in the writing transaction under the append lock; otherwise ``lock_sql`` must lock the row.
    """
    global _current
    cursor.execute(_GENERATION + lock_sql)
    generation = cursor.fetchone()
    if generation is not None and generation == _current:
        return
    if reason := inspect(cursor).reason:
        raise WrongSchema(reason)
    _current = generation
