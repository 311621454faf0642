"""The measured servers: ours, ours without group commit, and the peers, each in its own virtual environment."""

import hashlib
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.children import Failed, Process, last_line, module, product_environment, running
from benchmarks.databases import Database
from benchmarks.load import Address
from tests.processes import ROOT, free_port, make_tokens, manage, serving

START_S: Final = 60
PEERS: Final = {
    "datasette": "requirements-datasette.txt",
    "datasette-alpha": "requirements-datasette-alpha.txt",
    "groups": "requirements-groups.txt",
}
TUNED: Final = {
    "allow_download": "off",
    "allow_facet": "off",
    "cache_size_kb": "65536",
    "default_page_size": "50",
    "facet_suggest_time_limit_ms": "1",
    "num_sql_threads": "0",
    "suggest_facets": "off",
    "template_debug": "off",
}


class Server(NamedTuple):
    """``secret``: a token that may append (ours only)."""

    address: Address
    process: Process
    secret: str = ""


@contextmanager
def enhancelog(database: Database, log: Path, **more: str) -> Iterator[Server]:
    """``manage.py serve``; ``more`` is added to its environment."""
    environment = _ours(database, **more)
    address = Address("127.0.0.1", free_port())
    with log.open("a") as output, ExitStack() as stack:
        bind = f"{address.host}:{address.port}"
        serve = serving("--bind", bind, data_dir=database.data_dir, output=output, **environment)
        process = stack.enter_context(serve)
        yield Server(address, process, _token(database))


@contextmanager
def one_commit_each(database: Database, log: Path, **more: str) -> Iterator[Server]:
    """Ours without group commit. The database must have been served before."""
    with application("benchmarks.one_commit_each", database, log, **more) as server:
        yield server


@contextmanager
def application(name: str, database: Database, log: Path, **more: str) -> Iterator[Server]:
    """Ours with the application of this module. The database must have been served before."""
    address = Address("127.0.0.1", free_port())
    command = module("benchmarks.inside", "serve", address.port, name)
    with running(command, product_environment(database.data_dir, database.url, **more), log) as process:
        wait_for(address, "/health/ready", process, log)
        yield Server(address, process, _token(database))


@contextmanager
def datasette(peer: str, folder: Path, database: Path, log: Path, options: Sequence[str]) -> Iterator[Server]:
    """One of ``PEERS``. Raises ``Failed`` if unavailable."""
    address = Address("127.0.0.1", free_port())
    command = [str(peer_environment(peer, folder) / "bin" / "datasette"), "serve", str(database)]
    command += ["--host", address.host, "--port", str(address.port), *options]
    with running(command, {"PATH": "/usr/bin:/bin", "HOME": str(folder)}, log, stdout=subprocess.DEVNULL) as process:
        wait_for(address, "/-/versions.json", process, log)
        yield Server(address, process)


def tuned() -> list[str]:
    """Datasette's fast settings: no suggestions or counts, large caches."""
    return [part for name, value in TUNED.items() for part in ("--setting", name, value)]


def peer_environment(peer: str, folder: Path) -> Path:
    requirements = ROOT / PEERS[peer]
    venv = folder / peer
    stamp = venv / "pins"
    pins = hashlib.sha256(requirements.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == pins:
        return venv
    shutil.rmtree(venv, ignore_errors=True)
    _call([sys.executable, "-m", "venv", "--without-pip", str(venv)], f"cannot make an environment for {peer}")
    install = [_uv(), "pip", "install", "-q", "--require-hashes", "--python", str(venv / "bin" / "python")]
    _call([*install, "--requirement", str(requirements)], f"cannot install {peer}")
    stamp.write_text(pins)
    return venv


def version_of(peer: str, folder: Path) -> str:
    done = subprocess.run([folder / peer / "bin" / "datasette", "--version"], capture_output=True, text=True)
    return done.stdout.strip().rpartition(" ")[2]


def wait_for(address: Address, path: str, process: Process, log: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise Failed(f"a server ended: {last_line(log)}")
        try:
            with urllib.request.urlopen(f"http://{address.host}:{address.port}{path}", timeout=5):
                return
        except (OSError, urllib.error.HTTPError):
            time.sleep(0.05)
    raise Failed(f"a server did not answer for {START_S} s: {last_line(log)}")


def _ours(database: Database, **more: str) -> Mapping[str, str]:
    names = ("DATABASE_URL", "ENHANCELOG_PUBLIC_READ", "ENHANCELOG_THROTTLE_APPEND", "ENHANCELOG_THROTTLE_BULK")
    environment = product_environment(database.data_dir, database.url)
    return {**{name: environment[name] for name in names}, **more}


def _token(database: Database) -> str:
    name = f"bench-{time.time_ns()}"
    made = manage("create_token", name, "--scope", "log:append", data_dir=database.data_dir, **_ours(database))
    if made.returncode:
        raise Failed(f"create_token: {made.stderr.strip()}")
    return made.stdout.strip()


def more_tokens(database: Database, number: int, scopes: Sequence[str]) -> list[str]:
    """Secrets of new tokens of the administrator."""
    return make_tokens(number, scopes, data_dir=database.data_dir, **_ours(database))


def _uv() -> str:
    beside = Path(sys.executable).parent / "uv"
    found = str(beside) if beside.exists() else shutil.which("uv")
    if not found:
        raise Failed("no uv to install the peers with")
    return found


def _call(command: Sequence[str], what: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise Failed(f"{what}: {(done.stderr.strip().splitlines() or ['no reason was given'])[-1][:300]}")
