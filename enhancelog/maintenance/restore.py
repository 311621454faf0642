"""Restores a copy: into an empty place, or beside the database to see whether it is good."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Final, NamedTuple

from enhancelog.backends import dialect, schema
from enhancelog.backends.copies import BadCopy
from enhancelog.backends.schema import State
from enhancelog.domain.backups import Manifest
from enhancelog.domain.errors import StoreError
from enhancelog.maintenance import backup, manifests, room, upgrade
from enhancelog.maintenance.regular_files import open_regular

# The first bytes of the copies of each database.
KINDS: Final = {b"SQLite format 3\x00": "SQLite", b"PGDMP": "PostgreSQL"}


class Restored(NamedTuple):
    """``upgraded_from``: the release of the copy, unless it is of this release's schema."""

    manifest: Manifest | None
    upgraded_from: str


@contextmanager
def restored(file: Path, *, beside: bool, say: Callable[[str], object]) -> Iterator[Restored]:
    """The default connection leads to the restored database, which is then kept, or removed if ``beside``.

    Raises ``BadCopy``, ``UpgradeFailed``, ``OSError`` or the database's errors.
    """
    copies = dialect().copies
    with nullcontext() if beside else upgrade.alone(say):
        if not beside:
            copies.refuse_occupied()
        _recognize(file)
        manifest = manifests.read(file)
        if manifest:
            _compare(file, manifest)
        if beside and (folder := copies.place()):
            room.require(folder, file.stat().st_size)
        with copies.restored(file, beside=beside):
            yield Restored(manifest, _upgrade(file))


def _recognize(file: Path) -> None:
    with open_regular(file) as opened:
        start = opened.read(max(map(len, KINDS)))
    if not start:
        raise BadCopy(f"{file} is empty")
    kind = next((kind for magic, kind in KINDS.items() if start.startswith(magic)), None)
    if kind is None:
        raise BadCopy(f"{file} is neither a copy of a SQLite database nor a dump of pg_dump --format=custom")
    if kind != (needed := dialect().copies.kind):
        raise BadCopy(
            f"{file} is a copy of a {kind} database, but DATABASE_URL names {needed}; restore it into {kind}, and move"
            " the data with export_log, export_content and export_triage, and the imports of the same names"
        )


def _compare(file: Path, manifest: Manifest) -> None:
    size = file.stat().st_size
    if size != manifest.bytes:
        what = "is cut short" if size < manifest.bytes else "is not the copy of its manifest"
        raise BadCopy(f"{file} {what}: it has {size:,} bytes, and its manifest says {manifest.bytes:,}")
    if backup.sha256(file) != manifest.sha256:
        raise BadCopy(f"{file} is damaged: its SHA-256 is not that of its manifest, {manifests.beside(file)}")


def _upgrade(file: Path) -> str:
    try:
        found = schema.look()
    except ValueError:
        raise BadCopy(f"{file} does not say which release made it, so it is damaged") from None
    if found.state in (State.NEWER, State.FOREIGN):
        raise BadCopy(f"{file} cannot be restored: {found.reason}")
    if found.state is State.EMPTY:
        raise BadCopy(f"{file} holds no database of Enhancelog")
    if found.state is State.AHEAD or (found.state is State.CURRENT and not upgrade.pending()):
        return ""
    try:
        upgrade.migrate(copies=False)
    except StoreError as error:
        raise BadCopy(f"{file} is from release {found.release}; {error}") from error
    return found.release or "unknown"
