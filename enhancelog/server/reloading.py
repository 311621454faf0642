"""Notices when somebody edits Python files, for ``serve --reload``."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


class Sources:
    def __init__(self, folders: Iterable[Path]) -> None:
        self._folders = list(folders)
        self._seen = self._modified()

    def have_changed(self) -> bool:
        """Whether a file changed since the last call, or since the start."""
        before, self._seen = self._seen, self._modified()
        return before != self._seen

    def _modified(self) -> dict[Path, int]:
        found = {}
        for folder in self._folders:
            for path in folder.rglob("*.py"):
                with suppress(FileNotFoundError):  # an editor is replacing it
                    found[path] = path.stat().st_mtime_ns
        return found
