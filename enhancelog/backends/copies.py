"""Whole copies of a database, and databases that are restored from them."""

import errno
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

from django.db import connection

from enhancelog.backends import schema
from enhancelog.domain.backups import LONGEST_CHECKPOINT, Extent
from enhancelog.domain.errors import StoreError

# Of each number in ``Extent``. The content store's table is named, because nothing here imports the content store.
_EXTENT: Final = {
    "enhancelog_entry": "SELECT MAX(position) FROM enhancelog_entry",
    "content_contentrevision": "SELECT MAX(id) FROM content_contentrevision",
    "enhancelog_auditrecord": "SELECT MAX(position) FROM enhancelog_auditrecord",
}
_CHECKPOINT: Final = "SELECT note FROM enhancelog_checkpoint WHERE id = 1"
_SCHEMA: Final = f"SELECT fingerprint, migrated_by FROM {schema.TABLE}"

# Called often while a copy is written; what it raises cuts the copy off.
GoesOn = Callable[[], object]
Ask = Callable[[str], tuple[Any, ...] | None]

# Beside an SQLite database, while a copy is restored. The next restore removes what a killed one has left.
WORK: Final = ".enhancelog-restore"


class BadCopy(StoreError):
    """One line: why no copy can be made here, or why a file cannot be restored here."""


class Contents(NamedTuple):
    """``fingerprint`` and ``migrated_by``: empty if no release of ours has migrated the database."""

    extent: Extent
    fingerprint: str
    migrated_by: str
    database_version: str
    checkpoint: str  # signed; empty if nothing was, or if it is no text


class Copies(Protocol):
    kind: str  # as people call the database
    ending: str  # of a copy's name

    def name(self) -> str:
        """Of the database, for names of its copies."""

    def files(self) -> list[Path]:
        """Of the database itself, whether they exist or not; none if they are on its server."""

    def unable(self) -> str:
        """Why this machine can make no copies, with the fix; empty if it can. Raises the database's errors."""

    def by_hand(self, target: Path) -> str:
        """The command line that makes the same copy, without a password."""

    def write(self, part: Path, goes_on: GoesOn) -> Contents:
        """One consistent state, into an empty file. Raises ``BadCopy``, ``OSError`` or the database's errors."""

    def refuse_occupied(self) -> None:
        """Raises ``BadCopy`` if there is a database already."""

    def place(self) -> Path | None:
        """The folder where ``restored`` needs as much space as the copy; ``None``: on another machine, perhaps."""

    def restored(self, file: Path, *, beside: bool) -> AbstractContextManager[None]:
        """The default connection leads to the restored database. ``beside``: it is removed at the end; otherwise it
        takes the empty place. Raises ``BadCopy``, ``OSError`` or the database's errors.
        """


def contents(tables: Iterable[str], ask: Ask, version: str) -> Contents:
    present = set(tables)
    numbers = [(ask(sql) or (0,))[0] or 0 if table in present else 0 for table, sql in _EXTENT.items()]
    found = ask(_SCHEMA) if schema.TABLE in present else None
    fingerprint, migrated_by = found or ("", "")
    note = (ask(_CHECKPOINT) or ("",))[0] if "enhancelog_checkpoint" in present else ""
    is_text = isinstance(note, str) and len(note) <= LONGEST_CHECKPOINT
    return Contents(Extent(*numbers), fingerprint, migrated_by, version, note if is_text else "")


@contextmanager
def pointed_at(name: str) -> Iterator[None]:
    """The default connection leads to another file, or to another database of the same server."""
    usual = connection.settings_dict["NAME"]
    _point(name)
    try:
        yield
    finally:
        _point(usual)


def _point(name: str) -> None:
    connection.close()
    connection.settings_dict["NAME"] = name
    vars(connection).pop("write_lock", None)  # it is that of a file


def sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def publish(part: Path, target: Path) -> None:
    """Give a whole file its name. Raises ``FileExistsError``."""
    try:
        os.link(part, target)
    except OSError as error:  # most likely a file system without hard links, which says so in one of many ways
        if error.errno in (errno.EEXIST, errno.ENOSPC, errno.EDQUOT):
            raise
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        part.replace(target)
    sync(target.parent)
