"""Restores a copy: into an empty place, or beside the database to see whether it is good."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

from django.db import connection

from enhancelog.backends import dialect, schema
from enhancelog.backends.copies import BadCopy, Contents, contents
from enhancelog.backends.schema import State
from enhancelog.domain.backups import Extent, Manifest
from enhancelog.domain.errors import StoreError
from enhancelog.maintenance import backup, manifests, restored_evidence, room, upgrade
from enhancelog.maintenance.regular_files import open_regular
from enhancelog.maintenance.restored_evidence import Signed

# The first bytes of the copies of each database.
KINDS: Final = {b"SQLite format 3\x00": "SQLite", b"PGDMP": "PostgreSQL"}


class Restored(NamedTuple):
    """``extent``: of what was restored. ``differs``: a line for each thing that the manifest says otherwise.
    ``upgraded_from``: the release of the copy, unless it is of this release's schema.
    """

    manifest: Manifest | None
    extent: Extent
    signed: Signed  # of what was restored; its findings are in ``differs``, too
    differs: Sequence[str]
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
            found = _contents()
            differs = _differences(manifest, found) if manifest else []
            signed = restored_evidence.look(found.checkpoint)
            differs += signed.wrong
            yield Restored(manifest, found.extent, signed, differs, _upgrade(file))


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


def _contents() -> Contents:
    def ask(statement: str) -> tuple[Any, ...] | None:
        cursor.execute(statement)
        return cast("tuple[Any, ...] | None", cursor.fetchone())

    with connection.cursor() as cursor, dialect().reading_any_text():
        return contents(connection.introspection.table_names(cursor), ask, "")


# Before an upgrade. When, by which release and by which version of the database a copy was made is not in the database.
def _differences(manifest: Manifest, found: Contents) -> list[str]:
    said, is_so = manifest.extent, found.extent
    compared = [
        ("the last position of the log", said.log, is_so.log),
        ("the last revision of content", said.content, is_so.content),
        ("the last act of the audit", said.audit, is_so.audit),
        ("the kind of database", manifest.database, dialect().copies.kind),
        ("the release that migrated it", manifest.migrated_by, found.migrated_by),
        ("the fingerprint of the schema", manifest.schema, found.fingerprint),
    ]
    differs = [
        f'{what} is "{is_so}", and its manifest says "{said}"' for what, said, is_so in compared if said != is_so
    ]
    if manifest.checkpoint != found.checkpoint:
        differs.append("its last checkpoint is not the one in its manifest")
    return differs


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
