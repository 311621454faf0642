"""Deny patterns: the templates of the log, how they are grouped, and under which each denial is."""

import time
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final, NamedTuple

from django.db import connection
from django.db.backends.utils import CursorWrapper

from enhancelog import patterns
from enhancelog.backends import dialect
from enhancelog.models import PatternAxis, Template
from enhancelog.projections.patterns import axes, regrouping, replacing, rules
from enhancelog.projections.patterns.adding import DENIAL, DENIAL_COLUMNS, TEMPLATE, TEMPLATE_COLUMNS
from enhancelog.projections.patterns.details import OTHER, classify, other_key
from enhancelog.projections.stored import Stored
from enhancelog.store import pattern_groups, pattern_rebuild
from enhancelog.store.database import last_position
from enhancelog.store.pattern_groups import Step
from enhancelog.store.rebuilding.learned import Learned, Wanted
from enhancelog.store.rebuilding.steps import BEFORE_ALL, ENTRIES_AT_ONCE, basis, entries_after, locked
from enhancelog.store.rebuilding.totals import temporary

Row = tuple[Any, ...]

_KNOWN: Final = f"SELECT key, id, pattern_id, home_id FROM {TEMPLATE} WHERE {{}}"
_BETWEEN: Final = f"SELECT {', '.join(DENIAL_COLUMNS)} FROM {DENIAL} WHERE position > %s AND position <= %s"


def settle() -> None:
    """Derive by this release's rules, if that is not done yet, and group."""
    with connection.cursor() as cursor:
        state = rules.read(cursor)
    if state is None:
        with locked() as cursor:
            rules.serve(cursor)
    while (became := pattern_rebuild.step()) is not Step.DONE:
        if became is Step.BUSY:
            time.sleep(pattern_groups.PAUSE_IF_BUSY_S)


def rebuild_templates(progress: Callable[[int], None]) -> None:
    while not _correct_all(progress):
        pass
    for axis in sorted(_stored_axes()):
        if not _is_grouped(axis):
            with locked() as cursor:
                axes.change(cursor, axis)
            pattern_groups.settle(axis)


def rebuild_denials(progress: Callable[[int], None]) -> None:
    """Under which template and pattern each is."""
    after, done, has_changed, last = BEFORE_ALL, 0, False, last_position()
    while entries := entries_after(after, up_to=last):
        up_to = entries[-1].position
        with connection.cursor() as cursor:
            differing = _differing(cursor, entries, after, up_to)
        if differing:
            _repair(after, up_to)
            has_changed = True
        after = up_to
        done += len(entries)
        progress(done)
    if has_changed:
        with locked() as cursor:
            replacing.point_old_ids(cursor)


# Whether all templates were learned from the same texts.
def _correct_all(progress: Callable[[int], None]) -> bool:
    with connection.cursor() as cursor:
        began = basis(cursor)
    with temporary() as disk:
        learned = Learned(disk)
        while learned.go_on() > ENTRIES_AT_ONCE:
            progress(learned.number)
        for axis in sorted(_stored_axes() | learned.axes()):
            while learned.go_on() > ENTRIES_AT_ONCE:
                pass
            if not _is_right(axis, learned.of(axis)):
                with locked() as cursor:
                    while learned.go_on():
                        pass
                    if basis(cursor) != began:
                        return False
                    if not _is_right(axis, learned.of(axis)):  # an append had come between
                        _write(cursor, axis, learned.of(axis))
    return True


def _stored_axes() -> set[str]:
    mine = {"rules": patterns.RULES_VERSION}
    of_templates = Template.objects.filter(**mine).values_list("axis", flat=True).distinct()
    return {*of_templates, *PatternAxis.objects.filter(**mine, named__gt=0).values_list("axis", flat=True)}


def _is_right(axis: str, wanted: dict[str, Wanted]) -> bool:
    rows = Template.objects.filter(rules=patterns.RULES_VERSION, axis=axis)
    present = {row[0]: Wanted(*row[1:]) for row in rows.values_list("key", *Wanted._fields)}
    others = rows.filter(other=True).values_list("pk", "pattern_id", "home_id", "wording")
    is_alone = all(pk == pattern == home and wording == OTHER for pk, pattern, home, wording in others)
    with connection.cursor() as cursor:
        state = axes.states(cursor, [axis]).get(axis, axes.AxisState())
    return present == wanted and is_alone and state == _state(wanted)


