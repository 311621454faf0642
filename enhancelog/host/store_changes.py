"""Whether a host's store has changed, without reading it."""

import os
from pathlib import Path
from typing import Any, Final

from enhancelog.domain.errors import Invalid
from enhancelog.host.git_layout import branch, repositories
from enhancelog.host.git_versions import BRANCH
from enhancelog.transfer.items import Unreadable

Signature = tuple[Any, ...]

_BESIDE: Final = ("-wal", "-shm", "-journal")  # SQLite's own files


def of_folder(folder: Path) -> dict[Path, Signature]:
    """Of its files. Raises ``Unreadable``."""
    try:
        with os.scandir(folder) as found:
            paths = sorted(Path(entry.path) for entry in found if not entry.name.endswith(_BESIDE) and entry.is_file())
    except OSError as error:
        raise Unreadable(f"{folder}: cannot be read: {error.strerror}") from None
    return {path: signature for path in paths if (signature := of_file(path))}


def of_file(path: Path) -> Signature:
    """Empty if it does not exist. Commits in WAL mode change the file beside it."""
    status = _status(path)
    return status and (*status, _status(path.with_name(f"{path.name}-wal"))[1:])


def same_file(one: Signature, other: Signature) -> bool:
    """It may have grown, but was not replaced by another."""
    return one[:1] == other[:1]


# Of an empty write-ahead log too: reading creates one.
def _status(path: Path) -> Signature:
    try:
        status = path.stat()
    except OSError:
        return ()
    return (status.st_dev, status.st_ino), status.st_size, status.st_mtime_ns if status.st_size else 0


def of_git(path: Path) -> Signature:
    """Raises ``Unreadable``."""
    return tuple(_branch(repository) for repository in repositories(path)) if path.is_dir() else of_file(path)


def _branch(repository: Path) -> tuple[Path, bytes]:
    try:
        return repository, branch(repository, BRANCH)
    except Invalid as reason:
        return repository, str(reason).encode()
