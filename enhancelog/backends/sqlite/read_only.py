"""Opening a database in a folder that cannot be written, such as a disk that turned read-only.

A WAL database is more than its main file: what was committed last may be in ``-wal`` alone, and SQLite needs ``-shm``
to read that. Nothing committed may be missed.
"""

import logging
import shutil
import sqlite3
import tempfile
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Final
from urllib.parse import quote

from enhancelog.backends.disk import is_writable

_BESIDE: Final = ("-wal", "-journal")

_log = logging.getLogger(__name__)
_copies: list[tempfile.TemporaryDirectory[str]] = []
"""Removed when the process ends."""


def is_needed(database: Path) -> bool:
    """Whether the database exists in a folder that this process cannot write to."""
    return database.exists() and not is_writable(database.parent)


def uri(database: Path) -> str:
    """How to open the database for reading. Copies it where SQLite cannot read it in place: ``OSError``."""
    in_place = f"file:{quote(str(database))}?mode=ro"
    if _opens(in_place):
        return in_place  # its -shm is there: others may have it open, and SQLite reads what they commit
    # Without -shm nobody has it open, and in a folder that cannot be written nobody is going to.
    if any(_size(beside) for beside in _all_beside(database)):
        return f"file:{quote(str(_copy(database)))}?mode=ro"
    return f"{in_place}&immutable=1"  # all of it is in the main file


def _opens(address: str) -> bool:
    try:
        with closing(sqlite3.connect(address, uri=True)) as connection:
            connection.execute("SELECT COUNT(*) FROM sqlite_master")
    except sqlite3.OperationalError:
        return False
    return True


@cache
def _copy(database: Path) -> Path:
    folder = tempfile.TemporaryDirectory(prefix="enhancelog-copy-")  # private
    _copies.append(folder)
    _log.warning("%s cannot be read in place; reading a copy in %s", database, folder.name)
    for path in (database, *_all_beside(database)):
        if path.exists():
            shutil.copyfile(path, Path(folder.name, path.name))
    return Path(folder.name, database.name)


def _all_beside(database: Path) -> list[Path]:
    return [database.with_name(database.name + suffix) for suffix in _BESIDE]


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
