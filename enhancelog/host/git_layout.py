"""Where a bare git repository keeps its branches, and where repositories are."""

import os
import re
import stat
from pathlib import Path
from typing import Final

from enhancelog.domain.errors import Invalid
from enhancelog.transfer.items import Unreadable

MAX_DEPTH: Final = 8
MAX_FOLDERS: Final = 100_000
OBJECT_ID: Final = re.compile(rb"[0-9a-f]{40}")
_MAX_REFS_BYTES: Final = 1 << 20


def branch(repository: Path, name: str) -> bytes:
    """The id of its commit. Raises ``Invalid``."""
    ref = f"refs/heads/{name}"
    try:
        value = _loose_ref(repository / ref) or _packed_ref(repository / "packed-refs", ref.encode())
    except OSError as error:
        raise Invalid(ref, "git", f"cannot be read: {error.strerror}") from None
    if value is None:
        raise Invalid(ref, "git", "does not exist: no version was ever registered")
    if not OBJECT_ID.fullmatch(value):
        raise Invalid(ref, "git", f"is {value[:80]!r}, which is not the id of a commit")
    return value


def _loose_ref(path: Path) -> bytes | None:
    return _small(path).strip() if path.exists() else None


def _packed_ref(path: Path, ref: bytes) -> bytes | None:
    lines = _small(path).splitlines() if path.exists() else []
    return next((line[:40] for line in lines if line[40:] == b" " + ref), None)


def _small(path: Path) -> bytes:
    check_is_file(path)
    with open(path, "rb") as file:
        return file.read(_MAX_REFS_BYTES)


def repositories(root: Path) -> list[Path]:
    """At or below ``root``, sorted; links are not followed. Raises ``Unreadable``."""
    found: list[Path] = []
    try:
        for number, (folder, folders, _) in enumerate(os.walk(root, onerror=_raise)):
            path = Path(folder)
            if is_repository(path):
                found.append(path)
                folders.clear()
            elif len(path.relative_to(root).parts) >= MAX_DEPTH:
                folders.clear()
            if number >= MAX_FOLDERS:
                raise Unreadable(f"{root}: has more than {MAX_FOLDERS:,} folders; give the folder of the git store")
    except OSError as error:
        raise Unreadable(f"{root}: cannot be read: {error.strerror}") from None
    return sorted(found)


def is_repository(path: Path) -> bool:
    return (path / "objects").is_dir() and (path / "HEAD").is_file()


def _raise(error: OSError) -> None:
    raise error


# A named pipe would block, a device never end.
def check_is_file(path: Path) -> None:
    if not stat.S_ISREG(path.lstat().st_mode):
        raise OSError(0, "not a regular file")
