"""The sources by the name under which they are shown, and how these names changed."""

from typing import Final, NamedTuple

from enhancelog.backends import faults
from enhancelog.domain.times import EARLIEST_MS
from enhancelog.models import BlueprintSummary, Entry, HostSource, SourceChange, UnfinishedRun, Version
from enhancelog.projections import source_names
from enhancelog.queries.prepared import Statement, run

MOST_LISTED: Final = 1_000  # names
MOST_CHANGES: Final = 100  # the newest

_SUMMARY: Final = BlueprintSummary._meta.db_table
# The chain index serves the first time.
_COUNTED: Final = f"""
    SELECT summary.source, SUM(summary.applied + summary.rejected), MIN((
        SELECT MIN(entry.ts_ms) FROM {Entry._meta.db_table} entry
        WHERE entry.blueprint_id = summary.blueprint_id AND entry.source = summary.source
            AND entry.ts_ms >= {EARLIEST_MS})), MAX(summary.newest_ts_ms)
    FROM {_SUMMARY} summary GROUP BY summary.source"""


class Recorded(NamedTuple):
    """A source as it was recorded. Times are epoch ms, plausible ones."""

    source: str
    entries: int
    first_ms: int | None
    last_ms: int | None


class Shown(NamedTuple):
    """A name, and the sources that are shown under it, most entries first."""

    name: str
    recorded: list[Recorded]

    @property
    def entries(self) -> int:
        return sum(each.entries for each in self.recorded)

    @property
    def first_ms(self) -> int | None:
        return min((each.first_ms for each in self.recorded if each.first_ms is not None), default=None)

    @property
    def last_ms(self) -> int | None:
        return max((each.last_ms for each in self.recorded if each.last_ms is not None), default=None)

    @property
    def is_renamed(self) -> bool:
        return any(each.source != self.name for each in self.recorded)


class Change(NamedTuple):
    source: str
    shown_as: str
    recorded_ms: int
    actor_kind: str
    actor_name: str
    why: str


class Listing(NamedTuple):
    """``names``: most entries first. ``left_out``: further names."""

    names: list[Shown]
    left_out: int


def listing() -> Listing:
    """Of entries, hosts' stores and reported runs. Raises ``Other``."""
    names = source_names.current()
    with faults():
        found = {row[0]: Recorded(row[0], int(row[1]), *row[2:]) for row in run(Statement(_COUNTED))}
        for table in (HostSource, UnfinishedRun, Version):
            for source in table._default_manager.values_list("source", flat=True).distinct()[:MOST_LISTED]:
                found.setdefault(source, Recorded(source, 0, None, None))
    by_name: dict[str, list[Recorded]] = {}
    for each in sorted(found.values(), key=lambda each: (-each.entries, each.source)):
        by_name.setdefault(names.shown(each.source), []).append(each)
    shown = sorted((Shown(*pair) for pair in by_name.items()), key=lambda each: (-each.entries, each.name))
    return Listing(shown[:MOST_LISTED], len(shown) - len(shown[:MOST_LISTED]))


def changes() -> list[Change]:
    """The newest first. Raises ``Other``."""
    with faults():
        rows = SourceChange.objects.order_by("-id").values_list(*Change._fields)[:MOST_CHANGES]
        return [Change(*row) for row in rows]
