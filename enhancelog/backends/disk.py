"""The disk: what an error says about it (no space left, unable to work right now), and whether a folder is writable."""

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
    ("sqlite", sqlite3.SQLITE_CORRUPT),  # what SQLite makes of EIO on a read, too
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
    """The error as a fault of the backend, ``Full`` or ``Other``. ``None``: it is something else, such as a bug."""
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
    """Whether the disk failed or is full: another attempt in a moment is of no use."""
    return not _codes(error).isdisjoint(_DISK)


def is_writable(folder: Path) -> bool:
    """Whether files can be created in the folder, space permitting."""
    if not os.access(folder, os.W_OK | os.X_OK):
        return False
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        return error.errno != errno.EROFS  # access() says yes where an error made ext4 read-only
    return True


def _codes(error: BaseException) -> set[Code]:
    """Of the error and of its cause, which is the driver's where Django wrapped it."""
    found: set[Code] = set()
    for each in filter(None, (error, error.__cause__)):
        if isinstance(each, OSError) and each.errno is not None:
            found.add(("errno", each.errno))
        if code := getattr(each, "sqlite_errorcode", None):
            found.add(("sqlite", code & 0xFF))  # without what details it
        if state := getattr(each, "sqlstate", None):
            found.add(("postgresql", state))
    return found
