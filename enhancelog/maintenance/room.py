"""Refuses what would fill a disk that a server needs."""

import errno
from pathlib import Path

from enhancelog.domain.installation import Space
from enhancelog.maintenance import disk_use, problems


class NoRoom(OSError):
    pass


def require(folder: Path, needed: int) -> None:
    """For a copy of so many bytes; the folder need not be there yet. Raises ``NoRoom`` or ``OSError``."""
    found = disk_use.space(next(each for each in (folder, *folder.parents) if each.exists()))
    after = Space(found.folder, found.bytes, max(0, found.free_bytes - needed))
    if problems.is_little(after):
        left = f"{problems.megabytes(found.free_bytes)} free, and a copy takes about {problems.megabytes(needed)}"
        raise NoRoom(errno.ENOSPC, f"too little space: the disk of {found.folder} has {left}")
