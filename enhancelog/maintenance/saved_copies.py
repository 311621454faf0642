"""Which files of the data folder may still hold what was redacted: copies of the database and quarantined lines."""

import errno
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from enhancelog.backends import dialect
from enhancelog.backends.copies import WORK, BadCopy
from enhancelog.domain import records
from enhancelog.domain.backups import ENDING, Extent
from enhancelog.maintenance import manifests
from enhancelog.maintenance.regular_files import open_regular

MOST_FILES: Final = 20_000
LONGEST_S: Final = 10.0  # for a question to one copy, which may be somebody's trap

# Files of these folders are named also if they are nothing that is known: a compressed copy, perhaps.
_FOLDERS: Final = ("backups", WORK)
_STATE: Final = ".failures"  # of the server's own copies
_QUARANTINE: Final = "quarantine"

_SQLITE: Final = b"SQLite format 3\0"
# Of dumps, and of SQLite's write-ahead logs and journals, which lie beside a database that was copied or moved by hand.
_UNREADABLE: Final = (b"PGDMP", b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83", b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7")
_LOOKS_EVERY: Final = 10_000  # instructions of SQLite

_Id = tuple[int, int]


class Question(NamedTuple):
    """``sql``: yields a row if a copy's database holds the texts; ``older``: of a release without redactions.
    ``is_after``: the texts were recorded after a copy of this extent.
    """

    sql: str
    older: str
    values: Sequence[str | int]
    is_after: Callable[[Extent], bool]


class Copy(NamedTuple):
    """``made_ms``: the file's time, epoch ms. ``is_sure``: it was looked into."""

    path: Path
    made_ms: int
    is_sure: bool

    def __str__(self) -> str:
        made = f"{datetime.fromtimestamp(self.made_ms / 1000, UTC):%Y-%m-%d %H:%M} UTC"
        return f"{self.path} ({made})" + ("" if self.is_sure else ": it may hold it; it cannot be looked into")


def holding(data_dir: Path, question: Question, mark: str | None) -> list[str]:
    """The oldest first. ``mark``: a text that each quarantined line of it has; ``None``: nothing of its kind is
    quarantined. Other copies, and what they say, are not known here.
    """
    written = None if mark is None else records.encode_part(mark)[1:-1].encode()
    own = {_id(path) for path in dialect().copies.files() if path.exists()}
    found: list[Copy] = []
    for number, path in enumerate(_files(data_dir)):
        if number == MOST_FILES:
            more = f"{data_dir}: it has more than {MOST_FILES:,} files; the others were not looked at"
            return [*map(str, sorted(found, key=_age)), more]
        # The server removes its oldest backups meanwhile.
        with suppress(FileNotFoundError):
            if _id(path) not in own and (copy := _looked_at(path, data_dir, question, written)):
                found.append(copy)
    return [str(copy) for copy in sorted(found, key=_age)]


def _age(copy: Copy) -> int:
    return copy.made_ms


def _id(path: Path) -> _Id | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _files(folder: Path) -> Iterator[Path]:
    """Those of ``_FOLDERS`` first; then what cannot be listed. Follows links to folders, each folder once."""
    seen: set[_Id | None] = set()
    refused: list[OSError] = []
    for top in (*(folder / name for name in _FOLDERS), folder):
        for path, folders, names in os.walk(top, onerror=refused.append, followlinks=True):
            folders[:] = [] if _id(Path(path)) in seen else sorted(folders)
            if _id(Path(path)) not in seen:
                yield from (Path(path) / name for name in sorted(names))
            seen.add(_id(Path(path)))
    yield from (Path(error.filename) for error in refused if not isinstance(error, FileNotFoundError))


def _looked_at(path: Path, data_dir: Path, question: Question, written: bytes | None) -> Copy | None:
    try:
        with open_regular(path) as file:
            start = file.read(len(_SQLITE))
            if start == _SQLITE:
                return _database(path, question)
            if start.startswith(_UNREADABLE):
                return None if _was_made_before(path, question) else _copy(path, is_sure=False)
            top = path.relative_to(data_dir).parts[0]
            if top == _QUARANTINE:
                return _copy(path, is_sure=True) if written is not None and _has(file, written) else None
    except FileNotFoundError:
        raise
    except BadCopy:  # a pipe or a device holds nothing
        return _copy(path, is_sure=False) if path.is_dir() else None
    except OSError as error:
        return None if error.errno == errno.ENXIO else _copy(path, is_sure=False)  # a socket holds nothing, either
    is_known = top not in _FOLDERS or not start or path.suffix == _STATE or _is_manifest(path)
    return None if is_known or _was_made_before(path, question) else _copy(path, is_sure=False)


def _copy(path: Path, *, is_sure: bool) -> Copy:
    return Copy(path, path.stat().st_mtime_ns // 1_000_000, is_sure)


def _is_manifest(path: Path) -> bool:
    if not path.name.endswith(ENDING) or path.name == ENDING:
        return False
    copy = path.with_name(path.name.removesuffix(ENDING))
    try:
        return copy.exists() or manifests.read(copy) is not None
    except (BadCopy, OSError):
        return False


def _was_made_before(path: Path, question: Question) -> bool:
    try:
        manifest = manifests.read(path)
        size = path.stat().st_size
    except (BadCopy, OSError):
        return False
    return manifest is not None and manifest.bytes == size and question.is_after(manifest.extent)


def _database(path: Path, question: Question) -> Copy | None:
    until = time.monotonic() + LONGEST_S
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as copy:
            copy.set_progress_handler(lambda: time.monotonic() > until, _LOOKS_EVERY)
            return _copy(path, is_sure=True) if _answers(copy, question) else None
    except sqlite3.Error:
        return _copy(path, is_sure=False)


def _answers(copy: sqlite3.Connection, question: Question) -> bool:
    try:
        return copy.execute(question.sql, list(question.values)).fetchone() is not None
    except sqlite3.OperationalError:
        if copy.execute("SELECT 1 FROM sqlite_master WHERE instr(?, name)", [question.older]).fetchone() is None:
            return False  # of another program, or of a release that did not have it
        return copy.execute(question.older, list(question.values)).fetchone() is not None


def _has(file: BinaryIO, written: bytes) -> bool:
    file.seek(0)
    return any(written in line for line in file)
