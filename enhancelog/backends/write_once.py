"""Tables whose rows are written once: triggers refuse updates, deletes and replacements."""

from collections.abc import Mapping
from typing import NamedTuple

from django.db.backends.utils import CursorWrapper

from enhancelog.backends.redacting import Redacting


class Table(NamedTuple):
    """``keys``: the columns of each unique key, including the primary key. ``redacting``: the only update allowed."""

    keys: tuple[tuple[str, ...], ...]
    redacting: Redacting | None = None


# Apps register tables in ``AppConfig.ready()``; every ``migrate`` creates the triggers again.
_registered: dict[str, Table] = {}


def register(table: str, *keys: tuple[str, ...], redacting: Redacting | None = None) -> None:
    _registered[table] = Table(keys, redacting)


def registered() -> Mapping[str, Table]:
    return _registered


def existing(cursor: CursorWrapper) -> Mapping[str, Table]:
    present = set(cursor.db.introspection.table_names(cursor))
    return {name: table for name, table in _registered.items() if name in present}
