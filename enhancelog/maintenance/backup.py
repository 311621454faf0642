"""Copies a database in use: consistent, private, and visible only when complete."""

import errno
import hashlib
import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from enhancelog import __version__
from enhancelog.backends import dialect
from enhancelog.backends.copies import Contents, GoesOn, publish, sync
from enhancelog.domain.backups import CONTAINED, FORMAT, NOT_CONTAINED, PRODUCT, MadeBy, Manifest
from enhancelog.maintenance import manifests
from enhancelog.maintenance.parts import alone_in, part_of

TIME_FORMAT: Final = "%Y-%m-%dT%H%M%S.%fZ"
LAST_COPY: Final = "last_copy"  # a file whose time is that of the copy


def timestamp() -> str:
    """Sortable UTC time for file names, in microseconds."""
    return datetime.now(UTC).strftime(TIME_FORMAT)


def make(target: Path, made_by: MadeBy, goes_on: GoesOn = lambda: None) -> Manifest:
    """Copy the database, mode 0600, with its manifest. ``goes_on`` is called often, and may raise to cut it off.

    Raises ``FileExistsError``, ``OSError``, ``BadCopy`` or ``DatabaseError``; leaves nothing behind then.
    """
    now = datetime.now(UTC)
    with part_of(target) as part:
        manifest = _manifest(part, _written(part, goes_on), made_by, now, goes_on)
        with alone_in(target.parent):
            if target.exists():
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
            manifests.write(target, manifest)  # first, so that no copy is without one
            try:
                publish(part, target)
            except OSError:
                manifests.beside(target).unlink(missing_ok=True)
                raise
    return manifest


def note_copy(data_dir: Path, target: Path) -> None:
    """That ``backup`` made a copy, which may be on another disk, so that nobody is told that there is none."""
    with suppress(OSError):  # a full or read-only data folder, from which the data is being rescued
        (data_dir / LAST_COPY).write_bytes(os.fsencode(target) + b"\n")


def last_copy_ms(data_dir: Path) -> int | None:
    try:
        return (data_dir / LAST_COPY).stat().st_mtime_ns // 1_000_000
    except OSError:
        return None


def sha256(file: Path, goes_on: GoesOn = lambda: None) -> str:
    found = hashlib.sha256()
    with open(file, "rb") as opened:
        while piece := opened.read(1 << 20):
            found.update(piece)
            goes_on()
    return found.hexdigest()


def _written(part: Path, goes_on: GoesOn) -> Contents:
    contents = dialect().copies.write(part, goes_on)
    sync(part)
    return contents


def _manifest(part: Path, contents: Contents, made_by: MadeBy, now: datetime, goes_on: GoesOn) -> Manifest:
    return Manifest(
        product=PRODUCT,
        format=FORMAT,
        release=__version__,
        migrated_by=contents.migrated_by,
        schema=contents.fingerprint,
        database=dialect().copies.kind,
        database_version=contents.database_version,
        made_by=made_by,
        made_ms=int(now.timestamp() * 1000),
        made=now.isoformat(timespec="seconds").replace("+00:00", "Z"),
        extent=contents.extent,
        checkpoint=contents.checkpoint,
        bytes=part.stat().st_size,
        sha256=sha256(part, goes_on),
        contains=CONTAINED,
        does_not_contain=NOT_CONTAINED,
    )
