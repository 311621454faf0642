"""An entry as the projections see it: the record and where and when it was stored."""

from typing import NamedTuple

from enhancelog.records import Entry


class Stored(NamedTuple):
    """``position`` in the log, ``recorded_ms`` by our clock (epoch ms), the ``source`` it came from."""

    position: int
    recorded_ms: int
    source: str
    entry: Entry
