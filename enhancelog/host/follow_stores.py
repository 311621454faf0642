"""Follows the stores in a folder of a running host: reads those that changed, and of these what is new."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from enhancelog.domain.observed import Issue, Settings
from enhancelog.host import importing, outputs, store_changes
from enhancelog.host.follow import Polled, back_off
from enhancelog.host.git_versions import GitVersions, Places, open_git
from enhancelog.host.outputs import Extent, Outputs
from enhancelog.host.recognition import Store, recognize_file, recognize_git
from enhancelog.host.remarks import Remarks
from enhancelog.host.store_changes import Signature
from enhancelog.store import host_derivation
from enhancelog.store.followed import Remark
from enhancelog.store.observed import Kept
from enhancelog.transfer.items import Refused, Unreadable

# Nothing that is stored is deleted. What was read is remembered in memory only: after a restart all is read again, and
# storing it again changes nothing.


class StoresListener(Protocol):
    def imported(self, store: Store, kept: Kept) -> None: ...

    def found(self, finding: Refused) -> None: ...

    # Once for each time that a store vanishes or loses rows.
    def lost(self, store: Store, what: str) -> None: ...

    # At each failure; ``pause_s`` until the next attempt.
    def unreadable(self, path: Path, reason: str, pause_s: float) -> None: ...

    def readable(self, path: Path) -> None: ...


@dataclass
class _Read:
    """What was read of a store."""

    signature: Signature = ()
    rows: int = 0
    extent: Extent | None = None
    places: Places = field(default_factory=dict)
    said: dict[str, int] = field(default_factory=dict)  # what each issue or settings row said last, as a hash


class _Failure(NamedTuple):
    number: int
    again_at: float


class StoresFollower:
    """``poll`` can be called again after any exception."""

    def __init__(
        self,
        folder: Path,
        source: str,
        remarks: Remarks,
        listener: StoresListener,
        interval_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._source = source
        self._remarks = remarks
        self._listener = listener
        self._interval_s = interval_s
        self._clock = clock
        self._files: dict[Path, tuple[Signature, list[Store]]] = {}
        self._read: dict[Store, _Read] = {}
        self._failures: dict[Path | Store, _Failure] = {}

    def poll(self) -> None:
        """Raises ``Other``."""
        self._remarks.recall()
        self._attempt(self._folder, self._look)
        stores = [store for _, found in self._files.values() for store in found]
        for store in sorted(stores, key=lambda store: (importing.KINDS.index(store.kind), str(store.path))):
            if not {store.path, self._folder} & self._failures.keys():
                self._attempt(store, partial(self._follow, store))
        host_derivation.settle()

    def _attempt(self, what: Path | Store, work: Callable[[], None]) -> None:
        path = what.path if isinstance(what, Store) else what
        failure = self._failures.get(what, _Failure(0, float("-inf")))
        if self._clock() < failure.again_at:
            return
        try:
            work()
        except Unreadable as error:
            pause_s = back_off(self._interval_s, failure.number + 1)
            self._failures[what] = _Failure(failure.number + 1, self._clock() + pause_s)
            if not failure.number:
                self._remarks.reported += 1
            self._listener.unreadable(path, " ".join(str(error).split()), pause_s)
        else:
            if self._failures.pop(what, None):
                self._listener.readable(path)

    # Which stores there are. Files are recognized again when they change: a table may come later.
    def _look(self) -> None:
        present = store_changes.of_folder(self._folder)
        for path, signature in present.items():
            if self._files.get(path, ((), []))[0] != signature:
                self._attempt(path, partial(self._recognize, path, signature))
        git = recognize_git(self._folder)
        if git is not None:
            self._files[git.path] = ((), [git])
            present[git.path] = ()
        for path in self._files.keys() - present.keys():
            self._failures.pop(path, None)
            self._lose(self._files.pop(path)[1])

    def _recognize(self, path: Path, signature: Signature) -> None:
        found = [store for store in recognize_file(path) if store.kind != "log"]
        known = self._files.get(path, ((), []))[1]
        self._lose([store for store in known if store not in found])
        self._files[path] = (signature, found)

    def _lose(self, stores: list[Store]) -> None:
        for store in stores:
            self._failures.pop(store, None)
            if self._read.pop(store, None):
                self._remarks.reported += 1
                self._listener.lost(store, "is gone")

    def _follow(self, store: Store) -> None:
        read = self._read.get(store, _Read())
        signature = (store_changes.of_git if store.kind == "git" else store_changes.of_file)(store.path)
        if signature == read.signature:
            return
        now = _Read(signature, said=dict(read.said))
        if store.kind == "outputs":
            now.extent = outputs.extent(store.path)
        with _open(store, read, same_file=store_changes.same_file(signature, read.signature)) as reader:
            now.rows = now.extent.rows if now.extent else reader.total or 0
            try:
                kept = importing.keep(_new(reader, now), self._source, on_finding=lambda it: self._found(store, it))
            finally:
                self._remarks.save()
            now.places = reader.places if isinstance(reader, GitVersions) else {}
        if now.rows < read.rows:
            self._remarks.reported += 1
            self._listener.lost(store, f"had {read.rows:,} rows and now has {now.rows:,}")
        self._read[store] = now
        if kept != Kept():
            self._listener.imported(store, kept)

    def _found(self, store: Store, finding: Refused) -> None:
        # Not where it is: a row that is replaced gets a new number.
        said = f"{store.kind} {finding.reason} {finding.raw or finding.where}"
        if self._remarks.is_new(Remark("quarantined", "", sha256(said.encode()).hexdigest())):
            self._listener.found(finding._replace(where=f"{store.kind}, {finding.where}"))


class Both:
    """The log, then the stores, even if the log cannot be read."""

    def __init__(self, log: Polled, stores: Polled) -> None:
        self._log = log
        self._stores = stores

    def poll(self) -> None:
        try:
            self._log.poll()
        except Unreadable:
            self._stores.poll()
            raise
        self._stores.poll()


def _open(store: Store, read: _Read, *, same_file: bool) -> AbstractContextManager[Any]:
    if store.kind == "git":
        return open_git(store.path, read.places)
    if store.kind == "outputs":
        return nullcontext(Outputs(store.path, _read_up_to(store.path, read.extent) if same_file else None))
    return importing.open_store(store)


# ``None`` if what was read is no longer there as it was: then all is read again.
def _read_up_to(path: Path, known: Extent | None) -> int | None:
    if known is None or known.last is None or outputs.extent(path, known.last) != known:
        return None
    return known.last


def _new(records: importing.Reader, read: _Read) -> Iterator[Any]:
    for record in records:
        if isinstance(record, Issue | Settings):
            name = record.issue_id if isinstance(record, Issue) else record.id
            if read.said.get(name) == hash(record):
                continue
            read.said[name] = hash(record)
        yield record
