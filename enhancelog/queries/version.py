"""The log's version, as a cache key."""

from typing import Any, Final

from django.db import connection

from enhancelog.models import (
    AuditRecord,
    Document,
    Entry,
    HostJoin,
    HostSource,
    Observation,
    PatternChange,
    PatternRules,
    SourceChange,
    SourceProgress,
    ThemeProgress,
    TouchDerivation,
    UnfinishedRunChange,
    Version,
)
from enhancelog.projections import source_names

_ENTRY: Final = Entry._meta.db_table
_CHANGE: Final = PatternChange._meta.db_table
_JOIN: Final = HostJoin._meta.db_table
_RULES: Final = PatternRules._meta.db_table
_TOUCHED: Final = TouchDerivation._meta.db_table

_PROGRESS: Final = SourceProgress._meta.db_table

_VERSION: Final = f"""
    SELECT (SELECT COALESCE(MAX(id), 0) FROM {SourceChange._meta.db_table}), (SELECT MAX(changes) FROM {_PROGRESS}),
        (SELECT MAX(entries) FROM {_PROGRESS}), (SELECT MAX(patches) FROM {_PROGRESS}),
        (SELECT MAX(position) FROM {_ENTRY}),
        (SELECT digest FROM {_ENTRY} WHERE position = (SELECT MAX(position) FROM {_ENTRY})),
        (SELECT MAX(served) FROM {_RULES}), (SELECT MAX(building) FROM {_RULES}), (SELECT MAX(done) FROM {_RULES}),
        (SELECT MAX(regrouped) FROM {_RULES}),
        (SELECT COUNT(*) FROM {_CHANGE}), (SELECT COUNT(undone_ms) FROM {_CHANGE}),
        (SELECT MAX(position) FROM {Document._meta.db_table}), (SELECT MAX(position) FROM {Version._meta.db_table}),
        (SELECT MAX(entries) FROM {_JOIN}), (SELECT MAX(patches) FROM {_JOIN}), (SELECT MAX(reports) FROM {_JOIN}),
        (SELECT SUM(derived) FROM {HostSource._meta.db_table}),
        (SELECT MAX(id) FROM {UnfinishedRunChange._meta.db_table}),
        (SELECT MAX(position) FROM {AuditRecord._meta.db_table}), (SELECT MAX(id) FROM {Observation._meta.db_table}),
        (SELECT MAX(own) FROM {_TOUCHED}), (SELECT MAX(entries) FROM {_TOUCHED}),
        (SELECT MAX(patches) FROM {_TOUCHED}), (SELECT MAX(documents) FROM {_TOUCHED}),
        (SELECT MAX(version) FROM {ThemeProgress._meta.db_table})"""


def log_version() -> tuple[Any, ...]:
    # The newest entry's digest detects a log that was restored from a copy and continued differently. The rest is
    # what people changed, what the deny patterns depend on besides the log, and what hosts' stores say.
    with connection.cursor() as cursor:
        cursor.execute(_VERSION)
        version = tuple(cursor.fetchone())
    source_names.saw(version[0])
    return version
