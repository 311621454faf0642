"""Tables whose rows are written once: triggers refuse updates, deletes and replacements."""

from collections.abc import Mapping

from django.db.backends.utils import CursorWrapper

# The columns of each unique key, including the primary key.
# Apps register tables in ``AppConfig.ready()``; every ``migrate`` creates the triggers again.
Keys = tuple[tuple[str, ...], ...]

_registered: dict[str, Keys] = {}


def register(table: str, *keys: tuple[str, ...]) -> None:
    _registered[table] = keys


def registered() -> Mapping[str, Keys]:
    return _registered


def existing(cursor: CursorWrapper) -> Mapping[str, Keys]:
    present = set(cursor.db.introspection.table_names(cursor))
    return {table: keys for table, keys in _registered.items() if table in present}
