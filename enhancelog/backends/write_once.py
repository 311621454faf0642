"""The tables whose rows are written once. Triggers of the database refuse to change, delete or replace a row.

An app registers its tables in ``AppConfig.ready()``. The triggers are created again after every ``migrate``.
"""

from collections.abc import Mapping

from django.db.backends.utils import CursorWrapper

Keys = tuple[tuple[str, ...], ...]
"""The columns of each unique key of a table, the primary key included."""

_registered: dict[str, Keys] = {}


def register(table: str, *keys: tuple[str, ...]) -> None:
    """Protect ``table`` from now on; ``keys`` as in ``Keys``."""
    _registered[table] = keys


def registered() -> Mapping[str, Keys]:
    """Every protected table with its keys."""
    return _registered


def existing(cursor: CursorWrapper) -> Mapping[str, Keys]:
    """The protected tables that this database has; before the first migration there are none."""
    present = set(cursor.db.introspection.table_names(cursor))
    return {table: keys for table, keys in _registered.items() if table in present}
