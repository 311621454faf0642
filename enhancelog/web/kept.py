"""Parts of pages that are rendered once: rows of lists, whose entries never change, and charts of the same figures."""

from collections import OrderedDict
from collections.abc import Hashable
from secrets import token_hex
from threading import Lock
from typing import Final, Protocol

from django.conf import settings
from jinja2.runtime import Macro

LONGEST_ROW: Final = 4_000  # characters, with its key; a hash can have a million
LONGEST_CHART: Final = 100_000


class Keyed(Protocol):
    @property
    def key(self) -> Hashable:
        """Equal for what looks alike."""


# The last ``size`` outputs of macros, of up to ``longest`` characters with their keys.
class Kept:
    def __init__(self, size: int, longest: int) -> None:
        self._size = size
        self._longest = longest
        self._made: OrderedDict[Hashable, str] = OrderedDict()
        self._lock = Lock()

    def __call__(self, macro: Macro, shown: Keyed, *arguments: Hashable) -> str:
        """``macro(shown, *arguments)``; of ``shown``, its output depends on the key alone."""
        key = (macro.name, shown.key, arguments)
        with self._lock:
            if (found := self._made.get(key)) is not None:
                self._made.move_to_end(key)
                return found
        made: str = macro(shown, *arguments)
        if settings.RELOAD or len(made) + len(repr(key)) > self._longest:
            return made
        with self._lock:
            self._made[key] = made
            if len(self._made) > self._size:
                self._made.popitem(last=False)
        return made


class KeptRows:
    """Rows of lists, each for all filters."""

    # Stands for the list's filter in the links of a kept row. Nobody who writes an entry knows it.
    _QUERY: Final = f"query-{token_hex(16)}"

    def __init__(self, kept: Kept) -> None:
        self._kept = kept

    def __call__(self, macro: Macro, row: Keyed, query: str, *arguments: Hashable) -> str:
        """``macro(row, query, *arguments)``. The macro puts the query into addresses without changing it."""
        # What a macro returns is markup, of which ``replace`` escapes the new text as the macro would have.
        return self._kept(macro, row, self._QUERY, *arguments).replace(self._QUERY, query)


def rows() -> KeptRows:
    return KeptRows(Kept(5_000, LONGEST_ROW))


def charts() -> Kept:
    return Kept(32, LONGEST_CHART)
