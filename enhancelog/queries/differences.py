"""What is different about a filter's entries: their features, compared with those of another filter."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from django.db import connection
from django.db.models import F
from django.db.models.functions import Length

from enhancelog.backends import dialect, faults
from enhancelog.domain.differences import Difference, compare
from enhancelog.domain.entry_counts import COLUMNS, EntryCounts
from enhancelog.domain.filters import EntryFilter, Seen
from enhancelog.domain.implied_features import implied_by
from enhancelog.domain.meta import LONGEST_INDEXED
from enhancelog.domain.meta_filters import PREFIX
from enhancelog.models import MetaValue, Touch
from enhancelog.queries import attempt_numbers, entry_features, horizon
from enhancelog.queries.prepared import Statement, run, written
from enhancelog.queries.reach import MOST_ROWS, reach
from enhancelog.queries.selection import Entries

MOST_CHARACTERS: Final = 1 << 28  # of verdicts and patches of a side
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
    """Of at most ``MOST_ROWS`` entries of each, the newest."""
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
    while True:
        counts = EntryCounts()
        narrowed = wanted if since_ms is None else replace(wanted, since_ms=since_ms)
        last_ms = _count(counts, narrowed, up_to)
        if last_ms is None:
            return Side(counts.entries, since_ms), counts
        since_ms = last_ms + 1


def _cut(wanted: EntryFilter, up_to: int) -> int | None:
    # Where to begin, so that whole milliseconds are read and a link with ``since`` lists what was counted.
    entries, end = reach(wanted, up_to, ascending=False)
    if end is None:
        keys = entries.values_list("key_ts_ms", "key_position")
        end = next(iter(keys[MOST_ROWS : MOST_ROWS + 1]), None)
    return None if end is None else end[0] + 1


def _count(counts: EntryCounts, wanted: EntryFilter, up_to: int) -> int | None:
    """The time at which there were too many characters to go on."""
    entries = reach(wanted, up_to, ascending=False).entries
    positions: list[int] = []
    for rows in _read(entries, wanted, up_to):
        counts.add([row[2:] for row in rows])
        positions += [row[0] for row in rows]
        if counts.characters > MOST_CHARACTERS:
            return int(rows[-1][1])
    for start in range(0, len(positions), _POSITIONS):
        of_entries, parameter = dialect().one_of("position", positions[start : start + _POSITIONS])
        seen = wanted.seen or _ALL
        for sql, values in ((_META, ()), (_PLACES, seen)):
            found: dict[str, dict[str, int]] = {}
            for name, value, number in run(Statement(sql.format(of_entries=of_entries), (parameter, *values))):
                found.setdefault(name, {})[value] = number
            for name, numbers in found.items():
                counts.add_values(name, numbers)
    return None


def _read(entries: Entries, wanted: EntryFilter, up_to: int) -> Iterator[list[Any]]:
    """Rows of position, ``ts_ms`` and ``COLUMNS``."""
    columns = {
        "hour": entry_features.HOUR,
        "intent": entry_features.BEGINNING,
        "intent_length": Length("intent"),
        "rationale_length": Length("rationale"),
        "ops": entry_features.of_patch("ops", wanted.seen),
        "bump": entry_features.of_patch("bump", wanted.seen),
        "candidate": Length("candidate_hash"),
        "attempt": attempt_numbers.first_or_later(up_to),
    }
    named = {f"read_{name}": columns.get(name, F(name)) for name in ("position", "ts_ms", *COLUMNS)}
    statement = written(entries.annotate(**named).values_list(*named))
    # Not by Django's iterator, which would convert each integer.
    with connection.chunked_cursor() as cursor:
        cursor.execute(statement.sql, statement.values)
        while rows := cursor.fetchmany(_CHUNK):
            yield rows
