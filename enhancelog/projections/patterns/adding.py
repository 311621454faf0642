from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from django.db.backends.utils import CursorWrapper

from enhancelog import patterns
from enhancelog.backends import dialect
from enhancelog.domain import records
from enhancelog.models import NO_DAY, Denial, DenialPattern, Template, TemplateTally
from enhancelog.projections.patterns import axes, rules
from enhancelog.projections.patterns.axes import AxisState
from enhancelog.projections.patterns.details import OTHER, Classified, classified, other_key

TEMPLATE: Final = Template._meta.db_table
DENIAL: Final = DenialPattern._meta.db_table
TALLY: Final = TemplateTally._meta.db_table

DENIAL_COLUMNS: Final = ("position", "template_id", "pattern_id", "ts_ms", "blueprint_id", "rejected")
TEMPLATE_COLUMNS: Final = (
    "id", "rules", "axis", "text", "other", "key", "first_position", "pattern_id", "home_id", "wording"
)  # fmt: skip

TALLY_COLUMNS: Final = ("day", "blueprint_id", "template_id", "denied", "rejected")
ADD_TALLY: Final = f"""
    ON CONFLICT (COALESCE(day, {NO_DAY}), blueprint_id, template_id) DO UPDATE SET
        denied = tally.denied + excluded.denied, rejected = tally.rejected + excluded.rejected"""

_READ_BATCH: Final = 1_000

TallyKey = tuple[int | None, str, int]  # day, Blueprint, template


class _Known(NamedTuple):
    template_id: int
    pattern_id: int
    first_position: int


def add(cursor: CursorWrapper, denials: Sequence[Classified]) -> None:
    """Add denials, in any position order; their templates may be new."""
    # The number of statements depends neither on the axes nor on the templates, except for an axis that is derived
    # again.
    first: dict[str, Classified] = {}
    for one in sorted(denials, key=lambda one: one.position):
        first.setdefault(one.key, one)
    keys = {*first, *(other_key(one.axis) for one in first.values())}
    known = _read(cursor, keys)
    unknown = [one for one in first.values() if one.key not in known]
    states = axes.states(cursor, {one.axis for one in unknown})
    fresh = _Fresh(unknown, states)
    for axis in fresh.to_derive_anew:
        derive_anew(cursor, axis)
    left = [one for one in first.values() if one.axis not in fresh.to_derive_anew]
    if _learn(cursor, left, fresh.overflowing, known) or fresh.to_derive_anew:
        known = _read(cursor, keys)
    _place(cursor, [one for one in denials if one.axis not in fresh.to_derive_anew], known)


def count(cursor: CursorWrapper, amounts: Mapping[TallyKey, tuple[int, int]]) -> None:
    """Add (denied, denied in a rejected entry) to the tallies."""
    # In key order, so that two writers cannot deadlock.
    keys = sorted(amounts, key=lambda key: (NO_DAY if key[0] is None else key[0], *key[1:]))
    rows = [(*key, *amounts[key]) for key in keys]
    dialect().insert_rows(cursor, f"{TALLY} AS tally", TALLY_COLUMNS, rows, ADD_TALLY)


def derive_anew(cursor: CursorWrapper, axis: str) -> None:
    # Rare: only when a change moves the limit on templates.
    templates = f"SELECT id FROM {TEMPLATE} WHERE rules = %s AND axis = %s"
    ranges = f"{templates} UNION SELECT home_id FROM {TEMPLATE} WHERE rules = %s AND axis = %s"
    of_axis: tuple[int | str, ...] = (patterns.RULES_VERSION, axis)
    cursor.execute(f"DELETE FROM {DENIAL} WHERE pattern_id IN ({ranges})", of_axis * 2)
    cursor.execute(f"DELETE FROM {TALLY} WHERE template_id IN ({templates})", of_axis)
    cursor.execute(f"DELETE FROM {TEMPLATE} WHERE rules = %s AND axis = %s", of_axis)
    axes.forget(cursor, axis)
    for denials in _denials_of(cursor, axis):
        add(cursor, denials)


