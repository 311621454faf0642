"""An entry as the projections see it: the record and where and when it was stored."""

from collections.abc import Sequence
from typing import NamedTuple

from enhancelog.records import Entry


class Stored(NamedTuple):
    """``position`` in the log, ``recorded_ms`` by our clock (epoch ms), the ``source`` it came from.

    ``templates``: what ``patterns.templates`` says of the entry, where that was worked out before.
    """

    position: int
    recorded_ms: int
    source: str
    entry: Entry
    templates: Sequence[str] | None = None
