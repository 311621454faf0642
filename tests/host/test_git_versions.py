"""The git store: versions by parents, documents that prove themselves, hostile objects refused alone."""

import os
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from dulwich.objects import Blob, Commit, ObjectID, Tree

from enhancelog.domain.observed import Document, Version
from enhancelog.host import git_versions
from enhancelog.host.documents import MAX_DOCUMENT_BYTES
from enhancelog.host.git_versions import open_git
from enhancelog.transfer.items import Refused, Unreadable
from tests.host.stores import HAND, GitStore, hash_of

Item = Version | Document | Refused


@pytest.fixture
def store(tmp_path: Path) -> Iterator[GitStore]:
    made = GitStore(tmp_path / "host")
    yield made
    made.close()


def read(path: Path) -> list[Item]:
    with open_git(path) as versions:
        return list(versions)


def versions(items: list[Item]) -> list[tuple[int, str, str]]:
    return [(item.number, item.hash, item.made_by) for item in items if isinstance(item, Version)]


def texts(items: list[Item]) -> list[str]:
    return [item.text for item in items if isinstance(item, Document)]


def reasons(items: list[Item]) -> list[str]:
    return [str(item.reason) for item in items if isinstance(item, Refused)]


def test_a_version_says_who_made_it_and_from_what(store: GitStore) -> None:
    root = store.commit("a", store.message("a", patch=HAND, rationale="seed"))
    run = store.commit("b", store.message("b", start=hash_of("a"), rationale="two\n\nlines: of it"), [root])
    store.commit("c", store.message("c", patch=HAND), [run])
    first, second, third = (item for item in read(store.path) if isinstance(item, Version))
    assert (first.made_by, first.prev_hash, first.rationale) == ("hand", "", "seed")
    assert (second.made_by, second.prev_hash, second.rationale) == ("run", hash_of("a"), "two\n\nlines: of it")
    assert (third.made_by, third.prev_hash) == ("hand", hash_of("b"))
    assert {item.blueprint_id for item in (first, second, third)} == {"main"}
    assert first.ts_ms == 1_793_383_200_234


def test_a_rationale_may_hold_what_looks_like_a_field(store: GitStore) -> None:
    rationale = f"why\nblueprint_content_hash: {'0' * 64}\nepoch_blueprint_id: other\n"
    store.commit("a", store.message("a", rationale=rationale))
    version = next(item for item in read(store.path) if isinstance(item, Version))
    assert (version.hash, version.blueprint_id, version.rationale) == (hash_of("a"), "main", rationale)


def test_a_field_that_appears_twice_before_the_rationale_is_refused(store: GitStore) -> None:
    store.commit("a", f"blueprint_content_hash: {'0' * 64}\n" + store.message("a"))
    (refused,) = reasons(read(store.path))
    assert refused == "blueprint_content_hash: appears twice with different values"


def test_commits_without_a_content_hash_are_skipped(store: GitStore) -> None:
    root = store.commit("a")
    marker = store.commit("a", "a marker of the host\n", [root])
    store.commit("b", None, [marker])
    assert [(number, found) for number, found, _ in versions(read(store.path))] == [
        (0, hash_of("a")),
        (1, hash_of("b")),
    ]


def test_two_commits_of_one_hash_are_two_versions_of_one_document(store: GitStore) -> None:
    root = store.commit("a", store.message("a", patch=HAND))
    other = store.commit("b", None, [root])
    store.commit("a", store.message("a", patch=HAND, rationale="again"), [other])
    items = read(store.path)
    assert [found for _, found, _ in versions(items)] == [hash_of("a"), hash_of("b"), hash_of("a")]
    assert texts(items) == ["a", "b"]


def test_a_merge_has_its_parents_before_it(store: GitStore) -> None:
    root = store.commit("a")
    left, right = store.commit("b", None, [root]), store.commit("c", None, [root])
    store.commit("d", None, [left, right])
    assert texts(read(store.path)) == ["a", "b", "c", "d"]


def test_packed_objects_and_refs_are_read(store: GitStore) -> None:
    history(store, 60)
    pack(store)
    assert not list(store.path.glob("objects/??/*"))
    assert (store.path / "packed-refs").exists()
    items = read(store.path)
    assert [number for number, _, _ in versions(items)] == list(range(60))
    assert len(texts(items)) == 60
    assert not reasons(items)


