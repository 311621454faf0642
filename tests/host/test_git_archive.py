"""A git store in a .tar.gz: unpacked within limits, never outside its folder, and gone afterwards."""

import gzip
import io
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from enhancelog.domain.observed import Document, Version
from enhancelog.host import git_archive
from enhancelog.host.git_versions import open_git
from enhancelog.transfer.items import Refused, Unreadable
from tests.host.stores import GitStore, archive, member

Item = Version | Document | Refused


@pytest.fixture
def store(tmp_path: Path) -> Iterator[GitStore]:
    made = GitStore(tmp_path / "host")
    made.commit("b", None, [made.commit("a")])
    yield made
    made.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "git.tar.gz"


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def members(store: GitStore, root: Path | None = None) -> list[tuple[tarfile.TarInfo, bytes]]:
    top = root or store.path.parent.parent
    files = sorted(path for path in store.path.rglob("*") if path.is_file())
    return [member(str(file.relative_to(top)), file.read_bytes()) for file in files]


def read(path: Path) -> list[Item]:
    with open_git(path) as versions:
        return list(versions)


def texts(items: list[Item]) -> list[str]:
    return [item.text for item in items if isinstance(item, Document)]


def reasons(items: list[Item]) -> list[str]:
    return [str(item.reason) for item in items if isinstance(item, Refused)]


def test_an_archive_reads_like_its_folder_and_leaves_nothing(store: GitStore, path: Path, temporary: Path) -> None:
    archive(path, *members(store))
    assert read(path) == read(store.path.parent.parent)
    assert not list(temporary.iterdir())


def test_an_archive_may_hold_one_repository_at_its_root(store: GitStore, path: Path) -> None:
    archive(path, *members(store, store.path))
    assert texts(read(path)) == ["a", "b"]


def test_an_archive_of_a_repository_without_versions_says_so(path: Path) -> None:
    folder, head = member("main/objects", type=tarfile.DIRTYPE), member("main/HEAD", b"ref: refs/heads/master")
    archive(path, folder, head)
    assert reasons(read(path)) == ["refs/heads/main: does not exist: no version was ever registered"]


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("../outside/HEAD", {}),
        ("blueprints/main/../../../outside/HEAD", {}),
        ("/tmp/outside/HEAD", {}),
        ("blueprints/main/objects/link", {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"}),
        ("blueprints/main/refs/heads/link", {"type": tarfile.LNKTYPE, "linkname": "blueprints/main/HEAD"}),
        ("blueprints/main/objects/pipe", {"type": tarfile.FIFOTYPE}),
        ("blueprints/main/objects/device", {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 5}),
        ("blueprints/main/HEAD", {}),
        ("blueprints/main/HEAD/objects/x", {}),
        ("blueprints/main/HEAD/objects", {"type": tarfile.DIRTYPE}),
        (".", {}),
        ("objects/" + "x" * 300, {}),
        ("objects/" + "x/" * 600 + "x", {}),
    ],
)
def test_a_member_that_is_no_plain_file_is_refused_alone(
    store: GitStore, path: Path, temporary: Path, name: str, changes: dict[str, Any]
) -> None:
    archive(path, *members(store), member(name, b"", **changes))
    with open_git(path) as versions:
        items = list(versions)
        assert [found.name for found in temporary.parent.iterdir() if "outside" in found.name] == []
        assert not [found for found in temporary.rglob("*") if found.is_symlink()]
    assert texts(items) == ["a", "b"]
    assert len(reasons(items)) == 1
    assert not Path("/tmp/outside").exists()


def test_more_refused_members_than_anybody_reads_are_unreadable(store: GitStore, path: Path) -> None:
    archive(path, *members(store), *(member(f"../{number}") for number in range(git_archive.MAX_REFUSED + 1)))
    assert_unreadable(path, "has more than 1,000 members that are not files")


def assert_unreadable(path: Path, said: str) -> None:
    with pytest.raises(Unreadable, match=said) as refusal, open_git(path):
        pass
    assert "\n" not in str(refusal.value)
    assert str(refusal.value).startswith(f"{path}: ")


def gzipped(path: Path, *parts: bytes, zeros: int = 0) -> None:
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.writelines(parts)
        for _ in range(zeros >> 20):
            file.write(bytes(1 << 20))


def header(name: str, size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    return info.tobuf(tarfile.GNU_FORMAT)


def test_a_member_larger_than_the_limit_is_unreadable(path: Path, temporary: Path) -> None:
    gzipped(path, header("objects/x", 1 << 40), zeros=4 << 20)
    assert_unreadable(path, "holds more than 1,073,741,824 bytes")
    assert not list(temporary.iterdir())


def test_an_archive_that_unpacks_to_more_than_the_limit_is_unreadable(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git_archive, "MAX_BYTES", 4 << 20)
    content = [part for number in range(8) for part in (header(f"objects/{number}", 1 << 20), bytes(1 << 20))]
    gzipped(path, *content)
    assert_unreadable(path, "holds more than 4,194,304 bytes")


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, tarfile.XGLTYPE])
def test_a_header_that_would_fill_the_memory_is_unreadable(path: Path, kind: bytes) -> None:
    gzipped(path, header("x", 1 << 30, kind), zeros=8 << 20)
    assert_unreadable(path, "has a header of more than 262,144 bytes")


def test_a_map_of_a_sparse_file_that_would_fill_the_memory_is_unreadable(path: Path) -> None:
    said = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "objects/x"}
    sparse = tarfile.TarInfo("objects/x")
    sparse.size, sparse.pax_headers = 8 << 20, said
    gzipped(path, sparse.tobuf(tarfile.PAX_FORMAT), b"4000000\n" + b"0\n" * (4 << 20))
    assert_unreadable(path, "has a header of more than 262,144 bytes")


def test_a_negative_size_is_unreadable(path: Path) -> None:
    gzipped(path, header("objects/x", -1024), bytes(2048))
    assert_unreadable(path, "negative size|bad|header|HEAD")


def test_more_members_than_the_limit_are_unreadable(
    store: GitStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git_archive, "MAX_MEMBERS", 3)
    archive(path, *members(store))
    assert_unreadable(path, "has more than 3 members; unpack it and give the folder")


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_an_archive_that_was_cut_off_is_unreadable(store: GitStore, path: Path, share: float) -> None:
    archive(path, *members(store))
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    assert_unreadable(path, "cannot be unpacked|empty|header")


def test_another_compressed_file_is_unreadable(path: Path) -> None:
    gzipped(path, b"just a text" * 1000)
    assert_unreadable(path, "header")


def test_an_archive_of_something_else_is_unreadable(path: Path) -> None:
    archive(path, member("readme.txt", b"hello"))
    assert_unreadable(path, "holds no git repository")


def test_a_tar_in_a_gzip_that_is_cut_is_no_half_file(store: GitStore, path: Path) -> None:
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as file:
        for info, content in members(store):
            file.addfile(info, io.BytesIO(content))
    gzipped(path, whole.getvalue()[:3000])
    with pytest.raises(Unreadable), open_git(path) as versions:
        list(versions)
