"""Whatever a store holds, reading ends with records, findings and at most one error of one line."""

import gzip
import io
import json
import shutil
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enhancelog.domain.errors import Invalid
from enhancelog.host import commit_messages
from enhancelog.host.git_versions import open_git
from enhancelog.host.issues import Issues
from enhancelog.host.outputs import Outputs
from enhancelog.transfer.items import Refused, Unreadable
from tests.host.stores import ISSUES, OUTPUTS, GitStore, add_output, applied, database, final, hash_of, spawned

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
DAMAGE = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=8)
damaged = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def with_damage(data: bytes, damage: Iterable[tuple[float, int]]) -> bytes:
    changed = bytearray(data)
    for place, value in damage:
        changed[int(place * len(changed))] = value
    return bytes(changed)


def assert_told(items: Iterable[Any]) -> None:
    try:
        found = list(items)
    except Unreadable as error:
        assert "\n" not in str(error)
    else:
        for item in found:
            if isinstance(item, Refused):
                json.dumps([item.where, str(item.reason), item.raw], ensure_ascii=False).encode()


def git_items(path: Path) -> Iterable[Any]:
    with open_git(path) as versions:
        yield from versions


@pytest.fixture
def store(tmp_path: Path) -> GitStore:
    made = GitStore(tmp_path / "host")
    made.commit("b", None, [made.commit("a")])
    made.close()
    return made


@damaged
@given(damage=DAMAGE)
def test_a_damaged_database(tmp_path: Path, damage: list[tuple[float, int]]) -> None:
    path = tmp_path / "damaged.db"
    path.unlink(missing_ok=True)
    with database(path, OUTPUTS) as connection:
        connection.execute(ISSUES)
        for number in range(12):
            add_output(connection, "patch-applier", final(applied(f"{number}" * 300, f"{number + 1}" * 300)), number)
            connection.execute("INSERT INTO issues VALUES (?, 'main', 'x', 'applied', '', 1, 1)", [f"h-{number}"])
    path.write_bytes(with_damage(path.read_bytes(), damage))
    assert_told(item for reader in (Outputs, Issues) for item in reader(path))


@damaged
@given(damage=DAMAGE, number=st.integers(0, 5))
def test_a_damaged_git_object(store: GitStore, tmp_path: Path, damage: list[tuple[float, int]], number: int) -> None:
    copy = tmp_path / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(store.path, copy)
    path = sorted(copy.glob("objects/??/*"))[number]
    path.chmod(0o644)
    path.write_bytes(with_damage(path.read_bytes(), damage))
    assert_told(git_items(copy))


@damaged
@given(damage=DAMAGE, suffix=st.sampled_from(["pack", "idx"]))
def test_a_damaged_pack(store: GitStore, tmp_path: Path, damage: list[tuple[float, int]], suffix: str) -> None:
    copy = tmp_path / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(store.path, copy)
    objects = store.repo.object_store
    loose = sorted(copy.glob("objects/??/*"))
    if not list(store.path.glob("objects/pack/*")):
        objects.add_objects([(objects[f"{path.parent.name}{path.name}".encode()], None) for path in loose])
        shutil.copytree(store.path, copy, dirs_exist_ok=True)
    for path in loose:
        path.unlink()
    (path,) = copy.glob(f"objects/pack/*.{suffix}")
    path.chmod(0o644)
    path.write_bytes(with_damage(path.read_bytes(), damage))
    assert_told(git_items(copy))


@damaged
@given(damage=DAMAGE)
def test_a_damaged_archive(store: GitStore, tmp_path: Path, damage: list[tuple[float, int]]) -> None:
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as file:
        file.add(store.path, "main")
    path = tmp_path / "git.tar.gz"
    path.write_bytes(gzip.compress(with_damage(whole.getvalue(), damage), 1))
    assert_told(git_items(path))


@damaged
@given(value=JSON, patch=JSON, ok=st.booleans(), producer=st.sampled_from(["patch-spawner", "patch-applier"]))
def test_any_json_in_an_output(tmp_path: Path, value: Any, patch: Any, ok: bool, producer: str) -> None:
    path = tmp_path / "any.db"
    path.unlink(missing_ok=True)
    with database(path, OUTPUTS) as connection:
        add_output(connection, producer, final(value, ok=ok))
        add_output(connection, producer, json.dumps(value))
        add_output(connection, producer, final(applied(patch=patch)))
        add_output(connection, producer, final(applied(patch=spawned(patch))))
    assert_told(Outputs(path))


@given(message=st.binary(max_size=200) | st.text().map(lambda text: text.encode("utf-8", "replace")))
def test_any_commit_message(message: bytes) -> None:
    for data in (message, f"blueprint_content_hash: {hash_of('a')}\n".encode() + message):
        try:
            commit_messages.parse(data)
        except Invalid as reason:
            assert "\n" not in str(reason)


@given(rationale=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_any_rationale_is_kept_as_it_is(rationale: str) -> None:
    message = f"blueprint update [x]\n\nblueprint_content_hash: {hash_of('a')}\nrationale:   {rationale}\n"
    found = commit_messages.parse(message.encode())
    assert found is not None
    assert found.rationale == rationale.lstrip(" ")
