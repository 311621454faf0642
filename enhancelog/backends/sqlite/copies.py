"""Copies of a SQLite database by its online backup, and files that are checked before they become the database."""

import fcntl
import os
import shlex
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import connection

from enhancelog.backends import schema
from enhancelog.backends.copies import WORK, BadCopy, Contents, GoesOn, contents, pointed_at, publish, sync

# Between two looks whether the copy is still wanted.
PAGES: Final = 512
READ_BYTES: Final = 1 << 20
HEADER_BYTES: Final = 100


class SqliteCopies:
    kind = "SQLite"
    ending = ".sqlite3"

    def name(self) -> str:
        return _target().name.removesuffix(self.ending)

    def files(self) -> list[Path]:
        return [Path(f"{_target()}{ending}") for ending in ("", "-wal", "-shm", "-journal")]

    def unable(self) -> str:
        return ""

    def by_hand(self, target: Path) -> str:
        return shlex.join(["sqlite3", str(connection.settings_dict["NAME"]), f".backup {target}"])

    def write(self, part: Path, goes_on: GoesOn) -> Contents:
        connection.ensure_connection()
        raw = connection.connection
        with (
            connection.wrap_database_errors,
            closing(sqlite3.connect(part)) as copy,
            _snapshot(raw),
        ):
            raw.backup(copy, pages=PAGES, progress=lambda *_: goes_on())
            copy.execute("PRAGMA journal_mode=DELETE")  # a single file
            copy.text_factory = partial(str, encoding="utf-8", errors="replace")  # a damaged text ends no copy
            tables = [name for (name,) in copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            return contents(tables, lambda sql: copy.execute(sql).fetchone(), sqlite3.sqlite_version)

    def refuse_occupied(self) -> None:
        target = _target()
        if target.exists():
            raise BadCopy(f"there is a database already, {target}; stop the server and move it away first")
        for ending in ("-wal", "-journal"):
            left = Path(f"{target}{ending}")
            if left.exists() and left.stat().st_size:
                raise BadCopy(f"{left} belongs to a database that is gone; move it away first")

    def place(self) -> Path | None:
        return _target().parent

    @contextmanager
    def restored(self, file: Path, *, beside: bool) -> Iterator[None]:
        target = _target()
        with _work_folder(target.parent) as folder:
            copy = folder / target.name
            _copy(file, copy)
            _check(file, copy)
            with pointed_at(str(copy)):
                yield
                _settle()
            if not beside:
                self.refuse_occupied()
                _take_place(copy, target)


@contextmanager
def _snapshot(raw: sqlite3.Connection) -> Iterator[None]:
    # Otherwise the backup would start again whenever somebody writes between two of its steps.
    if raw.in_transaction:
        yield
        return
    raw.execute("BEGIN DEFERRED")
    try:
        raw.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
        yield
    finally:
        raw.execute("ROLLBACK")


def _target() -> Path:
    return Path(connection.settings_dict["NAME"])


@contextmanager
def _work_folder(parent: Path) -> Iterator[Path]:
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = parent / WORK
    lock = os.open(parent, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise BadCopy(f"another restore or backup works in {parent}; try again when it has ended") from None
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _copy(file: Path, copy: Path) -> None:
    descriptor = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(file, "rb") as source, open(descriptor, "wb") as target:
        shutil.copyfileobj(source, target, READ_BYTES)


def _check(file: Path, copy: Path) -> None:
    beside = Path(f"{file}-wal")
    if beside.exists() and beside.stat().st_size:
        raise BadCopy(f"beside {file} is {beside.name}, so it is a database in use and no copy; copy it with backup")
    _check_length(file, copy)
    try:
        with closing(sqlite3.connect(copy)) as opened:
            (found,) = opened.execute("PRAGMA integrity_check(1)").fetchone()
            known = opened.execute("SELECT 1 FROM sqlite_master WHERE name = ?", [schema.TABLE]).fetchone()
    except sqlite3.DatabaseError as error:
        raise BadCopy(f"{file} is damaged: {error}") from None
    if found != "ok":
        raise BadCopy(f"{file} is damaged: {' '.join(str(found).split())}")
    if known is None:
        raise BadCopy(f"{file} is a database of another program, not a copy of Enhancelog's")


def _check_length(file: Path, copy: Path) -> None:
    with open(copy, "rb") as opened:
        header = opened.read(HEADER_BYTES)
    page = int.from_bytes(header[16:18], "big")
    whole = (65_536 if page == 1 else page) * int.from_bytes(header[28:32], "big")
    if (size := copy.stat().st_size) < max(whole, HEADER_BYTES):
        raise BadCopy(f"{file} is cut short: it has {size:,} bytes of {max(whole, HEADER_BYTES):,}")


def _settle() -> None:
    """Everything into the main file."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        if cursor.fetchone()[0]:
            raise BadCopy("the restored database is in use by another program")


def _take_place(copy: Path, target: Path) -> None:
    left = Path(f"{copy}-wal")
    if left.exists() and left.stat().st_size:
        raise BadCopy(f"the restored database is in use by another program ({left})")
    sync(copy)
    for ending in ("-wal", "-shm", "-journal"):  # empty, of a database that was moved away
        Path(f"{target}{ending}").unlink(missing_ok=True)
    try:
        publish(copy, target)
    except FileExistsError:
        raise BadCopy(f"{settings.PROGRAM} created {target} meanwhile; stop it, and move the file away first") from None
