"""The one table of other tools' logs that can be imported."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final

from enhancelog.transfer import gepa, openevolve
from enhancelog.transfer.optimizer_entries import Options
from enhancelog.transfer.sources import Source

# Name, also the source that is recorded by default (see ``domain.origin``), to what opens it. Raises ``Unreadable``.
FORMATS: Final[dict[str, Callable[[str, Options], AbstractContextManager[Source]]]] = {
    "openevolve": openevolve.opened,
    "gepa": gepa.opened,
}
