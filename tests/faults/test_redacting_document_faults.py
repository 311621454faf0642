"""``redact --document``: killed anywhere, and what is left in the database's files."""

import random
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

import psycopg
import pytest
from blake3 import blake3

from tests.conftest import DATABASE
from tests.faults.killed import Killer, points
from tests.postgres import fresh_database
from tests.processes import manage

pytestmark = [pytest.mark.database, pytest.mark.slow]

WHY = ("--why", "a key in clear")
BASED = 3  # documents, on the one that is redacted
POINTS = 6


@pytest.fixture
def database() -> Iterator[dict[str, str]]:
    with fresh_database() if DATABASE == "postgresql" else nullcontext("") as url:
        yield {"DATABASE_URL": url} if url else {}


def documents_of(number: int) -> list[str]:
    """The first has as much again, which no other has."""
    chosen = random.Random(number)
    own, common = ("\n".join(chosen.randbytes(40).hex() for _ in range(40)) for _ in range(2))
    return [f"{own}\n{common}\n", *(f"version: {at}\n{common}\n" for at in range(BASED))]


def hash_of(number: int, at: int = 0) -> str:
    return blake3(documents_of(number)[at].encode()).hexdigest()


def filled(folder: Path, blueprints: int, database: Mapping[str, str]) -> Path:
    code = (
        "from enhancelog.domain.observed import Document\n"
        "from enhancelog.store import observed\n"
        "from enhancelog.store.documents import Seen\n"
        "from tests.faults.test_redacting_document_faults import documents_of, hash_of\n"
        f"for number in range({blueprints}):\n"
        "    found = [Document(hash=hash_of(number, at), form='yaml', text=text)\n"
        "             for at, text in enumerate(documents_of(number))]\n"
        "    observed.keep('host', observed.Found(documents=[Seen(f'b{number}', each) for each in found]))\n"
    )
    assert manage("migrate", data_dir=folder / "data", **database).returncode == 0
    done = manage("shell", "--verbosity", "0", "-c", code, data_dir=folder / "data", **database)
    assert done.returncode == 0, done.stderr
    return folder / "data"


def rows(data: Path, database: Mapping[str, str]) -> dict[str, tuple[Any, ...]]:
    """Base, difference and tombstones of each document, by its hash."""
    sql = "SELECT hash, base, compressed, redacted FROM enhancelog_document"
    if url := database.get("DATABASE_URL"):
        with psycopg.connect(url) as opened:
            return {hash: tuple(said) for hash, *said in opened.execute(sql).fetchall()}
    with closing(sqlite3.connect(data / "enhancelog.sqlite3")) as opened:
        return {hash: tuple(said) for hash, *said in opened.execute(sql).fetchall()}


def pieces(packed: bytes) -> list[bytes]:
    """Of its first third, which is what only it has."""
    return [packed[at : at + 24] for at in range(len(packed) // 10, len(packed) // 3, 50)]


def in_files(data: Path, packed: bytes) -> list[str]:
    """The files of the data folder that have a piece of it; the database is closed."""
    files = [path for path in sorted(data.rglob("*")) if path.is_file()]
    return [str(path) for path in files if any(piece in path.read_bytes() for piece in pieces(packed))]


def assert_is_whole(data: Path, database: Mapping[str, str]) -> None:
    verified = manage("verify_log", data_dir=data, **database)
    assert verified.returncode == 0, verified.stdout


def test_neither_the_text_nor_differences_from_it_are_in_a_file_of_the_database(
    tmp_path: Path, database: dict[str, str]
) -> None:
    data = filled(tmp_path, 2, database)
    before = rows(data, database)
    text = before[hash_of(0)][1]
    assert [before[hash_of(0, at)][0] for at in range(1 + BASED)] == [None, *[hash_of(0)] * BASED]
    if DATABASE == "sqlite":
        assert in_files(data, text)
    done = manage("redact", "--document", hash_of(0), *WHY, data_dir=data, **database)
    assert done.returncode == 1, done.stderr + done.stdout
    assert f"{BASED} other documents of b0 may have the same passages" in done.stdout
    assert in_files(data, text) == []
    after = rows(data, database)
    assert after[hash_of(0)][:2] == (None, None)
    assert hash_of(0) not in {base for base, *_ in after.values()}
    assert after[hash_of(1)] == before[hash_of(1)]
    assert_is_whole(data, database)


@pytest.mark.heavy
@pytest.mark.timeout(600)
def test_killed_anywhere_all_or_nothing_has_changed_and_a_second_run_finishes(
    tmp_path: Path, database: dict[str, str]
) -> None:
    data = filled(tmp_path, POINTS + 1, database)
    killer = Killer(tmp_path, good=1)
    command = ("redact", "--document")
    calls = killer.calls(*command, hash_of(POINTS), *WHY, data_dir=data, **database)
    killed = []
    for number, at in enumerate(points(calls, POINTS)):
        before = rows(data, database)
        killed.append(killer.kill(at, *command, hash_of(number), *WHY, data_dir=data, **database))
        after = rows(data, database)
        changed = {hash for hash, row in after.items() if row != before[hash]}
        assert changed in (set(), {hash_of(number, each) for each in range(1 + BASED)})
        again = manage(*command, hash_of(number), *WHY, data_dir=data, **database)
        assert again.returncode == 1, again.stderr + again.stdout
        assert rows(data, database)[hash_of(number)][:2] == (None, None)
        assert in_files(data, before[hash_of(number)][1]) == []
    assert sum(killed) >= POINTS - 2
    assert_is_whole(data, database)
