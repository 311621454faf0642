"""Which files of the data folder may still hold what was redacted: backups and quarantined lines."""

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from enhancelog.backends.copies import WORK, BadCopy
from enhancelog.domain import records
from enhancelog.domain.backups import Extent
from enhancelog.maintenance import manifests
from enhancelog.maintenance.regular_files import open_regular

_FOLDERS: Final = ("backups", WORK)
_WITHOUT: Final = (".json", ".txt", ".lock", ".failures")
_QUARANTINE: Final = "quarantine"


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


def holding(data_dir: Path, question: Question, mark: str | None) -> list[Copy]:
    """The oldest first. ``mark``: a text that each quarantined line of it has, if such lines are quarantined."""
    found = [copy for name in _FOLDERS for path in _files(data_dir / name) if (copy := _looked_at(path, question))]
    if mark is not None:
        written = records.encode_part(mark)[1:-1].encode()
        found += [copy for path in _files(data_dir / _QUARANTINE) if (copy := _quarantined(path, written))]
    return sorted(found, key=lambda copy: copy.made_ms)


# The server removes its oldest backups meanwhile.
def _looked_at(path: Path, question: Question) -> Copy | None:
    with suppress(FileNotFoundError):
        return _backup(path, question)
    return None


def _quarantined(path: Path, written: bytes) -> Copy | None:
    with suppress(FileNotFoundError):
        return _copy(path, is_sure=True) if _has(path, written) else None
    return None


def _files(folder: Path) -> Iterator[Path]:
    for path, _, names in os.walk(folder):
        yield from (Path(path) / name for name in sorted(names))


def _copy(path: Path, *, is_sure: bool) -> Copy:
    return Copy(path, path.stat().st_mtime_ns // 1_000_000, is_sure)


def _backup(path: Path, question: Question) -> Copy | None:
    if path.suffix != ".sqlite3":
        is_without = path.suffix in _WITHOUT or _was_made_before(path, question)
        return None if is_without else _copy(path, is_sure=False)
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as copy:
            return _copy(path, is_sure=True) if _answers(copy, question) else None
    except sqlite3.Error:
        return _copy(path, is_sure=False)


def _was_made_before(path: Path, question: Question) -> bool:
    try:
        manifest = manifests.read(path)
    except (BadCopy, OSError):
        return False
    return manifest is not None and question.is_after(manifest.extent)


def _answers(copy: sqlite3.Connection, question: Question) -> bool:
    try:
        return copy.execute(question.sql, list(question.values)).fetchone() is not None
    except sqlite3.OperationalError:
        return copy.execute(question.older, list(question.values)).fetchone() is not None


def _has(path: Path, written: bytes) -> bool:
    with open_regular(path) as file:
        return any(written in line for line in file)
