"""Follows a running engine host: imports new entries, reports anomalies once."""

import hashlib
import random
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Final, Protocol

import msgspec
from django.db import Error, close_old_connections

from enhancelog.domain import records
from enhancelog.domain.errors import StoreError, WrongSchema
from enhancelog.domain.observed import Seen, of_settings
from enhancelog.domain.origin import Origin
from enhancelog.domain.records import Entry
from enhancelog.host.log_http import Head, NotUnderstood, Upstream
from enhancelog.host.remarks import Remarks
from enhancelog.store import followed, observed
from enhancelog.store.followed import Remark
from enhancelog.transfer import json_stream
from enhancelog.transfer.importer import Conflicting, Counts, Dropped, Finding, import_entries
from enhancelog.transfer.items import Found, Item, Unreadable
from enhancelog.transfer.json_stream import WHITE_SPACE, Piece

# If an entry changes on the host, ours stays; if it vanishes there, it stays here. A response that is not a whole list
# changes nothing. ``ts_ms`` is a run's start and thus no cursor, so "new" means a new id. Reports are stored in the
# database, so a restart or the next cron run does not repeat them.

# Heads are read whenever the log changed, and this often, because versions can be created outside the flow.
HEADS_EVERY_S: Final = 60.0
MAX_PAUSE_S: Final = 300.0

_raws = msgspec.json.Decoder(list[msgspec.Raw])


class Listener(Protocol):
    def added(self, entry: Entry) -> None: ...

    # Called once for each conflict or invalid item, and once for each id that is no longer listed.
    def found(self, finding: Finding) -> None: ...

    def vanished(self, issue_ids: list[str]) -> None: ...

    def kept(self, head: Head) -> None: ...

    def trouble(self, reason: str) -> None:
        """A head could not be read; entries could."""

    def failed(self, reason: str, pause_s: float) -> None: ...

    def recovered(self) -> None: ...


class Polled(Protocol):
    def poll(self) -> None: ...


