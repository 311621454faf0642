"""For ``serve --reload``: notices when somebody edits Python files, and shows what is wrong with them."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from traceback import FrameSummary, StackSummary, TracebackException
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]


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


def short_traceback(error: BaseException) -> str:
    """Shows only our own frames, and the one that raised."""
    shown = TracebackException.from_exception(error)
    each: TracebackException | None = shown
    while each:
        *callers, last = each.stack
        each.stack = StackSummary.from_list([*filter(_is_ours, callers), last])
        each = each.__cause__ or each.__context__
    return "".join(shown.format())


def _is_ours(frame: FrameSummary) -> bool:
    path = Path(frame.filename)
    return path.is_relative_to(ROOT) and not path.is_relative_to(ROOT / ".venv")
