"""The data folder and its disk: what it holds, and how much is free. Bounded, and without the database."""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Final

from enhancelog.backends.disk import is_writable
from enhancelog.domain.installation import Disk, File, Part, Space
from enhancelog.maintenance import backup

MOST_FILES: Final = 5_000  # that are counted in one folder
MOST_NAMED: Final = 5

MOUNTS: Final = Path("/proc/self/mountinfo")
NETWORKED: Final = frozenset(
    {"afs", "ceph", "cifs", "fuse.glusterfs", "fuse.sshfs", "lustre", "ncpfs", "nfs", "nfs4", "smb3", "smbfs"}
)


def look(folder: Path, database: Path, workers: Iterable[int]) -> Disk:
    """``database``: of SQLite, else any path in ``folder``. Raises ``OSError``."""
    backups = _files(folder / "backups", (".sqlite3", ".dump"))
    quarantines = _files(folder / "quarantine", ("",))
    return Disk(
        folder=str(folder),
        file_system=file_system_of(database),
        spaces=_spaces(folder, database.parent),
        parts=[*_database_parts(database), *_folder_parts(folder), Part("unnamed uploads", _unnamed(folder, workers))],
        is_writable=is_writable(folder),
        open_to_others=bool(folder.stat().st_mode & 0o077),
        backups=backups[:MOST_NAMED],
        backups_found=len(backups),
        copied_ms=backup.last_copy_ms(folder),
        quarantines=quarantines[:MOST_NAMED],
        quarantines_found=len(quarantines),
    )


def file_system_of(path: Path) -> str:
    """The type of the file system, or the empty text where the system does not say."""
    found = (Path("/"), "")
    with suppress(OSError):
        for line in MOUNTS.read_text(errors="replace").splitlines():
            before, _, after = line.partition(" - ")
            mounted = Path(before.split()[4].encode().decode("unicode_escape"))
            if path.is_relative_to(mounted) and len(mounted.parts) >= len(found[0].parts):
                found = mounted, after.split()[0]
    return found[1]


def _spaces(*folders: Path) -> list[Space]:
    by_device = {folder.stat().st_dev: folder for folder in reversed(folders) if folder.exists()}
    return [space(folder) for folder in reversed(by_device.values())]


def space(folder: Path) -> Space:
    """Raises ``OSError``."""
    found = os.statvfs(folder)
    return Space(str(folder), found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize)


def _database_parts(database: Path) -> list[Part]:
    names = {"database": "", "journal (-wal)": "-wal"}
    return [Part(name, _size(Path(f"{database}{ending}"))) for name, ending in names.items()]


def _folder_parts(folder: Path) -> list[Part]:
    return [_part(name, folder / name) for name in ("backups", "quarantine", "static")]


def _part(name: str, folder: Path) -> Part:
    sizes = [_size(path) for path in islice(_walk(folder), MOST_FILES + 1)]
    return Part(name, sum(sizes[:MOST_FILES]), len(sizes) > MOST_FILES)


def _walk(folder: Path) -> Iterator[Path]:
    for root, _, names in os.walk(folder):  # errors are left out
        yield from (Path(root, name) for name in names)


def _size(path: Path) -> int:
    try:
        return path.stat(follow_symlinks=False).st_size
    except OSError:
        return 0


def _files(folder: Path, endings: tuple[str, ...]) -> list[File]:
    found: list[File] = []
    with suppress(OSError), os.scandir(folder) as each:
        for entry in islice(each, MOST_FILES):
            if entry.name.endswith(endings) and not entry.name.startswith("."):
                with suppress(OSError):
                    stat = entry.stat(follow_symlinks=False)
                    found.append(File(entry.name, stat.st_size, stat.st_mtime_ns // 1_000_000))
    return sorted(found, key=lambda file: file.modified_ms, reverse=True)


def _unnamed(folder: Path, workers: Iterable[int]) -> int:
    # Bodies of requests are in files that have no name; the workers' open files show them (Linux).
    return sum(_deleted_in(folder, Path("/proc", str(worker), "fd")) for worker in workers)


def _deleted_in(folder: Path, descriptors: Path) -> int:
    size = 0
    with suppress(OSError):
        for descriptor in islice(descriptors.iterdir(), MOST_FILES):
            with suppress(OSError):
                target = os.readlink(descriptor)
                if target.startswith(f"{folder}/") and target.endswith(" (deleted)"):
                    size += descriptor.stat().st_size
    return size
