"""Disks that are small, read-only or failing. A test that cannot have them is skipped in one line; in CI it fails."""

import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

import psycopg
import pytest

from tests.lacking import lack
from tests.waiting import wait_for

Kind = Literal["ext4", "tmpfs"]

_SHIM: Final = Path(__file__).resolve().parent / "faults" / "failing_disk.c"


class SmallDisk:
    """A mounted file system of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ballast = path / "ballast"

    def fill(self) -> None:
        """Take all the space that is left, down to the last block."""
        descriptor = os.open(self._ballast, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            for size in (1 << 20, 4096, 512):
                try:
                    while os.write(descriptor, bytes(size)):
                        pass
                except OSError:
                    continue
        finally:
            os.close(descriptor)

    def free(self) -> None:
        self._ballast.unlink()

    def fail(self) -> None:
        """Make ext4 find an error, on which it turns read-only under open files."""
        command = ["findmnt", "-no", "SOURCE", str(self.path)]
        device = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        trigger = Path("/sys/fs/ext4", Path(device).name, "trigger_fs_error")
        os.sync()
        try:
            trigger.write_text("test")
        except OSError as error:
            pytest.skip(f"needs to write {trigger} ({error.strerror})")

    def remount(self, mode: Literal["ro", "rw"]) -> None:
        # Busy while a file is open for writing. The kernel closes the files of a killed process after it is a zombie.
        wait_for(lambda: not _failed("mount", "-o", f"remount,{mode}", str(self.path)))


@contextmanager
def small_disk(kind: Kind, folder: Path, mib: int) -> Iterator[SmallDisk]:
    """A file system of this many MiB, mounted in ``folder``. Needs root."""
    mounted, image = folder / "disk", folder / "disk.img"
    mounted.mkdir(parents=True)
    if kind == "ext4":
        with image.open("wb") as file:
            file.truncate(mib << 20)
        _run("mkfs.ext4", "-q", "-m", "0", str(image))
        _run("mount", "-o", "loop,errors=remount-ro", str(image), str(mounted))
    else:
        _run("mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", str(mounted))
    try:
        yield SmallDisk(mounted)
    finally:
        subprocess.run(["umount", "-l", str(mounted)], check=False)


@contextmanager
def database_on(disk: SmallDisk) -> Iterator[str]:
    """A PostgreSQL database whose tables are on the disk, in a tablespace; the server's other files are elsewhere."""
    url = os.environ["ENHANCELOG_TEST_DATABASE_URL"]
    folder = disk.path / "tables"
    folder.mkdir()
    with psycopg.connect(url, autocommit=True) as admin:
        row = admin.execute("SHOW data_directory").fetchone()
        if row is None or not Path(row[0]).exists():
            lack("a PostgreSQL server on this machine")
        os.chown(folder, Path(row[0]).stat().st_uid, -1)
        name = f"small_{uuid.uuid4().hex}"  # of the tablespace and of the database: several tests may run at once
        admin.execute(f"CREATE TABLESPACE {name} LOCATION '{folder}'")  # type: ignore[arg-type, unused-ignore]
        try:
            admin.execute(f"CREATE DATABASE {name} TABLESPACE {name}")  # type: ignore[arg-type, unused-ignore]
            rest = psycopg.conninfo.conninfo_to_dict(url, dbname=name)
            host = rest.pop("host")
            yield f"postgresql://{rest['user']}@/{name}?host={host}"
        finally:
            admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")  # type: ignore[arg-type, unused-ignore]
            admin.execute(f"DROP TABLESPACE {name}")  # type: ignore[arg-type, unused-ignore]


def failing_calls(folder: Path, match: str) -> tuple[dict[str, str], Path]:
    """The environment of a process whose calls on files with ``match`` in their path fail while the switch exists."""
    compiler = shutil.which("gcc")
    if compiler is None:
        lack("gcc")
    library, switch = folder / "failing_disk.so", folder / "switch"
    _run(str(compiler), "-O2", "-shared", "-fPIC", "-o", str(library), str(_SHIM), "-ldl")
    return {"LD_PRELOAD": str(library), "FAILING_SWITCH": str(switch), "FAILING_MATCH": match}, switch


def _run(*command: str) -> None:
    if shutil.which(command[0]) is None:
        lack(command[0])
    if said := _failed(*command):
        lack(f"to run {command[0]} ({said}); as root it can")


def _failed(*command: str) -> str:
    """The last line a command that failed printed; "" for one that succeeded."""
    done = subprocess.run(command, capture_output=True, text=True)
    return (done.stderr.strip().splitlines() or ["no message"])[-1] if done.returncode else ""
