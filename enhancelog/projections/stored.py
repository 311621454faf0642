from collections.abc import Mapping, Sequence
from typing import NamedTuple

from enhancelog.domain.origin import Origin
from enhancelog.domain.records import Entry
from enhancelog.domain.same_candidates import Keys


class Stored(NamedTuple):
    """``recorded_ms``: epoch ms by our clock. ``origin``: who recorded it and how."""

    position: int
    recorded_ms: int
    origin: Origin
    entry: Entry
    denied: Mapping[str, str]  # ``records.denials``
    # ``patterns.templates``, ``search_index.words`` and ``same_candidates.keys``, if computed before.
    templates: Sequence[str] | None = None
    words: Sequence[str] | None = None
    candidate_keys: Keys | None = None
