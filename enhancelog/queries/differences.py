"""What is different about a filter's entries: their features, compared with those of another filter."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from django.db import connection
from django.db.models import F
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, Length

from enhancelog.backends import dialect, faults
from enhancelog.backends.few_at_once import FewAtOnce
from enhancelog.domain.differences import Difference, compare
from enhancelog.domain.entry_counts import COLUMNS, EntryCounts
from enhancelog.domain.filters import EntryFilter, Seen
from enhancelog.domain.implied_features import implied_by
from enhancelog.domain.meta import LONGEST_INDEXED
from enhancelog.domain.meta_filters import PREFIX
from enhancelog.models import EntryPatch, MetaValue, Touch
from enhancelog.projections import source_names
from enhancelog.queries import attempt_numbers, entry_features, horizon
from enhancelog.queries.prepared import Statement, run, written
from enhancelog.queries.reach import reach
from enhancelog.queries.selection import Entries

# Of a side. More would be slower in proportion, and hardly more exact: 30,000 know a share to within 0.6 %.
MOST_ENTRIES: Final = 30_000
MOST_CHARACTERS: Final = 1 << 28  # of verdicts and patches of a side
# One takes seconds of CPU at worst.
_few: Final = FewAtOnce(2, 5.0, "Too many comparisons are under way; try again.", retry_after_s=5)
_ALL: Final = Seen(2**63 - 1, 2**63 - 1)
_CHUNK: Final = 500  # rows in memory at once; one may have several MB
_POSITIONS: Final = 5_000  # of one statement

_META: Final = f"""
    SELECT '{PREFIX}' || key, value, COUNT(*) FROM {MetaValue._meta.db_table}
    WHERE {{of_entries}} AND LENGTH(value) <= {LONGEST_INDEXED} GROUP BY key, value"""
# The first two levels.
_PLACES: Final = f"""
    SELECT 'touches', place, COUNT(*) FROM {Touch._meta.db_table}
    WHERE {{of_entries}} AND LENGTH(place) - LENGTH(REPLACE(place, '/', '')) <= 2 AND patch <= %s AND document <= %s
    GROUP BY place"""


class Side(NamedTuple):
    """``since_ms``: older entries were left out, as there are too many."""

    entries: int
    since_ms: int | None


class Differences(NamedTuple):
    """``left_out``: filters with too many values."""

    inside: Side
    outside: Side
    tested: int
    found: Sequence[Difference]
    left_out: Sequence[str]


def differences(wanted: EntryFilter, against: EntryFilter) -> Differences:
    """Of at most ``MOST_ENTRIES`` of each, the newest. Raises ``Busy``."""
    with _few.slot():
        return _differences(wanted, against)


def _differences(wanted: EntryFilter, against: EntryFilter) -> Differences:
    seen = horizon.touched()
    up_to = min(seen.up_to, horizon.horizon(wanted), horizon.horizon(against))
    with faults():
        (inside, counts), (outside, others) = (
            _side(replace(each, seen=seen.seen), up_to) for each in (wanted, against)
        )
    left_out = counts.left_out | others.left_out
    is_implied = implied_by([*wanted.asked, *against.asked])
    comparison = compare(
        counts.counted(others),
        others.counted(counts),
        lambda feature: feature[0] in left_out or is_implied(feature),
    )
    return Differences(inside, outside, comparison.tested, comparison.found, sorted(left_out))


def _side(wanted: EntryFilter, up_to: int) -> tuple[Side, EntryCounts]:
    since_ms = _cut(wanted, up_to)
    counts = EntryCounts(source_names.current())
    if not _count(counts, _since(wanted, since_ms), up_to):
        since_ms = _where_too_long(_since(wanted, since_ms), up_to)
        counts = EntryCounts(source_names.current())
        _count(counts, _since(wanted, since_ms), up_to)
    return Side(counts.entries, since_ms), counts


def _since(wanted: EntryFilter, since_ms: int | None) -> EntryFilter:
    return wanted if since_ms is None else replace(wanted, since_ms=since_ms)


def _cut(wanted: EntryFilter, up_to: int) -> int | None:
    # Where to begin, so that whole milliseconds are read and a link with ``since`` lists what was counted.
    entries, end = reach(wanted, up_to, ascending=False)
    keys = entries.values_list("key_ts_ms", "key_position")
    end = next(iter(keys[MOST_ENTRIES : MOST_ENTRIES + 1]), end)
    return None if end is None else end[0] + 1


def _where_too_long(wanted: EntryFilter, up_to: int) -> int:
    # From here on, there are at most ``MOST_CHARACTERS``.
    entries = reach(wanted, up_to, ascending=False).entries
    lengths = entries.annotate(ops_read=_of_patch("ops", wanted, _has_patches())).annotate(
        length=Length("verdicts") + Coalesce(Length("ops_read"), 0)
    )
    total = 0
    for ts_ms, length in lengths.values_list("ts_ms", "length").iterator():
        total += length
        if total > MOST_CHARACTERS:
            return int(ts_ms) + 1
    raise AssertionError("there were more characters when the entries were counted")


def _count(counts: EntryCounts, wanted: EntryFilter, up_to: int) -> bool:
    """Whether they had at most ``MOST_CHARACTERS``."""
    # In any order, because PostgreSQL would sort whole rows.
    entries = reach(wanted, up_to, ascending=False).entries.order_by()
    positions: list[int] = []
    for rows in _read(entries, wanted, up_to):
        counts.add([row[1:] for row in rows])
        positions += [row[0] for row in rows]
        if counts.characters > MOST_CHARACTERS:
            return False
    for start in range(0, len(positions), _POSITIONS):
        of_entries, parameter = dialect().one_of("position", positions[start : start + _POSITIONS])
        seen = wanted.seen or _ALL
        for sql, values in ((_META, ()), (_PLACES, seen)):
            found: dict[str, dict[str, int]] = {}
            for name, value, number in run(Statement(sql.format(of_entries=of_entries), (parameter, *values))):
                found.setdefault(name, {})[value] = number
            for name, numbers in found.items():
                counts.add_values(name, numbers)
    return True


def _read(entries: Entries, wanted: EntryFilter, up_to: int) -> Iterator[list[Any]]:
    """Rows of position and ``COLUMNS``."""
    has_patches = _has_patches()
    columns = {
        "hour": entry_features.HOUR,
        "intent": entry_features.BEGINNING,
        "intent_length": Length("intent"),
        "rationale_length": Length("rationale"),
        "ops": _of_patch("ops", wanted, has_patches),
        "bump": _of_patch("bump", wanted, has_patches),
        "candidate": Length("candidate_hash"),
        "attempt": attempt_numbers.first_or_later(up_to),
    }
    named = {f"read_{name}": columns.get(name, F(name)) for name in ("position", *COLUMNS)}
    statement = written(entries.annotate(**named).values_list(*named))
    # Not by Django's iterator, which would convert each integer.
    with connection.chunked_cursor() as cursor:
        cursor.execute(statement.sql, statement.values)
        while rows := cursor.fetchmany(_CHUNK):
            yield rows


def _has_patches() -> bool:
    # Most logs have no host's patches, and looking for them takes a fifth of the time.
    return EntryPatch.objects.exists()


def _of_patch(column: str, wanted: EntryFilter, has_patches: bool) -> Combinable:
    return entry_features.of_patch(column, wanted.seen) if has_patches else F(column)
