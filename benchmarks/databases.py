"""Logs of every size, created by the product and cached; legs that write get a copy."""

import hashlib
import os
import shutil
import sqlite3
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlencode

import psycopg

from benchmarks import generator
from benchmarks.children import module, perform, product_environment
from benchmarks.plan import Plan
from enhancelog.domain import records
from enhancelog.domain.records import Entry
from tests import postgres
from tests.processes import ROOT

DATABASES: Final = ("sqlite", "postgresql")
# These files determine a log, and a change recreates it.
DECIDING: Final = (
    "benchmarks/generator.py",
    "enhancelog/backends",
    "enhancelog/domain",
    "enhancelog/models",
    "enhancelog/projections",
    "enhancelog/migrations",
    "enhancelog/store",
    "content/migrations",
)
# The logs of ``inside.fill``: of ``generator``, and of ``wide``.
USUAL: Final = "log"
WIDE: Final = "wide"
MORE_DECIDING: Final = {USUAL: (), WIDE: ("benchmarks/wide.py",)}

EVIDENCE_KEY: Final = "evidence_key"
DURABLE: Final = (
    "fsync=on",
    "synchronous_commit=on",
    "shared_buffers=512MB",
    "max_wal_size=4GB",
    "max_connections=120",
    "listen_addresses=",
)

Progress = Callable[[str], None]


class Database(NamedTuple):
    """``url`` for the product, ``raw`` for the driver, ``data_dir`` for the product's files."""

    vendor: str
    url: str
    raw: str
    data_dir: Path