def history(store: GitStore, count: int) -> list[bytes]:
    commits: list[bytes] = []
    for number in range(count):
        commits.append(store.commit(f"name: main\nnumber: {number}\n" + "step: next\n" * 50, None, commits[-1:]))
    return commits


def pack(store: GitStore) -> None:
    loose = list(store.path.glob("objects/??/*"))
    ids = [ObjectID(f"{path.parent.name}{path.name}".encode()) for path in loose]
    store.repo.object_store.add_objects([(store.repo.object_store[sha], None) for sha in ids])
    for path in loose:
        path.unlink()
    main = store.path / "refs/heads/main"
    (store.path / "packed-refs").write_bytes(main.read_bytes().strip() + b" refs/heads/main\n")
    main.unlink()


def test_ten_thousand_versions_are_read(store: GitStore) -> None:
    tree = store.tree("a")
    parents: list[bytes] = []
    for number in range(10_000):
        commit = Commit()
        commit.tree, commit.parents = tree, [ObjectID(parent) for parent in parents]
        commit.author = commit.committer = b"engine <engine@example.org>"
        commit.author_time = commit.commit_time = commit.author_timezone = commit.commit_timezone = 0
        commit.message = store.message("a", rationale=str(number)).encode()
        parents = [store.add(commit)]
    store.point(parents[0])
    items = read(store.path)
    rationales = [item.rationale for item in items if isinstance(item, Version)]
    assert rationales == [str(number) for number in range(10_000)]
    assert texts(items) == ["a"]


def test_more_commits_than_the_limit_are_one_finding(store: GitStore, monkeypatch: pytest.MonkeyPatch) -> None:
    history(store, 5)
    monkeypatch.setattr(git_versions, "MAX_COMMITS", 4)
    assert reasons(read(store.path)) == ["main: has more than 4 commits"]


# Each of these is one finding, and hides nothing else


def test_a_document_whose_hash_is_wrong_is_refused_but_not_its_version(store: GitStore) -> None:
    root = store.commit("a", store.message("other"))
    store.commit("b", None, [root])
    items = read(store.path)
    assert [found for _, found, _ in versions(items)] == [hash_of("other"), hash_of("b")]
    assert texts(items) == ["b"]
    assert reasons(items) == [f"blueprint.yaml: has the hash {hash_of('a')}, not {hash_of('other')}"]


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (b"blueprint_content_hash: abc\n", "blueprint_content_hash: is 'abc', not 64 lowercase hex digits"),
        (b"blueprint_content_hash: " + b"a" * 64 + b"\nepoch_started_at_ms: soon\n", "epoch_started_at_ms: is 'soon'"),
        (b"blueprint_content_hash: " + b"a" * 64 + b"\nepoch_started_at_ms: " + b"9" * 19, "epoch_started_at_ms: is"),
        (b"blueprint_content_hash: " + b"a" * 64 + b"\nepoch_blueprint_id: ..\n", "blueprint_id: must not be"),
        (b"blueprint_content_hash: \xff", "message: is not UTF-8 at byte 24"),
        (b"blueprint_content_hash: " + b"a" * 64 + b"\nrationale: nul\0", "message: contains the character U+0000"),
    ],
)
def test_a_message_that_cannot_be_read_is_refused_alone(store: GitStore, message: bytes, said: str) -> None:
    root = store.commit("a")
    odd = store.commit("b", message, [root])
    store.commit("c", None, [odd])
    items = read(store.path)
    assert texts(items) == ["a", "c"]
    (reason,) = reasons(items)
    assert reason.startswith(said)


def test_an_object_that_would_inflate_to_gigabytes_is_refused_unread(store: GitStore) -> None:
    root = store.commit("a")
    size = 1 << 30
    bomb = ObjectID(b"b" * 40)
    path = store.path / "objects" / "bb" / ("b" * 38)
    path.parent.mkdir()
    with open(path, "wb") as file:
        deflating = zlib.compressobj(9)
        file.write(deflating.compress(b"blob %d\0" % size))
        file.writelines(deflating.compress(bytes(1 << 20)) for _ in range(4))
        file.write(deflating.flush())
    store.commit("c", None, [store.commit("b", None, [root], tree_of(store, b"blueprint.yaml", bomb))])
    items = read(store.path)
    assert texts(items) == ["a", "c"]
    assert reasons(items) == [f"{'b' * 40}: is {size:,} bytes, the limit is {MAX_DOCUMENT_BYTES:,}"]


def tree_of(store: GitStore, name: bytes, sha: bytes, mode: int = 0o100644) -> bytes:
    tree = Tree()
    tree.add(name, mode, ObjectID(sha))
    return store.add(tree)


def test_an_object_that_lies_about_its_size_is_refused(store: GitStore) -> None:
    sha = store.add(Blob.from_string(b"honest"))
    store.loose(sha).write_bytes(zlib.compress(b"blob 6\0" + bytes(50 << 20)))
    store.commit("a", None, [], tree_of(store, b"blueprint.yaml", sha))
    items = read(store.path)
    assert reasons(items) == [f"{sha.decode()}: is damaged: its content has another id"]


def test_a_document_of_the_largest_size_is_read_and_one_more_byte_refused(store: GitStore) -> None:
    text = "x" * MAX_DOCUMENT_BYTES
    store.commit(text + "x", None, [store.commit(text)])
    items = read(store.path)
    assert [len(found) for found in texts(items)] == [MAX_DOCUMENT_BYTES]
    assert len(reasons(items)) == 1
    assert "is 5,242,881 bytes, the limit is 5,242,880" in reasons(items)[0]


@pytest.mark.parametrize("name", [b"../x", b"..", b".git", b"a/b"])
def test_a_tree_that_leads_out_of_its_folder_is_refused(store: GitStore, name: bytes) -> None:
    blob = store.add(Blob.from_string(b"x"))
    store.commit("a", None, [], store.tree("a", (name, 0o100644, blob)))
    items = read(store.path)
    assert texts(items) == []
    assert "is not a valid tree" in reasons(items)[0]


@pytest.mark.parametrize("mode", [0o120000, 0o160000, 0o040000])
def test_a_link_in_place_of_the_document_is_refused(store: GitStore, mode: int) -> None:
    blob = store.add(Blob.from_string(b"/etc/passwd"))
    store.commit("a", None, [], tree_of(store, b"blueprint.yaml", blob, mode))
    assert reasons(read(store.path)) == [f"blueprint.yaml: has mode {mode:o}; it is not a file"]


def test_a_commit_without_the_document_is_one_finding(store: GitStore) -> None:
    store.commit("a", None, [], tree_of(store, b"other.yaml", store.add(Blob.from_string(b"a"))))
    assert reasons(read(store.path)) == ["blueprint.yaml: is missing in this commit"]


@pytest.mark.parametrize(
    ("ref", "said"),
    [
        (b"a" * 40, f"{'a' * 40}: is missing"),
        (b"ref: refs/heads/main", "refs/heads/main: is b'ref: refs/heads/main', which is not the id of a commit"),
        (b"../../../etc/passwd", "refs/heads/main: is b'../../../etc/passwd', which is not the id of a commit"),
        (b"", "refs/heads/main: does not exist: no version was ever registered"),
    ],
)
def test_a_branch_that_leads_to_nothing_is_one_finding(store: GitStore, ref: bytes, said: str) -> None:
    store.point(ref)
    assert reasons(read(store.path)) == [said]


def test_an_unborn_branch_is_one_finding_and_hides_no_other_blueprint(store: GitStore, tmp_path: Path) -> None:
    with_versions = GitStore(tmp_path / "host", "other")
    with_versions.commit("a")
    with_versions.close()
    items = read(tmp_path / "host")
    assert reasons(items) == ["refs/heads/main: does not exist: no version was ever registered"]
    assert texts(items) == ["a"]


def test_a_branch_that_is_a_folder_is_one_finding(store: GitStore) -> None:
    (store.path / "refs/heads/main").mkdir()
    assert reasons(read(store.path)) == ["refs/heads/main: cannot be read: not a regular file"]


