"""Classifies disk and database errors."""

import errno
import os
import sqlite3
import tempfile
from pathlib import Path
from typing import Final

from django.db import Error, InterfaceError, OperationalError

from enhancelog.domain.errors import Full, Other

Code = tuple[str, int | str]

_FULL: Final[frozenset[Code]] = frozenset(
    {
        ("errno", errno.ENOSPC),
        ("errno", errno.EDQUOT),
        ("errno", errno.EFBIG),  # the process's own limit, RLIMIT_FSIZE
        ("sqlite", sqlite3.SQLITE_FULL),
        ("postgresql", "53100"),
    }
)
_DISK: Final[frozenset[Code]] = _FULL | {
    ("errno", errno.EIO),
    ("errno", errno.EROFS),
    ("errno", errno.ESTALE),
    ("sqlite", sqlite3.SQLITE_IOERR),
    ("sqlite", sqlite3.SQLITE_READONLY),
    ("sqlite", sqlite3.SQLITE_CANTOPEN),
    ("sqlite", sqlite3.SQLITE_CORRUPT),  # also what SQLite reports for EIO on a read
    ("sqlite", sqlite3.SQLITE_NOTADB),
    ("postgresql", "58030"),  # I/O error
    ("postgresql", "XX001"),  # data corrupted
    ("postgresql", "XX002"),  # index corrupted
}
_UNABLE: Final[frozenset[Code]] = _DISK | {
    ("errno", errno.EMFILE),
    ("errno", errno.ENFILE),
    ("errno", errno.ENOMEM),
    ("postgresql", "25006"),  # a standby, or a primary switched to read-only because its disk fills up
}


def fault_of(error: BaseException) -> Other | None:
    """The error as ``Full`` or ``Other``; ``None`` if the backend is not at fault (a bug)."""
    if isinstance(error, Other):
        return error
    if not isinstance(error, Error | OSError | sqlite3.Error):
        return None
    codes = _codes(error)
    if codes & _FULL:
        return Full(f"no space left: {error}")
    if codes & _UNABLE or isinstance(error, OperationalError | InterfaceError):
        return Other(f"the database failed: {error}")
    return None


def is_of_disk(error: BaseException) -> bool:
    """Whether the disk failed or is full, so that a retry is pointless."""
    return not _codes(error).isdisjoint(_DISK)


def is_writable(folder: Path) -> bool:
    if not os.access(folder, os.W_OK | os.X_OK):
        return False
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        return error.errno != errno.EROFS  # access() succeeds on an ext4 that an error turned read-only
    return True


def _codes(error: BaseException) -> set[Code]:
    found: set[Code] = set()
    for each in filter(None, (error, error.__cause__)):
        if isinstance(each, OSError) and each.errno is not None:
            found.add(("errno", each.errno))
        if code := getattr(each, "sqlite_errorcode", None):
            found.add(("sqlite", code & 0xFF))  # the primary result code
        if state := getattr(each, "sqlstate", None):
            found.add(("postgresql", state))
    return found