class Databases:
    def __init__(self, folder: Path, plan: Plan, progress: Progress) -> None:
        self.folder = folder
        self.log = folder / "bench.log"
        self._plan = plan
        self._progress = progress
        self._server = ""

    @contextmanager
    def postgresql(self) -> Iterator[None]:
        """Our own server, with the durability that the product promises."""
        cluster = self.folder / "postgresql"
        with postgres.started(cluster, DURABLE) as url:
            self._server = url
            yield

    def postgresql_version(self) -> str:
        with psycopg.connect(self._server) as connection:
            version = connection.info.server_version
        return f"{version // 10000}.{version % 10000}"

    def log_of(self, vendor: str, size: int, kind: str = USUAL) -> Database:
        """A log to read; created if missing."""
        beginning = f"{kind}_{size}_"
        name = f"{beginning}{fingerprint(MORE_DECIDING[kind])}_{self._plan.seed}".replace("-", "_")
        database = self._named(vendor, name)
        if not self._is_there(vendor, name):
            self._drop_others(vendor, beginning, name)
            self._fill(vendor, name, kind, size)
        return database

    @contextmanager
    def copy_of(self, vendor: str, size: int, kind: str = USUAL) -> Iterator[Database]:
        """A temporary log to write to."""
        source = self.log_of(vendor, size, kind)
        name = f"copy_{uuid.uuid4().hex[:12]}"
        copy = self._named(vendor, name)
        if vendor == "sqlite":
            shutil.copyfile(source.raw, copy.raw)
        else:
            self._admin(f"CREATE DATABASE {name} TEMPLATE {_name_of(source.raw)}")
            self._admin("CHECKPOINT")
        self._take_key(source, copy)
        try:
            yield copy
        finally:
            self._drop(vendor, name)
            shutil.rmtree(copy.data_dir, ignore_errors=True)

    @contextmanager
    def upstream_like(self, size: int) -> Iterator[Path]:
        """The log as a temporary plain SQLite table with the engine host's columns, for the peers."""
        path = self.folder / f"peer_{uuid.uuid4().hex[:12]}.db"
        make_peer(path, self._plan.seed, size)
        try:
            yield path
        finally:
            for file in path.parent.glob(f"{path.name}*"):
                file.unlink()

    def _take_key(self, source: Database, copy: Database) -> None:
        """A log that was served is signed, and only its key can sign a copy that goes on."""
        if (key := source.data_dir / EVIDENCE_KEY).exists():
            copy.data_dir.mkdir(mode=0o700)
            shutil.copy(key, copy.data_dir)

    def _named(self, vendor: str, name: str) -> Database:
        if vendor == "sqlite":
            path = self.folder / f"{name}.sqlite3"
            return Database(vendor, f"sqlite:///{quote(str(path))}", str(path), self.folder / f"{name}-{vendor}")
        parts = psycopg.conninfo.conninfo_to_dict(self._server)
        rest = {key: str(value) for key, value in parts.items() if key != "dbname"}
        url = f"postgresql:///{name}?{urlencode(rest, quote_via=quote)}"
        return Database(vendor, url, url, self.folder / f"{name}-{vendor}")

    def _is_there(self, vendor: str, name: str) -> bool:
        return (self.folder / f"{name}-{vendor}.made").exists()

    def _fill(self, vendor: str, name: str, kind: str, size: int) -> None:
        database = self._named(vendor, name)
        self._drop(vendor, name)
        if vendor == "postgresql":
            self._admin(f"CREATE DATABASE {name}")
        perform(
            module("benchmarks.inside", "fill", kind, size, self._plan.seed),
            product_environment(database.data_dir, database.url),
            self.log,
            lambda said: self._progress(f"making a log of {size:,} on {vendor}: {said['done']:,}"),
        )
        shutil.rmtree(database.data_dir, ignore_errors=True)
        (self.folder / f"{name}-{vendor}.made").touch()

    def _drop_others(self, vendor: str, beginning: str, name: str) -> None:
        for made in self.folder.glob(f"{beginning}*-{vendor}.made"):
            old = made.name.removesuffix(f"-{vendor}.made")
            if old != name:
                made.unlink()
                self._drop(vendor, old)

    def _drop(self, vendor: str, name: str) -> None:
        if vendor == "sqlite":
            for file in self.folder.glob(f"{name}.sqlite3*"):
                file.unlink()
        else:
            self._admin(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def _admin(self, statement: Any) -> None:
        with psycopg.connect(self._server, autocommit=True) as connection:
            connection.execute(statement)


def make_peer(path: Path, seed: int, size: int) -> None:
    """The engine host's table and indexes in WAL mode, filled and ANALYZEd."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.executescript(
        """CREATE TABLE enhance_log (
             issue_id TEXT PRIMARY KEY, blueprint_id TEXT NOT NULL, prev_hash TEXT NOT NULL, new_hash TEXT NOT NULL,
             intent TEXT NOT NULL, rationale TEXT NOT NULL, verdicts_json TEXT NOT NULL, status TEXT NOT NULL,
             reasons_json TEXT NOT NULL, ts_ms INTEGER NOT NULL);
           CREATE INDEX ix_enhance_log_bp_ts ON enhance_log(blueprint_id, ts_ms);
           CREATE INDEX ix_enhance_log_ts ON enhance_log(ts_ms);"""
    )
    connection.execute("BEGIN")
    connection.executemany(
        f"INSERT INTO enhance_log VALUES ({', '.join('?' * 10)})", map(peer_row, generator.log(seed, size))
    )
    connection.execute("COMMIT")
    connection.execute("ANALYZE")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def peer_row(entry: Entry) -> tuple[Any, ...]:
    return (
        entry.issue_id,
        entry.blueprint_id,
        entry.prev_hash,
        entry.new_hash,
        entry.intent,
        entry.rationale,
        records.encode_part(entry.verdicts),
        entry.status,
        records.encode_part(entry.reasons),
        entry.ts_ms,
    )


def fingerprint(more: Iterable[str] = ()) -> str:
    digest = hashlib.sha256()
    for name in (*DECIDING, *more):
        path = ROOT / name
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            digest.update(f"{file.relative_to(ROOT)}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:12]


def _name_of(url: str) -> str:
    return str(psycopg.conninfo.conninfo_to_dict(url)["dbname"])


def room(folder: Path) -> int:
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize
