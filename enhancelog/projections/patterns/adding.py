"""Adding denials to the patterns: learning templates, placing denials, counting them."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from django.db.backends.utils import CursorWrapper

from enhancelog import patterns, records
from enhancelog.backends import dialect
from enhancelog.models import NO_DAY, Denial, DenialPattern, Template, TemplateTally
from enhancelog.projections.patterns import rules
from enhancelog.projections.patterns.details import OTHER, Classified, classified, other_key
from enhancelog.projections.patterns.groups import rejoin

TEMPLATE: Final = Template._meta.db_table
DENIAL: Final = DenialPattern._meta.db_table
TALLY: Final = TemplateTally._meta.db_table

DENIAL_COLUMNS: Final = ("position", "template_id", "pattern_id", "ts_ms", "blueprint_id", "rejected")
TEMPLATE_COLUMNS: Final = ("id", "rules", "axis", "text", "other", "key", "first_position", "pattern_id", "wording")

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
    """Place these denials, whose entries may be anywhere in the log; their templates may be new."""
    first: dict[str, Classified] = {}
    for one in sorted(denials, key=lambda one: one.position):
        first.setdefault(one.key, one)
    keys = {*first, *(other_key(one.axis) for one in first.values())}
    known = _read(cursor, keys)
    learned: defaultdict[str, list[Classified]] = defaultdict(list)
    for key, one in first.items():
        if key not in known or one.position < known[key].first_position:
            learned[one.axis].append(one)
    settled = {axis for axis, ones in sorted(learned.items()) if _learn(cursor, axis, ones, known)}
    if learned:
        known = _read(cursor, keys)
    _place(cursor, [one for one in denials if one.axis not in settled], known)


def count(cursor: CursorWrapper, amounts: Mapping[TallyKey, tuple[int, int]]) -> None:
    """Add to the tallies: denied, and denied in a rejected entry."""
    # In key order, so that two writers never wait for each other's rows crosswise.
    keys = sorted(amounts, key=lambda key: (NO_DAY if key[0] is None else key[0], *key[1:]))
    rows = [(*key, *amounts[key]) for key in keys]
    dialect().insert_rows(cursor, f"{TALLY} AS tally", TALLY_COLUMNS, rows, ADD_TALLY)


def derive_anew(cursor: CursorWrapper, axis: str) -> None:
    """Forget what is known of the axis and read its denials again; for the rare change that moves the limit between
    the templates that are told apart and the others."""
    templates = f"SELECT id FROM {TEMPLATE} WHERE rules = %s AND axis = %s"
    of_axis: tuple[int | str, ...] = (patterns.RULES_VERSION, axis)
    cursor.execute(f"DELETE FROM {DENIAL} WHERE pattern_id IN ({templates})", of_axis)
    cursor.execute(f"DELETE FROM {TALLY} WHERE template_id IN ({templates})", of_axis)
    cursor.execute(f"DELETE FROM {TEMPLATE} WHERE rules = %s AND axis = %s", of_axis)
    for denials in _denials_of(cursor, axis):
        add(cursor, denials)


def _learn(cursor: CursorWrapper, axis: str, ones: Sequence[Classified], known: Mapping[str, _Known]) -> bool:
    """Take note of templates that are new, or known from an earlier position now: ``ones``, by position.

    True: the axis had to be derived anew, so all its denials are placed already.
    """
    fresh = [one for one in ones if one.key not in known]
    earlier = [one for one in ones if one.key in known]
    other = known.get(other_key(axis))
    if other is not None and fresh:
        if fresh[0].position < other.first_position:
            derive_anew(cursor, axis)
            return True
        fresh = []
    if fresh:
        cursor.execute(
            f"SELECT COUNT(*), COALESCE(MAX(first_position), 0) FROM {TEMPLATE} WHERE rules = %s AND axis = %s",
            [patterns.RULES_VERSION, axis],
        )
        named, newest = cursor.fetchone()
        room = patterns.MOST_TEMPLATES - named
        if len(fresh) > room and fresh[room].position < newest:
            derive_anew(cursor, axis)
            return True
        _insert(cursor, axis, fresh, room)
    cursor.executemany(
        f"UPDATE {TEMPLATE} SET first_position = %s WHERE id = %s",
        [(one.position, known[one.key].template_id) for one in earlier],
    )
    if fresh or earlier:
        rejoin(cursor, axis)
    return False


def _insert(cursor: CursorWrapper, axis: str, fresh: Sequence[Classified], room: int) -> None:
    """New templates, each a pattern of its own for now; those beyond the limit as one."""
    cursor.execute(f"SELECT COALESCE(MAX(id), 0) FROM {TEMPLATE}")
    last = cursor.fetchone()[0]
    named = [(one.template, False, one.key, one.position) for one in fresh[:room]]
    others = [(OTHER, True, other_key(axis), one.position) for one in fresh[room : room + 1]]
    rows = [
        (template_id, patterns.RULES_VERSION, axis, text, other, key, position, template_id, text)
        for template_id, (text, other, key, position) in enumerate([*named, *others], last + 1)
    ]
    dialect().insert_rows(cursor, TEMPLATE, TEMPLATE_COLUMNS, rows)


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
    """What is known under these ids."""
    if not keys:
        return {}
    condition, parameter = dialect().one_of("key", sorted(keys))
    cursor.execute(f"SELECT key, id, pattern_id, first_position FROM {TEMPLATE} WHERE {condition}", [parameter])
    return {key: _Known(*row) for key, *row in cursor.fetchall()}


def _denials_of(cursor: CursorWrapper, axis: str) -> Iterator[list[Classified]]:
    """The axis's denials in position order, as far as they are derived."""
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
        yield [_from_row(row, axis) for row in found]
        after = found[-1][0]


def _from_row(row: Sequence[Any], axis: str) -> Classified:
    *known, verdicts = row
    position, recorded_ms, ts_ms, blueprint_id, status = known
    detail = records.denied(records.decode_verdicts(verdicts))[axis]
    return classified(position, recorded_ms, ts_ms, blueprint_id, status, axis, detail)