def test_versions_after_a_lost_commit_are_read(store: GitStore) -> None:
    lost = store.commit("a")
    store.commit("c", None, [store.commit("b", None, [lost])])
    store.loose(lost).unlink()
    items = read(store.path)
    assert texts(items) == ["b", "c"]
    assert reasons(items) == [f"{lost.decode()}: is missing"]


def test_an_object_that_is_no_commit_is_one_finding(store: GitStore) -> None:
    blob = store.add(Blob.from_string(b"x"))
    store.point(blob)
    assert reasons(read(store.path)) == [f"{blob.decode()}: is a blob, not a commit"]


@pytest.mark.parametrize("content", [b"", b"x", b"\x78\x9c\xff", zlib.compress(b"commit"), zlib.compress(b"odd 1\0x")])
def test_a_damaged_object_is_one_finding(store: GitStore, content: bytes) -> None:
    sha = store.commit("a")
    store.loose(sha).write_bytes(content)
    (reason,) = reasons(read(store.path))
    assert reason.startswith(f"{sha.decode()}: is damaged")
    assert "\n" not in reason


def test_a_parent_that_is_no_id_is_one_finding(store: GitStore) -> None:
    sha = store.commit("a")
    raw = zlib.decompress(store.loose(sha).read_bytes()).partition(b"\0")[2]
    first, _, rest = raw.partition(b"\n")
    odd = store.point(store.add_raw("commit", first + b"\nparent ../../etc/passwd\xff\n" + rest))
    (reason,) = reasons(read(store.path))
    assert reason.startswith(f"{odd.decode()}: is damaged: ObjectFormatException invalid parent")


def test_objects_of_another_repository_are_not_followed(store: GitStore, tmp_path: Path) -> None:
    elsewhere = GitStore(tmp_path / "elsewhere", "main")
    sha = elsewhere.commit("a")
    elsewhere.close()
    (store.path / "objects/info").mkdir(exist_ok=True)
    (store.path / "objects/info/alternates").write_text(str(elsewhere.path / "objects"))
    store.point(sha)
    assert reasons(read(store.path)) == [f"{sha.decode()}: is missing"]


def test_a_damaged_pack_hides_no_other_object(store: GitStore) -> None:
    store.commit("a")
    (store.path / "objects/pack/pack-odd.idx").write_bytes(b"\377tOc" + bytes(2000))
    (store.path / "objects/pack/pack-odd.pack").write_bytes(b"PACK" + bytes(100))
    items = read(store.path)
    assert texts(items) == ["a"]
    assert [reason.partition(" is damaged")[0] for reason in reasons(items)] == ["pack/pack-odd.idx:"]


def test_a_folder_without_repositories_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="holds no git repository"), open_git(tmp_path):
        pass


def test_an_object_that_is_cut_anywhere_is_refused_unless_it_is_whole(store: GitStore) -> None:
    sha = store.commit("a")
    content = store.loose(sha).read_bytes()
    for kept in range(0, len(content), 7):
        store.loose(sha).write_bytes(content[:kept])
        items = read(store.path)
        assert (texts(items), len(reasons(items))) in (([], 1), (["a"], 0))


def test_a_commit_larger_than_any_message_is_refused_unread(store: GitStore) -> None:
    root = store.commit("a")
    large = store.commit("b", store.message("b", rationale="x" * (2 << 20)), [root])
    (reason,) = reasons(read(store.path))
    assert reason.startswith(f"{large.decode()}: is 2,097,")


def test_a_folder_whose_name_is_no_id_is_one_finding(tmp_path: Path) -> None:
    for name in ("odd\nname", os.fsdecode(b"odd\xff")):
        store = GitStore(tmp_path, name)
        store.commit("a", f"blueprint_content_hash: {hash_of('a')}\n")
        store.close()
    items = read(tmp_path)
    assert [item.blueprint_id for item in items if isinstance(item, Version)] == ["odd\\xff"]
    assert len(reasons(items)) == 1
    assert "control characters" in reasons(items)[0]


def test_what_was_read_is_not_kept_by_what_was_refused(store: GitStore) -> None:
    store.commit("a", store.message("other"))
    (refused,) = (item for item in read(store.path) if isinstance(item, Refused))
    assert refused.reason.__traceback__ is None
    assert refused.reason.__context__ is None
