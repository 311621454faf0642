"""Files that get their names only when they are whole."""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

# Nobody else's files end so: they are removed if whoever wrote them was killed.
PART: Final = ".enhancelog-part"


@contextmanager
def part_of(target: Path) -> Iterator[Path]:
    """An empty private file beside the target, which is gone afterwards unless it was renamed. Raises ``OSError``."""
    if target.exists():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _remove_left(target.parent)
    part = target.with_name(f".{target.name}.{os.getpid()}{PART}")
    descriptor = _locked(part)
    try:
        yield part
    finally:
        _remove(part)
        os.close(descriptor)


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """One process at a time names files in the folder, as far as its file system can lock one."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _locked(part: Path) -> int:
    while True:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with suppress(OSError):  # where no file can be locked, nobody takes it for one that was left
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return descriptor
        os.close(descriptor)  # another process took it for one that was left


def _remove(part: Path) -> None:
    for ending in ("-journal", "-wal", "-shm", ""):  # SQLite's files beside it go first, because they are found by it
        Path(f"{part}{ending}").unlink(missing_ok=True)


def _remove_left(folder: Path) -> None:
    for part in folder.glob(f".*{PART}"):
        with suppress(OSError):
            descriptor = os.open(part, os.O_RDWR | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(part)
            finally:
                os.close(descriptor)
