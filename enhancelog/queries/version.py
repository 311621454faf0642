"""What a reading saw of the log and of what people said about it: what was made of that is good until it changes."""

from typing import Any, Final

from django.db import connection

from enhancelog.models import Entry, PatternChange, PatternRules

_ENTRY: Final = Entry._meta.db_table
_CHANGE: Final = PatternChange._meta.db_table
_RULES: Final = PatternRules._meta.db_table

_VERSION: Final = f"""
    SELECT (SELECT MAX(position) FROM {_ENTRY}),
        (SELECT digest FROM {_ENTRY} WHERE position = (SELECT MAX(position) FROM {_ENTRY})),
        (SELECT MAX(served) FROM {_RULES}), (SELECT MAX(building) FROM {_RULES}), (SELECT MAX(done) FROM {_RULES}),
        (SELECT COUNT(*) FROM {_CHANGE}), (SELECT COUNT(undone_ms) FROM {_CHANGE})"""


def log_version() -> tuple[Any, ...]:
    """Changes with every append (the log only grows, and a log that was restored from a copy and went on differently
    ends in another digest), with every pattern that is split or merged by hand, and while patterns are derived anew."""
    with connection.cursor() as cursor:
        cursor.execute(_VERSION)
        return tuple(cursor.fetchone())