def _state(wanted: dict[str, Wanted]) -> axes.AxisState:
    named = [each.first_position for each in wanted.values() if not each.other]
    return axes.AxisState(len(named), max(named, default=0))


# Those that are missing or under another axis become patterns of their own, and are grouped afterwards.
def _write(cursor: CursorWrapper, axis: str, wanted: dict[str, Wanted]) -> None:
    of_axis = Template.objects.filter(rules=patterns.RULES_VERSION, axis=axis)
    of_axis.exclude(key__in=list(wanted)).delete()
    kept = dict(of_axis.filter(other=False).values_list("key", "pk"))
    moved = dict(Template.objects.filter(key__in=list(wanted)).exclude(key__in=list(kept)).values_list("key", "pk"))
    for key, pk in {**kept, **moved}.items():
        values = {"rules": patterns.RULES_VERSION, "axis": axis, **wanted[key]._asdict()}
        if key in moved:
            values |= {"pattern_id": pk, "home_id": pk, "wording": wanted[key].text}
        Template.objects.filter(pk=pk).exclude(**values).update(**values)
    missing = {key: each for key, each in wanted.items() if key not in kept and key not in moved}
    cursor.execute(f"SELECT COALESCE(MAX(id), 0) FROM {TEMPLATE}")
    (last,) = cursor.fetchone()
    rows = [
        (at, patterns.RULES_VERSION, axis, each.text, each.other, key, each.first_position, at, at, each.text)
        for at, (key, each) in enumerate(missing.items(), last + 1)
    ]
    if rows:
        dialect().insert_rows(cursor, TEMPLATE, TEMPLATE_COLUMNS, rows)
    axes.begin(cursor, axis)
    axes.change(cursor, axis)


def _is_grouped(axis: str) -> bool:
    with connection.cursor() as cursor:
        found = regrouping.read(cursor, axis)
    places = found.places()
    ids = {known.text: known.id for known in found.templates}
    return all(
        known.pattern_id == known.home_id == ids[places[known.text].leader]
        and known.wording == places[known.text].wording
        for known in found.templates
    )


def _repair(after: int, last: int) -> None:
    while after < last:
        with locked() as cursor:
            entries = entries_after(after, ENTRIES_AT_ONCE, last)
            up_to = entries[-1].position
            if differing := _differing(cursor, entries, after, up_to):
                is_one, parameter = dialect().one_of("position", sorted(differing))
                cursor.execute(f"DELETE FROM {DENIAL} WHERE {is_one}", [parameter])
                rows = [row for row in _wanted(cursor, entries)[0] if row[0] in differing]
                dialect().insert_rows(cursor, DENIAL, DENIAL_COLUMNS, rows)
        after = up_to


def _differing(cursor: CursorWrapper, entries: Sequence[Stored], after: int, up_to: int) -> set[int]:
    cursor.execute(_BETWEEN, [after, up_to])
    present = cursor.fetchall()
    wanted, patterns_of = _wanted(cursor, entries)
    found = {_placed(row, patterns_of) for row in present}
    return {row[0] for row in found.symmetric_difference(wanted)}


class _Known(NamedTuple):
    template_id: int
    pattern_id: int
    home_id: int


# A row may still be under the pattern that its template came from.
def _placed(row: Row, patterns_of: dict[int, _Known]) -> Row:
    position, template_id, pattern_id, ts_ms, blueprint_id, rejected = row
    known = patterns_of.get(template_id)
    if known is not None and pattern_id == known.home_id:
        pattern_id = known.pattern_id
    return position, template_id, pattern_id, ts_ms, blueprint_id, bool(rejected)


# The rows, and the templates by id.
def _wanted(cursor: CursorWrapper, entries: Sequence[Stored]) -> tuple[list[Row], dict[int, _Known]]:
    denials = classify(entries)
    known = _known(cursor, {key for one in denials for key in (one.key, other_key(one.axis))})
    rows = []
    for one in denials:
        at = known.get(one.key) or known.get(other_key(one.axis))
        if at is not None:
            rows.append((one.position, at.template_id, at.pattern_id, one.ts_ms, one.blueprint_id, one.rejected))
    return rows, {each.template_id: each for each in known.values()}


def _known(cursor: CursorWrapper, keys: Collection[str]) -> dict[str, _Known]:
    if not keys:
        return {}
    is_one, parameter = dialect().one_of("key", sorted(keys))
    cursor.execute(_KNOWN.format(is_one), [parameter])
    return {key: _Known(*row) for key, *row in cursor.fetchall()}
