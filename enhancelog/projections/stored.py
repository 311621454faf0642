from collections.abc import Mapping, Sequence
from typing import NamedTuple

from enhancelog.domain.origin import Origin
from enhancelog.domain.records import Entry
from enhancelog.domain.same_candidates import Hashes, Keys


class Kept(NamedTuple):
    """Hashes of an entry's texts before they were redacted. Keys follow from these and from the source's name."""

    intent: int | None
    candidate: Hashes


class Stored(NamedTuple):
    """``recorded_ms``: epoch ms by our clock. ``origin``: who recorded it and how."""

    position: int
    recorded_ms: int
    origin: Origin
    entry: Entry
    denied: Mapping[str, str]  # ``records.denials``
    # ``patterns.templates``, ``search_index.words`` and ``same_candidates.keys``, if computed before.
    templates: Sequence[str] | None = None
    words: str | None = None
    candidate_keys: Keys | None = None
    kept: Kept | None = None
    shown_as: str | None = None  # the name of its source, unless that was never renamed

    @property
    def source(self) -> str:
        """The name under which it is derived; ``origin`` has what was recorded."""
        return self.origin.source if self.shown_as is None else self.shown_as
