#!/usr/bin/env python3
"""Stores a database of this release, SQLite and PostgreSQL, in ``tests/stored/``: later releases must upgrade it.

Run it in a clone whose environment has the requirements of the tests. It replaces what development versions stored.
"""

import lzma
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
FOLDER: Final = ROOT / "tests" / "stored"
FILE: Final = ".sqlite3.xz"
DUMP: Final = ".postgresql.sql.xz"
# Commands of psql that pg_dump writes. Texts may have other lines that begin with a backslash.
RESTRICTED: Final = (b"\\restrict ", b"\\unrestrict ")
SCOPES: Final = ("log:read", "log:append", "content:read", "content:write", "triage:write")


def main() -> int:
    sys.path.insert(0, str(ROOT))
    from enhancelog import __version__

    try:
        store(__version__)
    except subprocess.CalledProcessError as failed:
        print(f"release/store_database.py: this failed: {' '.join(map(str, failed.cmd))}", file=sys.stderr)
        return 2
    return 0


def store(release: str) -> None:
    from tests import postgres

    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        fill(scratch / "sqlite")
        file = (scratch / "sqlite" / "enhancelog.sqlite3").read_bytes()
        with postgres.started(scratch / "cluster", postgres.OPTIONS) as url:
            fill(scratch / "postgresql", DATABASE_URL=url)
            dump = dumped(url, postgres.binaries() / "pg_dump")
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.dev*"):
        old.unlink()
    for ending, stored in ((FILE, file), (DUMP, dump)):
        path = FOLDER / f"{release}{ending}"
        path.write_bytes(lzma.compress(stored, preset=9 | lzma.PRESET_EXTREME))
        print(f"{path.relative_to(ROOT)}: {path.stat().st_size:,} bytes")


def fill(data_dir: Path, **database: str) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("ENHANCELOG_", "DATABASE_"))}
    environment = {**clean, **database, "ENHANCELOG_BOOTSTRAP": "0", "ENHANCELOG_DATA_DIR": str(data_dir)}
    token = manage("create_token", "agent", *(f"--scope={scope}" for scope in SCOPES), environment=environment).strip()
    code = "from release import rich_data; rich_data.fill()"
    manage("shell", "--verbosity", "0", "-c", code, environment={**environment, "TOKEN": token})
    manage("verify_log", environment=environment)


def manage(*arguments: str, environment: dict[str, str]) -> str:
    command = [sys.executable, str(ROOT / "manage.py"), *arguments]
    return subprocess.run(command, check=True, env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True).stdout


def dumped(url: str, program: Path) -> bytes:
    """SQL that any client can execute: INSERT instead of COPY, and no commands of psql."""
    options = ["--no-owner", "--no-privileges", "--rows-per-insert=200"]
    lines = subprocess.run([program, *options, url], check=True, stdout=subprocess.PIPE).stdout.splitlines(True)
    return b"".join(line for line in lines if not line.startswith(RESTRICTED))


if __name__ == "__main__":
    sys.exit(main())
