"""The last position that a reading sees."""

from dataclasses import replace
from typing import Final, NamedTuple

from enhancelog import patterns
from enhancelog.domain.features import OF_PATCHES
from enhancelog.domain.filters import EntryFilter, Seen
from enhancelog.domain.origin import Origin
from enhancelog.models import Entry, PatternAxis, PatternRules, Template
from enhancelog.queries.prepared import Statement, run
from enhancelog.queries.themes import of_filter as themes
from enhancelog.queries.themes.progress import themed
from enhancelog.store import touch_derivation
from enhancelog.store.database import last_position

# With it, no entry appears later among those that a reader has passed. It is the log's last position; for patterns, the
# position before the first template that is not grouped yet; for themes, the one up to which those of the axis are
# derived; for patches, the position up to which they are joined and their places derived. Of those, a reading sees what
# followed from the patches and documents that were there when it began.
_GROUPED: Final = f"""
    SELECT (SELECT MAX(position) FROM {Entry._meta.db_table}),
        (SELECT pending - 1 FROM {PatternAxis._meta.db_table}
         WHERE rules = %s AND pending IS NOT NULL AND rules = (SELECT served FROM {PatternRules._meta.db_table})
         ORDER BY pending LIMIT 1)"""

_OF_PATCHES: Final = frozenset(("touches", *OF_PATCHES))

_NEWEST: Final = 1_000
_OWN: Final = f"""
    SELECT COALESCE(MAX(position), 0) FROM (SELECT position, actor_kind, actor_name FROM {Entry._meta.db_table}
        WHERE position > %s ORDER BY position DESC LIMIT {_NEWEST}) newest
    WHERE actor_kind = %s AND actor_name = %s"""
_BROUGHT: Final = f"""
    SELECT COALESCE(MAX(entry.position), 0) FROM {Entry._meta.db_table} entry JOIN (
        SELECT template.first_position FROM {PatternAxis._meta.db_table} axis JOIN {Template._meta.db_table} template
        ON template.rules = axis.rules AND template.axis = axis.axis AND template.first_position >= axis.pending
        WHERE axis.rules = %s AND axis.pending IS NOT NULL
        ORDER BY template.first_position DESC LIMIT {_NEWEST}) newest ON newest.first_position = entry.position
    WHERE entry.actor_kind = %s AND entry.actor_name = %s"""


class Grouped(NamedTuple):
    last: int
    up_to: int


class PatchHorizon(NamedTuple):
    last: int
    up_to: int
    seen: Seen


def horizon(wanted: EntryFilter) -> int:
    return begun(wanted)[1]


def begun(wanted: EntryFilter) -> tuple[EntryFilter, int]:
    """A reading that begins now: the filter with what it sees of hosts, and its last position."""
    up_to = grouped().up_to if asks_for_patterns(wanted) else last_position()
    if axes := themes.axes(wanted):
        up_to = min(up_to, themed(axes).up_to)
    if not asks_for_patches(wanted):
        return wanted, up_to
    found = touched()
    return replace(wanted, seen=found.seen), min(up_to, found.up_to)


def grouped() -> Grouped:
    ((last, up_to),) = run(Statement(_GROUPED, (patterns.RULES_VERSION,)))
    last = last or 0
    return Grouped(last, last if up_to is None else min(last, up_to))


def touched() -> PatchHorizon:
    last = last_position()  # before the progress, else an entry could come between
    done = touch_derivation.progress()
    joined = done.joined_entries if done.entries is None else done.entries
    ends = [last, joined, None if done.next_own is None else done.next_own - 1]
    return PatchHorizon(last, min(end for end in ends if end is not None), Seen(done.patches or 0, done.documents or 0))


def needs_derivation(wanted: EntryFilter) -> bool:
    return asks_for_patterns(wanted) or asks_for_patches(wanted) or bool(themes.axes(wanted))


def asks_for_patches(wanted: EntryFilter) -> bool:
    return any(
        name in _OF_PATCHES or (name == "has" and not {"patch", "flip"}.isdisjoint(values))
        for name, values in wanted.asked
    )


def asks_for_patterns(wanted: EntryFilter) -> bool:
    return any(name in ("pattern", "is") for name, _ in wanted.asked)


def brought_by(origin: Origin) -> int:
    """The last position at which this actor added an ungrouped template; 0: none."""
    ((position,),) = run(Statement(_BROUGHT, (patterns.RULES_VERSION, origin.actor_kind, origin.actor_name)))
    return int(position)


def appended_by(origin: Origin, after: int) -> int:
    """The last position of this actor's, of the newest after this one; 0: none."""
    ((position,),) = run(Statement(_OWN, (after, origin.actor_kind, origin.actor_name)))
    return int(position)
