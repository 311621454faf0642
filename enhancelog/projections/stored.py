from collections.abc import Mapping, Sequence
from typing import NamedTuple

from enhancelog.domain.records import Entry


class Stored(NamedTuple):
    """An entry with its position, time (``recorded_ms``, epoch ms) and source."""

    position: int
    recorded_ms: int
    source: str
    entry: Entry
    denied: Mapping[str, str]  # ``records.denials``
    # ``patterns.templates`` and ``search_index.words``, if computed before.
    templates: Sequence[str] | None = None
    words: Sequence[str] | None = None
