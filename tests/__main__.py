"""``manage.py test [--database sqlite|postgresql] [--set-up-only] [pytest args]``: on SQLite, then on PostgreSQL.

The first session runs every test, the second those that touch a database. Both get the same pytest arguments; the exit
code is 0 only when both passed. Ends its PostgreSQL server whatever happens.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests import postgres

ROOT = Path(__file__).resolve().parent.parent
PYTEST_NO_TESTS = 5
INTERRUPTED = 130
WORKERS = (os.cpu_count() or 1) + 1  # some tests wait for something
SHARED_MEMORY = "/dev/shm"
ROOM = 4 << 30


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="manage.py test", add_help=False, allow_abbrev=False, epilog="All other options are pytest's:"
    )
    parser.add_argument("--database", choices=["sqlite", "postgresql"], help="default: one after the other")
    parser.add_argument("--set-up-only", action="store_true", help="only install what the tests need")
    options, pytest_arguments = parser.parse_known_args(list(arguments))
    if {"-h", "--help"} & set(pytest_arguments):
        print(parser.format_help(), flush=True)
        options.database = "sqlite"  # pytest's help, once
    if options.set_up_only:  # which it is by now
        return 0
    signal.signal(signal.SIGTERM, _interrupt)
    # A shell has what it starts in the background ignore SIGINT, and so would all that tests start and interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    databases = [options.database] if options.database else ["sqlite", "postgresql"]
    codes = []
    try:
        for number, database in enumerate(databases):
            codes.append(_run(database, _covered(pytest_arguments, first=number == 0)))
    except KeyboardInterrupt:
        return INTERRUPTED
    except postgres.NoPostgres as error:
        print(f"manage.py test: {error}; the suite must pass on both databases", file=sys.stderr)
        return 2
    return _verdict(codes)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _run(database: str, arguments: Sequence[str]) -> int:
    if database == "sqlite":
        return _pytest(arguments, {"ENHANCELOG_TEST_DATABASE": database})
    with postgres.server() as url:
        return _pytest(arguments, {"ENHANCELOG_TEST_DATABASE": database, "ENHANCELOG_TEST_DATABASE_URL": url})


def _pytest(arguments: Sequence[str], environment: dict[str, str]) -> int:
    command = [sys.executable, "-m", "pytest", *arguments]
    environment = {"PYTEST_XDIST_AUTO_NUM_WORKERS": str(WORKERS), **os.environ, **environment}
    environment.pop(
        "PYTHONDONTWRITEBYTECODE", None
    )  # the tests start many processes, and each would compile everything
    with (
        tempfile.TemporaryDirectory(
            prefix="enhancelog-tests-", dir=_in_memory(), ignore_cleanup_errors=True
        ) as scratch,
        subprocess.Popen(command, cwd=ROOT, env=environment | {"TMPDIR": scratch}) as process,
    ):
        try:
            return process.wait()
        except KeyboardInterrupt:  # pytest got it too when it came from the terminal; let it clean up
            process.send_signal(signal.SIGINT)
            process.wait()
            raise


def _in_memory() -> str | None:
    """A folder whose files never wait for a disk, where there is one with room: every append of a test is synced."""
    try:
        return SHARED_MEMORY if shutil.disk_usage(SHARED_MEMORY).free > ROOM else None
    except OSError:
        return None


def _covered(arguments: Sequence[str], *, first: bool) -> list[str]:
    """Coverage is measured in the first session, which runs everything; measuring doubles what a session takes."""
    return [argument for argument in arguments if first or not argument.startswith("--cov")]


def _verdict(codes: Sequence[int]) -> int:
    """No test in one session is fine (the arguments chose some for the other), in both it is not."""
    ran = [code for code in codes if code != PYTEST_NO_TESTS]
    return next((code for code in ran if code), 0) if ran else PYTEST_NO_TESTS


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
