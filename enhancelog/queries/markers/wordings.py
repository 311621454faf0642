"""A verifier's wording changed: the deny pattern that led an axis was replaced by a new one."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from django.db.models import Exists, OuterRef

from enhancelog.domain.intervals import FEW
from enhancelog.domain.markers import FROM_LOG, Marker, derived_id
from enhancelog.domain.times import DAY_MS, EARLIEST_MS, day_of
from enhancelog.models import Denial, DenialPattern, PatternRules, Template
from enhancelog.queries.patterns.served import patterns
from enhancelog.queries.prepared import Statement, fetch, run, written

# Of the axis' last FEW denials up to the old pattern's last day, most are of the old one; of the next FEW, on two days
# or more, most are of a new one, first seen on the old one's last day or later. So a pattern that denied little, or
# that comes and goes among others, changes nothing.
MOST_PATTERNS: Final = 1_000  # the first of the log
MOST_ENDED: Final = 50  # the last that ended, of which each may have been replaced
LONGEST: Final = 500  # characters of a wording in a note
_MANY: Final = FEW // 2 + 1  # most of FEW

_DENIAL: Final = Denial._meta.db_table
_PATTERN: Final = DenialPattern._meta.db_table
_TEMPLATE: Final = Template._meta.db_table
_SERVED: Final = f"(SELECT served FROM {PatternRules._meta.db_table})"


class _Pattern(NamedTuple):
    """``first`` and ``last``: days since 1970."""

    pk: int
    axis: str
    wording: str
    first: int
    last: int


def markers() -> Iterator[Marker]:
    by_axis: defaultdict[str, list[_Pattern]] = defaultdict(list)
    for pattern in _patterns():
        by_axis[pattern.axis].append(pattern)
    ended = [each for found in by_axis.values() for each in _may_have_been_replaced(found)]
    ended = sorted(ended, key=lambda each: (-each.last, each.pk))[:MOST_ENDED]
    around = _around(ended)
    found: dict[str, Marker] = {}
    for number, old in enumerate(ended):
        new = _replacement(old, by_axis[old.axis], around[number, 0], around[number, 1])
        if new is not None:
            marker = _marker(old, new)
            found.setdefault(marker.id, marker)
    yield from found.values()


# Those that can lead.
def _patterns() -> Iterator[_Pattern]:
    def write() -> Statement:
        many = DenialPattern.objects.filter(pattern=OuterRef("pk")).order_by("ts_ms", "entry_id")[_MANY - 1 : _MANY]
        rows = patterns().filter(Exists(many), other=False).order_by("pk")
        return written(rows.values_list("pk", "axis", "wording", "first_ms", "last_ms")[:MOST_PATTERNS])

    for pk, axis, wording, first_ms, last_ms in fetch("patterns that can lead", write):
        if first_ms is not None:
            yield _Pattern(pk, axis, wording, day_of(first_ms), day_of(last_ms))


def _may_have_been_replaced(found: Sequence[_Pattern]) -> Iterator[_Pattern]:
    newest = max(each.first for each in found)
    last = max(each.last for each in found)
    return (each for each in found if each.last <= newest and each.last < last)


# By number and side (0 before, 1 after): pattern and day of the denials nearest to the end of its last day.
def _around(ended: Sequence[_Pattern]) -> dict[tuple[int, int], list[tuple[int | None, int]]]:
    found: dict[tuple[int, int], list[tuple[int | None, int]]] = defaultdict(list)
    parts: list[str] = []
    values: list[str | int] = []
    for number, old in enumerate(ended):
        end_ms = (old.last + 1) * DAY_MS
        parts += [_nearest(number, 0, f"< %s AND ts_ms >= {EARLIEST_MS}", "DESC"), _nearest(number, 1, ">= %s", "ASC")]
        values += [old.axis, end_ms, old.axis, end_ms]
    if parts:
        for number, side, pattern, ts_ms in run(Statement(" UNION ALL ".join(parts), tuple(values))):
            found[number, side].append((pattern, day_of(ts_ms)))
    return found


def _nearest(number: int, side: int, bound: str, order: str) -> str:
    return f"""
        SELECT {number}, {side}, (
            SELECT t.pattern_id FROM {_PATTERN} said JOIN {_TEMPLATE} t ON t.id = said.template_id
            WHERE said.position = near.position AND t.axis = near.axis AND t.rules = {_SERVED} LIMIT 1), near.ts_ms
        FROM (SELECT position, ts_ms, axis FROM {_DENIAL} WHERE axis = %s AND ts_ms {bound}
            ORDER BY ts_ms {order}, position {order} LIMIT {FEW}) near"""


def _replacement(
    old: _Pattern,
    among: Iterable[_Pattern],
    before: Sequence[tuple[int | None, int]],
    after: Sequence[tuple[int | None, int]],
) -> _Pattern | None:
    if len(before) < FEW or len(after) < FEW or len({day for _, day in after}) < 2:
        return None
    if sum(pattern == old.pk for pattern, _ in before) < _MANY:
        return None
    ((leader, number),) = Counter(pattern for pattern, _ in after).most_common(1)
    new = next((each for each in among if each.pk == leader and each.first >= old.last), None)
    return new if number >= _MANY and new is not old else None


def _marker(old: _Pattern, new: _Pattern) -> Marker:
    return Marker(
        id=derived_id("wording", old.axis, new.first),
        ts_ms=new.first * DAY_MS,
        kind="wording",
        title=f"{old.axis} words its denials differently",
        note=f"Before: {old.wording[:LONGEST] or '(no reason)'}\nNow: {new.wording[:LONGEST] or '(no reason)'}",
        axis=old.axis,
        source=FROM_LOG,
    )
