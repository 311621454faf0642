"""Copies a SQLite database in use: consistent, private, and visible only when complete."""

import errno
import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from django.db import connection


def timestamp() -> str:
    """Sortable UTC time for file names, in microseconds."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H%M%S.%fZ")


def copy_sqlite(target: Path) -> None:
    """Copy with SQLite's online backup, mode 0600. Raises ``FileExistsError``, ``OSError`` or ``DatabaseError``;
    leaves nothing behind then.
    """
    if target.exists():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        _copy_into(part)
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))  # fails if it exists by now
        part.replace(target)
        _sync(target.parent)
    finally:
        part.unlink(missing_ok=True)


def _copy_into(part: Path) -> None:
    connection.ensure_connection()
    with connection.wrap_database_errors, closing(sqlite3.connect(part)) as copy:
        connection.connection.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")  # a single file
    _sync(part)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
