"""What a path holds is told by its content."""

import gzip
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from enhancelog.host.recognition import Store, recognize
from enhancelog.transfer.items import Unreadable
from enhancelog.transfer.sqlite_rows import MAGIC
from tests.host.stores import ISSUES, OUTPUTS, SETTINGS, GitStore, archive, database, member


def test_one_file_may_hold_several_stores(tmp_path: Path) -> None:
    path = tmp_path / "everything.db"
    with closing(sqlite3.connect(path)) as connection:
        for schema in (OUTPUTS, ISSUES, SETTINGS):
            connection.execute(schema)
    assert [store.kind for store in recognize(path)] == ["outputs", "issues", "settings"]


def test_a_folder_is_searched_for_stores_and_repositories(tmp_path: Path) -> None:
    with database(tmp_path / "a", ISSUES):
        pass
    GitStore(tmp_path / "store", "ops/x").close()
    (tmp_path / "http.json").write_text("[]")
    (tmp_path / "log.gz").write_bytes(gzip.compress(b"not an archive"))
    os.mkfifo(tmp_path / "pipe")
    assert recognize(tmp_path) == [Store("issues", tmp_path / "a"), Store("git", tmp_path)]


def test_a_repository_and_an_archive_are_git(tmp_path: Path) -> None:
    store = GitStore(tmp_path)
    store.close()
    assert recognize(store.path) == [Store("git", store.path)]
    packed = archive(tmp_path / "odd name", member("HEAD", b"x"))
    assert recognize(packed) == [Store("git", packed)]


@pytest.mark.parametrize("content", [b"", MAGIC, MAGIC + bytes(500), b"\x1f\x8b", b"hello"])
def test_a_file_that_holds_no_store_is_unreadable(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "odd.db"
    path.write_bytes(content)
    with pytest.raises(Unreadable) as refusal:
        recognize(path)
    assert str(refusal.value).startswith(f"{path}: ")
    assert "\n" not in str(refusal.value)


def test_a_path_that_is_no_file_is_unreadable(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, said in (("pipe", "is not a file or folder"), ("nothing", "does not exist"), ("x\0y", "does not exist")):
        with pytest.raises(Unreadable, match=said):
            recognize(tmp_path / name)


def test_links_in_a_circle_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "outer").symlink_to(tmp_path)
    with pytest.raises(Unreadable, match="holds none of the tables"):
        recognize(tmp_path)