class Follower:
    """``poll`` can be called again after any exception."""

    def __init__(self, upstream: Upstream, source: str, max_entry_bytes: int, listener: Listener) -> None:
        self.counts = Counts()
        self.remarks = Remarks(source)
        self._upstream = upstream
        self._origin = Origin("command", "follow_log", source)
        self._max_entry_bytes = max_entry_bytes
        self._listener = listener
        self._body_digest = b""
        self._ids: dict[bytes, str | None] = {}  # of the last list: hash of an item to its issue_id (None: refused)
        self._once_listed: set[str] | None = None
        self._heads_at = float("-inf")

    def poll(self) -> None:
        """Ask once. Raises ``Unreadable`` (the host) or ``Other`` (our database)."""
        body = self._upstream.log()
        digest = hashlib.sha256(body).digest()
        changed = digest != self._body_digest
        if changed:
            self._recall()
            self._take(body)
            self._body_digest = digest
        if changed or time.monotonic() - self._heads_at >= HEADS_EVERY_S:
            self._heads_at = time.monotonic()
            self._keep_heads()

    def _recall(self) -> None:
        if self._once_listed is None:
            self.remarks.recall()
            self._once_listed = followed.added_ids(self._origin)

    def _take(self, body: bytes) -> None:
        ids: dict[bytes, str | None] = {}
        new: list[Item] = []
        for piece in _pieces(body, self._max_entry_bytes, self._upstream.name):
            digest = piece.digest()
            if digest in self._ids:
                ids[digest] = self._ids[digest]
                continue
            item = piece.item(imported=True)
            new.append(item)
            ids[digest] = item.entry.issue_id if isinstance(item, Found) else None
        new.sort(key=lambda item: (0, item.entry.ts_ms) if isinstance(item, Found) else (1, 0))
        try:
            import_entries(new, self._origin, counts=self.counts, on_finding=self._found, on_added=self._listener.added)
            self._compare({issue_id for issue_id in ids.values() if issue_id is not None})
        finally:
            self.remarks.save()
        self._ids = ids

    def _found(self, finding: Finding) -> None:
        if isinstance(finding, Conflicting):
            remark = Remark("conflict", finding.entry.issue_id, records.digest(finding.entry))
        elif isinstance(finding, Dropped):
            said = f"{finding.reason} {finding.raw}"
            remark = Remark("dropped", finding.entry.issue_id, hashlib.sha256(said.encode()).hexdigest())
        else:
            remark = Remark("quarantined", "", hashlib.sha256(finding.raw.encode()).hexdigest())
        if self.remarks.is_new(remark):
            self._listener.found(finding)

    def _compare(self, ids: set[str]) -> None:
        once_listed = self._once_listed or set()
        vanished = (Remark("vanished", issue_id) for issue_id in sorted(once_listed - ids))
        gone = [remark.subject for remark in vanished if self.remarks.is_new(remark)]
        if gone:
            self._listener.vanished(gone)
        self.remarks.returned(ids)
        self._once_listed = once_listed | ids

    def _keep_heads(self) -> None:
        try:
            doctor = self._upstream.doctor()
            heads = {name: self._keep_head(name) for name in doctor.registered_blueprint_ids}
            self._observe(doctor.server_version, heads)
        except Unreadable as error:
            self._listener.trouble(str(error))

    def _keep_head(self, blueprint_id: str) -> str:
        """Its version; empty if it is not known."""
        try:
            head = self._upstream.head(blueprint_id)
        except NotUnderstood as error:
            self._listener.trouble(str(error))
            return ""
        if head is None:
            return ""
        if followed.keep_document(*head, source=self._origin.source):
            self._listener.kept(head)
        return head.version

    def _observe(self, host_version: str, heads: Mapping[str, str]) -> None:
        settings = self._upstream.settings()
        seen = [each for one in settings for each in of_settings(one)]
        seen += [Seen("flow", name, heads[name]) for name in sorted({one.flow for one in settings}) if heads.get(name)]
        seen += [Seen("host_version", "", host_version)] if host_version else []
        observed.observe(self._origin.source, seen)


def forever(
    follower: Polled, interval_s: float, listener: Listener, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Poll until an interruption or ``WrongSchema``; wait out faults of either side."""
    failures = 0
    while True:
        try:
            follower.poll()
        except WrongSchema:
            raise
        except (Unreadable, StoreError, Error) as error:
            failures += 1
            pause_s = back_off(interval_s, failures)
            listener.failed(" ".join(str(error).split()), pause_s)
        else:
            if failures:
                listener.recovered()
            failures, pause_s = 0, interval_s
        close_old_connections()  # reconnect after a restart; hold no connection during the pause
        sleep(pause_s)


def back_off(interval_s: float, failures: int) -> float:
    """Seconds: longer after each failure up to five minutes, with jitter."""
    longest = min(interval_s * 2.0 ** min(failures, 16), max(interval_s, MAX_PAUSE_S))
    return max(interval_s, longest * random.uniform(0.5, 1.0))  # noqa: S311  not a secret


def _pieces(body: bytes, limit: int, name: str) -> Iterator[Piece]:
    """The items of a JSON array. Raises ``Unreadable``, possibly only at the end."""
    if not body.lstrip(WHITE_SPACE).startswith(b"["):
        raise Unreadable(f"{name}: its log is not a JSON array; is it an engine host?")
    try:
        raws = _raws.decode(body)
    except (msgspec.DecodeError, RecursionError):  # one bad item must not hide the others
        yield from _cut(body, limit, name)
        return
    for number, raw in enumerate(raws, 1):
        piece = Piece(f"entry {number}", limit)
        piece.add(bytes(raw))
        yield piece


def _cut(body: bytes, limit: int, name: str) -> Iterator[Piece]:
    for piece in json_stream.array([body], limit):
        if piece.is_end:
            raise Unreadable(f"{name}: its log is cut off or followed by other data")
        yield piece