class _Fresh:
    # ``unknown``: the first denial of each template, by position.
    def __init__(self, unknown: Sequence[Classified], states: Mapping[str, AxisState]) -> None:
        # Axes that already distinguish a template of a later position.
        self.to_derive_anew: set[str] = set()
        # Ids of templates that are not distinguished.
        self.overflowing: set[str] = set()
        by_axis: defaultdict[str, list[Classified]] = defaultdict(list)
        for one in unknown:
            by_axis[one.axis].append(one)
        for axis, ones in by_axis.items():
            named, newest = states.get(axis, AxisState())
            beyond = ones[max(patterns.MOST_TEMPLATES - named, 0) :]
            self.overflowing.update(one.key for one in beyond)
            if beyond and beyond[0].position < newest:
                self.to_derive_anew.add(axis)


def _learn(
    cursor: CursorWrapper, first: Sequence[Classified], overflowing: Collection[str], known: Mapping[str, _Known]
) -> bool:
    # Those that are new or now have an earlier position.
    # ``first``: the first denial of each template, by position.
    earlier: dict[str, Classified] = {}
    fresh: dict[str, Classified] = {}
    for one in first:
        if one.key in overflowing:
            one = one._replace(template=OTHER, key=other_key(one.axis), other=True)
        if one.key not in known:
            fresh.setdefault(one.key, one)
        elif one.position < known[one.key].first_position:
            earlier.setdefault(one.key, one)
    if fresh:
        _insert(cursor, list(fresh.values()))
    cursor.executemany(
        f"UPDATE {TEMPLATE} SET first_position = %s WHERE id = %s",
        [(one.position, known[key].template_id) for key, one in earlier.items()],
    )
    for axis in sorted({one.axis for one in earlier.values() if not one.other}):
        axes.change(cursor, axis)
    return bool(fresh or earlier)


def _insert(cursor: CursorWrapper, fresh: Sequence[Classified]) -> None:
    cursor.execute(f"SELECT COALESCE(MAX(id), 0) FROM {TEMPLATE}")
    last = cursor.fetchone()[0]
    rows = [
        (at, patterns.RULES_VERSION, one.axis, one.template, one.other, one.key, one.position, at, at, one.template)
        for at, one in enumerate(fresh, last + 1)
    ]
    dialect().insert_rows(cursor, TEMPLATE, TEMPLATE_COLUMNS, rows)
    named: defaultdict[str, list[int]] = defaultdict(list)
    for one in fresh:
        if not one.other:
            named[one.axis].append(one.position)
    if named:
        axes.learn(cursor, named)


def _place(cursor: CursorWrapper, denials: Sequence[Classified], known: Mapping[str, _Known]) -> None:
    if not denials:
        return
    rows = []
    denied: Counter[TallyKey] = Counter()
    rejected: Counter[TallyKey] = Counter()
    for one in denials:
        at = known.get(one.key) or known[other_key(one.axis)]
        rows.append((one.position, at.template_id, at.pattern_id, one.ts_ms, one.blueprint_id, one.rejected))
        tally = (one.day, one.blueprint_id, at.template_id)
        denied[tally] += 1
        rejected[tally] += one.rejected
    dialect().insert_rows(cursor, DENIAL, DENIAL_COLUMNS, rows)
    count(cursor, {tally: (number, rejected[tally]) for tally, number in denied.items()})


def _read(cursor: CursorWrapper, keys: Collection[str]) -> dict[str, _Known]:
    if not keys:
        return {}
    condition, parameter = dialect().one_of("key", sorted(keys))
    cursor.execute(f"SELECT key, id, pattern_id, first_position FROM {TEMPLATE} WHERE {condition}", [parameter])
    return {key: _Known(*row) for key, *row in cursor.fetchall()}


def _denials_of(cursor: CursorWrapper, axis: str) -> Iterator[list[Classified]]:
    up_to = rules.derived_up_to(cursor, before=1)
    after = 0
    while True:
        rows = Denial.objects.filter(axis=axis, entry_id__gt=after).order_by("entry_id")
        if up_to is not None:
            rows = rows.filter(entry_id__lte=up_to)
        columns = ("entry_id", "entry__recorded_ms", "ts_ms", "blueprint_id", "entry__status", "entry__verdicts")
        found = list(rows.values_list(*columns)[:_READ_BATCH])
        if not found:
            return
        yield [one for row in found if (one := _from_row(row, axis))]
        after = found[-1][0]


def _from_row(row: Sequence[Any], axis: str) -> Classified | None:
    *known, verdicts = row
    position, recorded_ms, ts_ms, blueprint_id, status = known
    denied = records.denied(records.decode_verdicts(verdicts))
    return classified(position, recorded_ms, ts_ms, blueprint_id, status, axis, denied)
