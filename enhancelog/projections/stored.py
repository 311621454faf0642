from collections.abc import Mapping, Sequence
from typing import NamedTuple

from enhancelog.domain.origin import Origin
from enhancelog.domain.records import Entry


class Stored(NamedTuple):
    """``position`` in the log, ``recorded_ms`` by our clock (epoch ms), who recorded it and how.

    ``denied``: ``records.denials`` of the entry. ``templates`` and ``words``: what ``patterns.templates`` and
    ``search.words`` say of it, where that was worked out before.
    """

    position: int
    recorded_ms: int
    origin: Origin
    entry: Entry
    denied: Mapping[str, str]  # ``records.denials``
    # ``patterns.templates`` and ``search_index.words``, if computed before.
    templates: Sequence[str] | None = None
    words: Sequence[str] | None = None
