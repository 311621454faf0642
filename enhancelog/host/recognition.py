"""Tells stores by what they hold, never by their names."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal, NamedTuple

from enhancelog.host import git_archive, host_settings, issues, outputs
from enhancelog.host.git_layout import is_repository, repositories
from enhancelog.transfer import upstream_sqlite
from enhancelog.transfer.items import Unreadable
from enhancelog.transfer.sqlite_rows import MAGIC, connected, table_names

Kind = Literal["log", "outputs", "issues", "settings", "git"]

_GZIP: Final = b"\x1f\x8b"
_TABLES: Final[dict[str, Kind]] = {
    upstream_sqlite.TABLE.name: "log",
    outputs.TABLE.name: "outputs",
    issues.TABLE.name: "issues",
    host_settings.TABLE.name: "settings",
}


class Store(NamedTuple):
    kind: Kind
    path: Path


def recognize(path: Path) -> list[Store]:
    """In a folder, also its files. Raises ``Unreadable`` if there is none."""
    with _reading(path):
        found = list(_in_folder(path) if path.is_dir() else _in_file(path))
    if not found:
        known = ", ".join(_TABLES)
        raise Unreadable(f"{path}: holds none of the tables {known}, nor a git repository or a .tar.gz of some")
    return found


def recognize_file(path: Path) -> list[Store]:
    """Maybe none. Raises ``Unreadable``."""
    with _reading(path):
        return list(_in_file(path))


def recognize_git(folder: Path) -> Store | None:
    """At or below the folder. Raises ``Unreadable``."""
    return Store("git", folder) if repositories(folder) else None


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        raise Unreadable(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None


def _in_folder(folder: Path) -> Iterator[Store]:
    if is_repository(folder):
        yield Store("git", folder)
        return
    for path in sorted(folder.iterdir()):
        if path.is_file():
            yield from _in_file(path)
    if git := recognize_git(folder):
        yield git


def _in_file(path: Path) -> Iterator[Store]:
    if not path.is_file():  # a named pipe would block
        raise Unreadable(f"{path}: is not a file or folder" if path.exists() else f"{path}: does not exist")
    with open(path, "rb") as file:
        head = file.read(len(MAGIC))
    if head.startswith(_GZIP) and git_archive.is_tar(path):
        yield Store("git", path)
    if head == MAGIC:
        with connected(path) as connection:
            present = table_names(connection)
        yield from (Store(kind, path) for table, kind in _TABLES.items() if table in present)
