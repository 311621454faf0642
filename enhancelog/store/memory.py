import threading
from bisect import insort

from enhancelog.domain import records
from enhancelog.domain.errors import Conflict, NotFound
from enhancelog.domain.records import Entry


class InMemoryEnhanceLogStore:
    name = "in-memory"

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._order: list[tuple[int, int, str]] = []  # (ts_ms, append order, issue_id)
        self._lock = threading.Lock()

    def append(self, entry: Entry) -> str:
        with self._lock:
            stored = self._entries.get(entry.issue_id)
            if stored is not None:
                differs = records.differences(entry, stored)
                raise Conflict(entry.issue_id, identical=not differs, differs=differs)
            self._entries[entry.issue_id] = entry
            insort(self._order, (entry.ts_ms, len(self._order), entry.issue_id))
        return records.digest(entry)

    def get(self, issue_id: str) -> Entry:
        try:
            return self._entries[issue_id]
        except KeyError:
            raise NotFound(issue_id) from None

    def list_by_blueprint(self, blueprint_id: str) -> list[Entry]:
        return [entry for entry in self.list_all() if entry.blueprint_id == blueprint_id]

    def list_all(self) -> list[Entry]:
        with self._lock:
            return [self._entries[issue_id] for _, _, issue_id in self._order]
