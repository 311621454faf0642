"""The spooled client with the stores' contract: each append is delivered at once, and a refusal is raised."""

from pathlib import Path
from tempfile import TemporaryDirectory

from enhancelog.client.buffered import EnhanceLogClient
from enhancelog.domain.errors import Conflict
from enhancelog.domain.records import Entry


class Delivering(EnhanceLogClient):
    def __init__(self) -> None:
        self._folder = TemporaryDirectory()  # removed with this object
        super().__init__(spool=Path(self._folder.name, "entries.spool"), background=False)

    def append(self, entry: Entry) -> str:
        digest = super().append(entry)
        done = self.flush()
        if done.identical:
            raise Conflict(entry.issue_id, identical=True)
        for refused in done.refused:
            differs = (refused.error or "").removeprefix("the stored entry differs in ").split(", ")
            raise Conflict(entry.issue_id, identical=False, differs=tuple(differs))
        return digest
