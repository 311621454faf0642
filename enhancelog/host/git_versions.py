"""Reads the versions of Blueprints from an engine host's git store, each with its document."""

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from dulwich.errors import ObjectFormatException
from dulwich.objects import Blob, Commit, Tree

from enhancelog.domain import records
from enhancelog.domain.errors import Invalid
from enhancelog.domain.observed import Document, Version
from enhancelog.host import commit_messages, git_archive
from enhancelog.host.commit_messages import Message
from enhancelog.host.documents import MAX_DOCUMENT_BYTES, proven
from enhancelog.host.git_layout import branch, repositories
from enhancelog.host.git_objects import Objects
from enhancelog.transfer.items import Refused, Unreadable, refused

BRANCH: Final = "main"
FILE: Final = "blueprint.yaml"
MAX_COMMITS: Final = 100_000


class Place(NamedTuple):
    """How far a repository was read: the last commit, the next number, the hash of the last document."""

    commit: bytes
    number: int
    previous: str


Places = dict[Path, Place]


class GitVersions:
    """Of one Blueprint after the other, the oldest first; each document once. ``places``: where to go on."""

    unit = "commits"

    def __init__(
        self, root: Path, name: str, findings: tuple[Refused, ...] = (), places: Mapping[Path, Place] | None = None
    ) -> None:
        self.done = 0
        self.total: int | None = None
        self._root = root
        self._name = name
        self._findings = findings
        self._repositories = repositories(root)
        if not self._repositories:
            raise Unreadable(f"{name}: holds no git repository")
        self._yielded: set[bytes] = set()
        self.places: Places = dict(places or {})

    def __iter__(self) -> Iterator[Version | Document | Refused]:
        yield from self._findings
        for repository in self._repositories:
            is_root = repository == self._root
            place = _shown(Path(self._name).name if is_root else str(repository.relative_to(self._root)))
            with closing(Objects(repository)) as objects:
                yield from (Refused(place, reason, "") for reason in objects.damaged_packs)
                yield from self._versions(objects, repository, place)

    def _versions(self, objects: Objects, repository: Path, place: str) -> Iterator[Version | Document | Refused]:
        faults: list[Invalid] = []
        known = self.places.pop(repository, None)
        new = _since(objects, repository, known.commit) if known else None
        commits = _oldest_first(objects, repository, faults) if new is None else new
        yield from (refused(place, fault, "") for fault in faults)
        folder = place.rpartition("/")[2]
        number, previous = (0, "") if known is None or new is None else known[1:]
        for sha in commits:
            self.done += 1
            where = f"{place} {sha.decode()}"
            try:
                commit = objects.read(sha, Commit)
                message = commit_messages.parse(commit.message)
                if message is None:
                    continue
                version = _version(message, folder, number, previous)
            except Invalid as reason:
                yield refused(where, reason, "")
                continue
            yield version
            number, previous = number + 1, message.content_hash
            yield from self._documents(objects, commit, message, where)
        if commits and not faults:
            self.places[repository] = Place(commits[-1], number, previous)
        elif known is not None and new is not None:
            self.places[repository] = known

    def _documents(
        self, objects: Objects, commit: Commit, message: Message, where: str
    ) -> Iterator[Document | Refused]:
        data = b""
        try:
            data = _file(objects, commit)
            document = proven(message.content_hash, data, FILE)
        except Invalid as reason:
            yield refused(where, reason, data.decode("utf-8", "backslashreplace"))
            return
        key = bytes.fromhex(document.hash)
        if key not in self._yielded:
            self._yielded.add(key)
            yield document


@contextmanager
def open_git(path: Path, places: Mapping[Path, Place] | None = None) -> Iterator[GitVersions]:
    """A bare repository, a folder of some, or a ``.tar.gz`` of either. Raises ``Unreadable``."""
    if path.is_dir():
        yield GitVersions(path, str(path), places=places)
        return
    with TemporaryDirectory(prefix="enhancelog-git-") as folder:
        findings = git_archive.unpack(path, Path(folder))
        yield GitVersions(Path(folder), str(path), tuple(findings))


# ``None`` unless history went on from there in a line, as an engine host writes it.
def _since(objects: Objects, repository: Path, known: bytes) -> list[bytes] | None:
    found: list[bytes] = []
    try:
        sha = branch(repository, BRANCH)
        while sha != known:
            found.append(sha)
            (sha,) = objects.read(sha, Commit).parents
            if len(found) > MAX_COMMITS:
                return None
    except (Invalid, ValueError):
        return None
    return found[::-1]


# By parents, because a root commit may be younger than its children.
def _oldest_first(objects: Objects, repository: Path, faults: list[Invalid]) -> list[bytes]:
    order: list[bytes] = []
    seen: set[bytes] = set()
    try:
        pending = [(branch(repository, BRANCH), False)]
    except Invalid as reason:
        faults.append(reason)
        return []
    while pending:
        sha, has_its_parents = pending.pop()
        if has_its_parents:
            order.append(sha)
        elif sha not in seen:
            seen.add(sha)
            try:
                parents = objects.read(sha, Commit).parents
            except Invalid as reason:
                faults.append(reason)
                continue
            pending.append((sha, True))
            pending += ((parent, False) for parent in reversed(parents) if parent not in seen)
        if len(pending) + len(order) > MAX_COMMITS:
            faults.append(Invalid(BRANCH, "size", f"has more than {MAX_COMMITS:,} commits"))
            return []
    return order


def _version(message: Message, folder: str, number: int, previous: str) -> Version:
    blueprint_id = folder if message.blueprint_id is None else message.blueprint_id
    records.check_id(blueprint_id, "blueprint_id", may_be_empty=True)
    return Version(
        blueprint_id=blueprint_id,
        hash=message.content_hash,
        number=number,
        made_by=message.made_by,
        rationale=message.rationale,
        # A version made by hand names itself as its start.
        prev_hash=message.start_version if message.made_by == "run" else previous,
        ts_ms=message.ts_ms,
    )


# Names of folders need not be UTF-8.
def _shown(name: str) -> str:
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _file(objects: Objects, commit: Commit) -> bytes:
    tree = objects.read(commit.tree, Tree)
    try:
        tree.check()
        mode, sha = tree[FILE.encode()]
    except KeyError:
        raise Invalid(FILE, "missing", "is missing in this commit") from None
    except ObjectFormatException as error:
        raise Invalid(tree.id.decode(), "git", f"is not a valid tree: {error}") from None
    if not stat.S_ISREG(mode):
        raise Invalid(FILE, "git", f"has mode {mode:o}; it is not a file")
    return objects.read(sha, Blob, MAX_DOCUMENT_BYTES).data
