"""PostgreSQL's own programs: found, run, fed and read, so that they end when this process does."""

import glob
import os
import re
import select
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final, cast

import psycopg
from django.db import connection

from enhancelog.backends.copies import BadCopy
from enhancelog.backends.postgresql.patience import GONE

# Where packages put them without a link in PATH: Debian and Ubuntu; Red Hat; Homebrew.
PLACES: Final = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin")
_MAJOR: Final = re.compile(r"\(PostgreSQL\) ([0-9]+)")

# Options other than the password, which anybody on the machine could read in a command line.
SECRET: Final = ("sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key")

PIECE: Final = 1 << 18
LOOK_S: Final = 0.25
LONGEST_MESSAGE: Final = 4_096
LONGEST_OUTPUT: Final = 1 << 20
# For a program that says its version.
PATIENCE_S: Final = 60


def find(program: str, major: int) -> str:
    """The oldest that suffices for a server of this version. Raises ``BadCopy`` with how to install it."""
    found = [(version, path) for path in _candidates(program) if (version := _version(path)) is not None]
    if sufficient := [each for each in found if each[0] >= major]:
        return min(sufficient)[1]
    has = f"only version {max(found)[0]} is installed" if found else "it is not installed"
    raise BadCopy(
        f"{program} {major} or newer is needed, and {has}; install PostgreSQL's client programs "
        f"(Debian: apt-get install postgresql-client-{major}) or put their folder into PATH"
    )


def _candidates(program: str) -> list[str]:
    in_path = shutil.which(program)
    elsewhere = [path for place in PLACES for path in sorted(glob.glob(f"{place}/{program}"))]
    return [*([in_path] if in_path else []), *elsewhere]


def _version(path: str) -> int | None:
    try:
        said = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = _MAJOR.search(said.stdout)
    return int(found[1]) if found else None


def address() -> str:
    """The database as one argument, with all options of its URL, and without the password."""
    configured = connection.settings_dict
    named = {"host": "HOST", "port": "PORT", "user": "USER", "dbname": "NAME"}
    options = {key: value for key, value in configured["OPTIONS"].items() if key in _known()}
    if secret := next((name for name in SECRET if name in options), ""):
        raise BadCopy(f"DATABASE_URL has {secret}, which cannot be given to pg_dump secretly; sign in there without it")
    given = {name: configured[key] for name, key in named.items() if configured.get(key)}
    return psycopg.conninfo.make_conninfo("", **options, **given)


def _known() -> set[str]:
    return {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()}


# An option of a program that this process runs, which then notices if the server's machine is gone.
def database() -> str:
    parts = {**GONE, **psycopg.conninfo.conninfo_to_dict(address())}
    return f"--dbname={psycopg.conninfo.make_conninfo('', **parts)}"


def line(program: str, *options: str) -> str:
    return shlex.join([program, *options, f"--dbname={address()}"])


def environment() -> dict[str, str]:
    password = str(connection.settings_dict.get("PASSWORD") or "")
    return {**os.environ, "LC_ALL": "C", **({"PGPASSWORD": password} if password else {})}


def write(command: Sequence[str], target: IO[bytes], goes_on: Callable[[], object]) -> None:
    """What the program prints goes to ``target``. Raises ``BadCopy`` with its message."""
    with Running(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        output, errors = process.output.fileno(), process.errors.fileno()
        said = b""
        is_open = {output, errors}
        while is_open:
            goes_on()
            for descriptor in select.select(list(is_open), [], [], LOOK_S)[0]:
                piece = os.read(descriptor, PIECE)
                if not piece:
                    is_open.remove(descriptor)
                elif descriptor == output:
                    target.write(piece)
                else:
                    said = (said + piece)[-LONGEST_MESSAGE:]
        _require_success(process, said)


def feed(command: Sequence[str], source: IO[bytes]) -> None:
    """A file goes to the program, which sees its end if this process dies. Raises ``BadCopy`` with its message."""
    with tempfile.TemporaryFile() as said:
        with Running(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said) as process:
            with suppress(BrokenPipeError):  # its message says why
                shutil.copyfileobj(source, process.input, PIECE)
            with suppress(BrokenPipeError):
                process.input.close()
            process.wait()
        said.seek(0)
        _require_success(process, said.read(LONGEST_MESSAGE))


def read(command: Sequence[str]) -> str:
    """The beginning of what a program that asks no database prints. Raises ``BadCopy`` with its message."""
    with tempfile.TemporaryFile() as said:
        with Running(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said) as process:
            found = process.output.read(LONGEST_OUTPUT)
            process.output.close()
            process.wait()
        if len(found) < LONGEST_OUTPUT:
            said.seek(0)
            _require_success(process, said.read(LONGEST_MESSAGE))
    return found.decode(errors="replace")


class Running(subprocess.Popen[bytes]):
    """Killed at the end of a ``with`` block."""

    def __init__(self, command: Sequence[str], **streams: Any) -> None:
        super().__init__(command, env=environment(), **streams)
        self.name = Path(command[0]).name
        # ``None`` where no pipe was asked for.
        self.input, self.output, self.errors = (
            cast(IO[bytes], each) for each in (self.stdin, self.stdout, self.stderr)
        )

    def __exit__(self, *raised: Any) -> None:
        if self.poll() is None:
            self.kill()
        super().__exit__(*raised)


def _require_success(process: Running, said: bytes) -> None:
    if code := process.wait():
        raise BadCopy(f"{process.name} failed: {_reason(process.name, said) or f'exit code {code}'}")


def _reason(name: str, said: bytes) -> str:
    lines = [line.strip() for line in said.decode(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if "error:" in line] or lines[-1:]
    return errors[0].removeprefix(f"{name}: ").removeprefix("error: ") if errors else ""
