"""Opens a database in a folder that is not writable, for example on a disk that turned read-only."""

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

# The latest commits of a WAL database may be in -wal only, and SQLite needs -shm to read that. None may be missed.
_BESIDE: Final = ("-wal", "-journal")

_log = logging.getLogger(__name__)
# Removed at exit.
_copies: list[tempfile.TemporaryDirectory[str]] = []


def is_needed(database: Path) -> bool:
    return database.exists() and not is_writable(database.parent)


def uri(database: Path) -> str:
    """SQLite URI for reading; copies the database if SQLite cannot read it in place. Raises ``OSError``."""
    in_place = f"file:{quote(str(database))}?mode=ro"
    if _opens(in_place):
        return in_place  # -shm exists: others may have it open, and SQLite reads their commits
    # Without -shm nobody has it open, and in a read-only folder nobody can open it for writing.
    if any(_size(beside) for beside in _all_beside(database)):
        return f"file:{quote(str(_copy(database)))}?mode=ro"
    return f"{in_place}&immutable=1"  # everything is in the main file


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
