"""Where a reading that begins now ends: at the log's last position, or where patterns are asked for and new templates
are not grouped yet, before the first of them. So no entry ever comes into a list at a position that it has passed.
"""

from enhancelog.filters import EntryFilter
from enhancelog.queries.pattern_ids import derived_to
from enhancelog.store.database import last_position


def horizon(wanted: EntryFilter) -> int:
    """P of a reading of these entries."""
    return last_grouped() if asks_for_patterns(wanted) else last_position()


def last_grouped() -> int:
    """P of a reading of patterns."""
    # The last position first: what is appended in between is beyond it, grouped or not.
    return derived_to(last_position())


def asks_for_patterns(wanted: EntryFilter) -> bool:
    """Whether it depends on them which entries these are."""
    return "pattern" in wanted.include or "pattern" in wanted.exclude
