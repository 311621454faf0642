"""Stores of an engine host, made for tests."""

import hashlib
import io
import json
import sqlite3
import tarfile
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from blake3 import blake3
from dulwich.objects import Blob, Commit, ObjectID, ShaFile, Tree
from dulwich.repo import Repo

OUTPUTS = """CREATE TABLE outputs (id TEXT PRIMARY KEY, task_id TEXT NOT NULL, attempt INTEGER NOT NULL,
    producer_agent TEXT NOT NULL, event_json TEXT NOT NULL, parent_refs_json TEXT NOT NULL, seq INTEGER NOT NULL)"""
ISSUES = """CREATE TABLE issues (issue_id TEXT PRIMARY KEY, blueprint_id TEXT NOT NULL, intent TEXT NOT NULL,
    status_kind TEXT NOT NULL, status_detail TEXT, created_seq INTEGER NOT NULL, pending_seq INTEGER)"""
SETTINGS = "CREATE TABLE enhance_settings (id TEXT PRIMARY KEY, body_json TEXT NOT NULL)"
OPS = [{"op": "replace", "path": "/agents/0/name", "value": "b"}]
HAND = "0" * 64


def hash_of(text: str) -> str:
    return blake3(text.encode()).hexdigest()


@contextmanager
def database(path: Path, schema: str) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(schema)
        yield connection


def add_output(connection: sqlite3.Connection, producer: str, event: Any, seq: Any = 1) -> None:
    text = event if isinstance(event, str | bytes) else json.dumps(event)
    number = connection.execute("SELECT COUNT(*) FROM outputs").fetchone()[0]
    row = [f"out-{number}", f"ST-{number}", 1, producer, text, "[]", seq]
    connection.execute("INSERT INTO outputs VALUES (?, ?, ?, ?, ?, ?, ?)", row)


def final(value: Any, *, ok: bool = True, kind: str = "inline") -> dict[str, Any]:
    return {"type": "final", "content": {"kind": kind, "value": value}, "ok": ok}


def spawned(ops: Any = OPS, rationale: str = "because", **more: Any) -> dict[str, Any]:
    return {"bump": "patch", "ops": ops, "rationale": rationale} | more


def applied(before: str = "a: 1\n", after: str = "a: 2\n", ts_ms: Any = 1, **changes: Any) -> dict[str, Any]:
    value: dict[str, Any] = {
        "epoch_id": {"blueprint_id": "main", "start_version": hash_of(before), "started_at_ms": ts_ms},
        "patch": spawned(),
        "prev_bp_json": {"a": 1},
        "prev_bp_yaml": before,
        "prev_hash": hash_of(before),
        "new_bp_json": {"a": 2},
        "new_bp_yaml": after,
        "new_hash": hash_of(after),
    }
    return value | changes


class GitStore:
    """One bare repository below ``folder``, written object by object, so that it may be as wrong as a test wants."""

    def __init__(self, folder: Path, blueprint_id: str = "main") -> None:
        self.path = folder / "blueprints" / blueprint_id
        self.path.mkdir(parents=True)
        self.blueprint_id = blueprint_id
        self.repo = Repo.init_bare(str(self.path))
        self.repo.refs.set_symbolic_ref(b"HEAD", b"refs/heads/master")  # type: ignore[arg-type]

    def close(self) -> None:
        self.repo.close()

    def add(self, shape: ShaFile) -> ObjectID:
        self.repo.object_store.add_object(shape)
        return shape.id

    def add_raw(self, kind: str, content: bytes) -> ObjectID:
        """What no parser would write."""
        data = f"{kind} {len(content)}\0".encode() + content
        sha = hashlib.sha1(data, usedforsecurity=False).hexdigest()
        path = self.path / "objects" / sha[:2] / sha[2:]
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(zlib.compress(data))
        return ObjectID(sha.encode())

    def message(self, text: str, *, patch: str = "f" * 64, start: str = "", rationale: str = "why") -> str:
        return (
            f"blueprint update [{self.blueprint_id}]\n\n"
            f"blueprint_content_hash: {hash_of(text)}\n"
            f"patch_content_hash:     {patch}\n"
            f"epoch_blueprint_id:     {self.blueprint_id}\n"
            f"epoch_start_version:    {start or hash_of(text)}\n"
            "epoch_started_at_ms:    1793383200234\n"
            f"rationale:              {rationale}\n"
        )

    def tree(self, text: str, *others: tuple[bytes, int, bytes]) -> ObjectID:
        tree = Tree()
        tree.add(b"blueprint.yaml", 0o100644, self.add(Blob.from_string(text.encode())))
        for name, mode, sha in others:
            tree.add(name, mode, ObjectID(sha))
        return self.add(tree)

    def commit(
        self, text: str, message: str | bytes | None = None, parents: Sequence[bytes] = (), tree: bytes | None = None
    ) -> ObjectID:
        """A version after ``parents``; ``main`` points to it."""
        commit = Commit()
        commit.tree = ObjectID(self.tree(text) if tree is None else tree)
        commit.parents = [ObjectID(parent) for parent in parents]
        commit.author = commit.committer = b"engine <engine@example.org>"
        commit.author_time = commit.commit_time = 1_793_383_200
        commit.author_timezone = commit.commit_timezone = 0
        said = self.message(text) if message is None else message
        commit.message = said if isinstance(said, bytes) else said.encode()
        return self.point(self.add(commit))

    def point(self, sha: bytes) -> ObjectID:
        (self.path / "refs/heads/main").write_bytes(sha + b"\n")
        return ObjectID(sha)

    def loose(self, sha: bytes) -> Path:
        path = self.path / "objects" / sha[:2].decode() / sha[2:].decode()
        path.chmod(0o644)
        return path


def archive(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as file:
        for info, content in members:
            file.addfile(info, io.BytesIO(content))
    return path


def member(name: str, content: bytes = b"", **changes: Any) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    info.mtime = int(time.time())
    for field, value in changes.items():
        setattr(info, field, value)
    return info, content
