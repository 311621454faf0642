"""Counts by axis, Blueprint and so on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from django.core.exceptions import EmptyResultSet
from django.db import connection

from enhancelog.domain import meta
from enhancelog.domain.filters import EntryFilter
from enhancelog.domain.meta import LONGEST_INDEXED
from enhancelog.domain.meta_filters import PREFIX, is_meta
from enhancelog.domain.theme_ids import ThemeId
from enhancelog.models import (
    BlueprintSummary,
    Denial,
    DenialTheme,
    Entry,
    EntryBadge,
    EntryPatch,
    MetaValue,
    Rejudgement,
    ThemeWording,
    Touch,
    TouchAwaiting,
)
from enhancelog.projections import source_names
from enhancelog.queries.afterwards import afterwards, afterwards_parameters
from enhancelog.queries.chains import gap
from enhancelog.queries.counts import CAP, Count, adds_up, count, tallied_by_axis, tallied_by_blueprint
from enhancelog.queries.leading_rows import leading_axis
from enhancelog.queries.prepared import Statement, run
from enhancelog.queries.reach import reach
from enhancelog.queries.selection import Entries
from enhancelog.queries.themes.progress import is_prose

_DENIAL = Denial._meta.db_table
_ENTRY = Entry._meta.db_table
_BADGE = EntryBadge._meta.db_table
_META = MetaValue._meta.db_table
_TOUCH = Touch._meta.db_table
_AWAITING = TouchAwaiting._meta.db_table
_FLIP = Rejudgement._meta.db_table

_BY_SOURCE: Final = """
    UNION ALL
    SELECT 'source', source, COUNT(*) FROM followed GROUP BY source"""
_BY_FLIP: Final = f"""
    UNION ALL
    SELECT 'has', 'flip', COUNT(*) FROM followed s
    WHERE EXISTS (SELECT 1 FROM {_FLIP} f WHERE f.position = s.position AND f.flips)
        OR EXISTS (SELECT 1 FROM {_FLIP} f WHERE f.earlier = s.position AND f.flips)"""
# What the log has at all: more than one source, ``meta``, patches, and axes that contradict themselves.
_HAS: Final = Statement(f"""
    SELECT (SELECT COUNT(*) FROM (SELECT DISTINCT source FROM {BlueprintSummary._meta.db_table} LIMIT 2) found),
        EXISTS (SELECT 1 FROM {_META}), EXISTS (SELECT 1 FROM {_TOUCH}), EXISTS (SELECT 1 FROM {_FLIP} WHERE flips)""")

# No parameters: how many positions and how many places were read, entries with a patch, those without names, and the
# places of the filter.
_SIZE: Final = "size"
_TOUCHED: Final = "touched"
_PATCHED: Final = "patched"
_UNNAMED: Final = "unnamed"
_ASKED: Final = "asked"
_THEMES: Final = "themes"  # by number

# ``sample`` are positions, which an index mostly has. ``followed`` are their entries, with what a gap depends on, so
# that none is read twice. Beyond CAP, or if a list was not looked through, only the newest MOST_FOLLOWED are followed,
# whose counts are minimums anyway.
MOST_FOLLOWED: Final = 2_500
MOST_NEAR: Final = 5_000  # denials of a theme that are looked up for the sample
_FOLLOWED: Final = f"""
    , followed (position, blueprint_id, source, ts_ms, prev_hash, has_ops) AS MATERIALIZED (
        SELECT e.position, e.blueprint_id, e.source, e.ts_ms, e.prev_hash, e.ops IS NOT NULL
        FROM (SELECT position FROM sample
            LIMIT (SELECT CASE WHEN COUNT(*) > %s THEN {MOST_FOLLOWED} ELSE {CAP} END FROM sample)) newest
        CROSS JOIN {_ENTRY} e WHERE e.position = newest.position)
    , denied (position, axis, sole) AS MATERIALIZED (
        SELECT d.position, d.axis, d.sole FROM followed s CROSS JOIN {_DENIAL} d WHERE d.position = s.position)"""

# An entry may have many keys, and every run values of its own.
MOST_META: Final = 20_000  # values of the sample, newest entries first
MOST_META_CHOICES: Final = 2_000  # that are offered, most entries first
_SAMPLED_META: Final = f"""
    , noted (name, value) AS MATERIALIZED (
        SELECT '{PREFIX}' || m.key, m.value FROM followed s CROSS JOIN {_META} m WHERE m.position = s.position
        LIMIT {MOST_META + 1})"""
_BY_META: Final = f"""
    UNION ALL
    SELECT '{PREFIX}', '', COUNT(*) FROM noted
    UNION ALL
    SELECT name, value, n FROM (
        SELECT name, value, COUNT(*) AS n FROM noted WHERE LENGTH(value) <= {LONGEST_INDEXED}
        GROUP BY name, value ORDER BY n DESC, name, value LIMIT {MOST_META_CHOICES}) offered"""

# Offered are whole places, by name where they have one; counted are all runs that the filter would find by them. An
# entry has at most 200. Beside a place of the filter, only those inside it are offered, else those of none.
MOST_TOUCHES: Final = 20_000  # of the sample, newest entries first
MOST_PLACES: Final = 1_000  # that are offered, most entries first
_SAMPLED_TOUCHES: Final = f"""
    , touched (place, offered) AS MATERIALIZED (
        SELECT t.place, CASE WHEN t.is_whole AND NOT t.has_named THEN 1 ELSE 0 END
        FROM followed s CROSS JOIN {_TOUCH} t WHERE t.position = s.position{{inside}} LIMIT {MOST_TOUCHES + 1})"""
_INSIDE: Final = " AND t.place > %s AND t.place < %s"
_BY_TOUCH: Final = f"""
    UNION ALL
    SELECT '{_TOUCHED}', '', COUNT(*) FROM touched
    UNION ALL
    SELECT 'touches', place, n FROM (
        SELECT place, COUNT(*) AS n FROM touched GROUP BY place HAVING MAX(offered) = 1
        ORDER BY n DESC, place LIMIT {MOST_PLACES}) offered"""
_BY_PATCH: Final = f"""
    UNION ALL
    SELECT '{_PATCHED}', '', COUNT(*) FROM followed s WHERE s.has_ops OR EXISTS (
        SELECT 1 FROM {EntryPatch._meta.db_table} joined WHERE joined.position = s.position AND joined.patch <= %s)
    UNION ALL
    SELECT '{_UNNAMED}', '', COUNT(*) FROM followed s CROSS JOIN {_AWAITING} a
        WHERE a.position = s.position AND a.is_missing"""
_BY_ASKED: Final = f"""
    UNION ALL
    SELECT '{_ASKED}', t.place, COUNT(*) FROM followed s CROSS JOIN {_TOUCH} t
    WHERE t.position = s.position AND t.place IN ({{places}}) GROUP BY t.place"""

_BY_THEME: Final = f"""
    UNION ALL
    SELECT '{_THEMES}', CAST(w.theme AS TEXT), COUNT(*)
    FROM followed s CROSS JOIN {DenialTheme._meta.db_table} d CROSS JOIN {ThemeWording._meta.db_table} w
    WHERE d.position = s.position AND d.axis = %s AND w.axis = d.axis AND w.number = d.wording AND w.theme IS NOT NULL
    GROUP BY w.theme"""


def _groups() -> str:
    # Without the join in ``denied``, PostgreSQL would read all denials once for each of its groups.
    return f"""
    SELECT '{_SIZE}', '', COUNT(*) FROM sample
    UNION ALL
    SELECT 'blueprint_id', blueprint_id, COUNT(*) FROM followed GROUP BY blueprint_id
    UNION ALL
    SELECT 'axis', axis, COUNT(*) FROM denied GROUP BY axis
    UNION ALL
    SELECT 'axes', CASE WHEN sole THEN 'one' ELSE 'many' END, COUNT(DISTINCT position) FROM denied GROUP BY 2
    UNION ALL
    SELECT 'has', 'badge', COUNT(DISTINCT b.position) FROM followed s CROSS JOIN {_BADGE} b
        WHERE b.position = s.position
    UNION ALL
    SELECT 'has', 'gap', COUNT(*) FROM followed {_ENTRY} WHERE {gap()}
    UNION ALL
    SELECT 'afterwards', {afterwards("s.position")}, COUNT(*) FROM followed s GROUP BY 2"""


class ListPositions(NamedTuple):
    """``is_part``: not all positions of the list."""

    positions: Sequence[int]
    is_part: bool


class Choice(NamedTuple):
    value: str
    entries: Count


@dataclass(frozen=True)
class Facets:
    """``by``: parameter to its values, most entries first."""

    total: Count
    by: Mapping[str, tuple[Choice, ...]]
    more_meta: bool  # there may be more values of meta
    more_places: bool
    patched: Count  # entries whose patch is known
    unnamed: Count  # entries whose places have no names, because the document before is not stored


def facets(wanted: EntryFilter, up_to: int, known: ListPositions | None = None) -> Facets:
    """``known``: the positions, if already read."""
    in_all = count(wanted, up_to) if known is None and adds_up(wanted) else Count(0)
    is_long = in_all.number > CAP
    if known is None:
        entries, end = reach(wanted, up_to, ascending=False, near=MOST_NEAR)
        is_part = end is not None
    else:
        entries, is_part = Entry.objects.filter(position__in=known.positions), known.is_part
    sample = entries[: MOST_FOLLOWED if is_long else CAP + 1]
    sampled = _sampled(sample, up_to, wanted, most=MOST_FOLLOWED if is_part else CAP)
    asked = sampled.pop(_ASKED, {})
    size, meta_rows, touch_rows, patched, unnamed = (
        sampled.pop(name, {}).get("", 0) for name in (_SIZE, PREFIX, _TOUCHED, _PATCHED, _UNNAMED)
    )
    axes = sampled.setdefault("axes", {})
    axes["none"] = sum(sampled.get("blueprint_id", {}).values()) - sum(axes.values())
    # Beyond CAP, axes and Blueprints come from tallies; the others are minimums, from the newest entries.
    capped = is_long or size > CAP or is_part
    more_meta = meta_rows > MOST_META
    sampled.update((name, meta.as_found(values, values)) for name, values in sampled.items() if is_meta(name))
    more_places = touch_rows > MOST_TOUCHES
    partial = {name for name in sampled if more_meta and is_meta(name)} | ({"touches"} if more_places else set())
    counted = {name: _counted(values, capped or name in partial) for name, values in sampled.items()}
    if asked:
        counted["touches"] = {**counted.get("touches", {}), **_counted(asked, capped)}
    if capped:
        for name, tallied in (("axis", tallied_by_axis), ("blueprint_id", tallied_by_blueprint)):
            counted[name] = tallied(wanted, up_to) or counted.get(name, {})
    if is_long:
        total = in_all
    elif capped and "theme" in wanted.include:
        total = count(wanted, up_to)  # tallies may know it, and it looks up more denials
    else:
        total = Count(min(size, CAP), capped)
    offered = sum(len(values) for name, values in counted.items() if is_meta(name))
    ranked = {name: _ranked(values) for name, values in counted.items()}
    return Facets(
        total,
        ranked,
        more_meta or offered == MOST_META_CHOICES,
        more_places or len(ranked.get("touches", ())) >= MOST_PLACES,
        Count(min(patched, CAP), capped),
        Count(min(unnamed, CAP), capped),
    )


def _sampled(entries: Entries, up_to: int, wanted: EntryFilter, most: int) -> dict[str, dict[str, int]]:
    try:
        sample, parameters = entries.values("position").query.sql_with_params()
    except EmptyResultSet:  # the filter can match nothing
        return {}
    ((sources, has_meta, has_touches, has_flips),) = run(_HAS)
    noted = _SAMPLED_META if has_meta else ""
    groups = _groups() + (_BY_SOURCE if sources > 1 else "") + (_BY_META if has_meta else "")
    groups += _BY_FLIP if has_flips else ""
    of_touches = _of_touches(wanted) if has_touches else _NO_TOUCHES
    of_prose = _in_prose(wanted)
    groups += _BY_THEME if of_prose else ""
    statement = f"""
        WITH sample (position) AS MATERIALIZED ({sample}){_FOLLOWED}{noted}{of_touches.sampled}
        {groups}{of_touches.groups}"""
    of_groups = [*afterwards_parameters(up_to), *of_prose, *of_touches.values]
    values = [*parameters, most, *of_touches.inside, *of_groups]
    found: dict[str, dict[str, int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        for name, value, number in cursor.fetchall():
            found.setdefault(name, {})[value] = number
    for axis in of_prose:
        found["theme"] = {str(ThemeId(axis, int(number))): n for number, n in found.pop(_THEMES, {}).items()}
    if "source" in found:
        found["source"] = source_names.current().added_up(found["source"])
    return found


def _in_prose(wanted: EntryFilter) -> list[str]:
    # The axis that the list is of, if it is one, and prose.
    axes = wanted.include.get("axis", ())
    axis = leading_axis(wanted) if len(axes) < 2 else None
    return [axis] if axis is not None and is_prose(axis) else []


class _OfTouches(NamedTuple):
    """``inside``: parameters of ``sampled``. ``values``: parameters of ``groups``."""

    sampled: str = ""
    groups: str = ""
    inside: tuple[str, ...] = ()
    values: tuple[object, ...] = ()


_NO_TOUCHES: Final = _OfTouches()


def _of_touches(wanted: EntryFilter) -> _OfTouches:
    asked = wanted.include.get("touches", ())
    patches = 2**63 - 1 if wanted.seen is None else wanted.seen.patches
    if not asked:
        return _OfTouches(_SAMPLED_TOUCHES.format(inside=""), _BY_TOUCH + _BY_PATCH, (), (patches,))
    groups = _BY_PATCH + _BY_ASKED.format(places=", ".join(["%s"] * len(asked)))
    values = (patches, *asked)
    if len(asked) > 1:
        return _OfTouches("", groups, (), values)
    inside = (f"{asked[0]}/", f"{asked[0]}0")  # "0" follows "/"
    return _OfTouches(_SAMPLED_TOUCHES.format(inside=_INSIDE), _BY_TOUCH + groups, inside, values)


def _counted(numbers: Mapping[str, int], capped: bool) -> dict[str, Count]:
    return {value: Count(min(number, CAP), capped) for value, number in numbers.items()}


def _ranked(values: Mapping[str, Count]) -> tuple[Choice, ...]:
    found = [Choice(value, number) for value, number in values.items() if number.number]
    return tuple(sorted(found, key=lambda choice: (-choice.entries.number, choice.value)))
