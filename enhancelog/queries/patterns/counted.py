"""Entries of a filter by the pattern that denied them: exact if the tallies cover it, else from the newest
``SAMPLE``."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Q, QuerySet, Sum, Value

from enhancelog.domain import records
from enhancelog.domain.filters import EntryFilter
from enhancelog.domain.times import plausible_sql
from enhancelog.models import DenialPattern, PatternRules, Template, TemplateTally
from enhancelog.queries.blueprint_ids import blueprints_of
from enhancelog.queries.counts import CAP, adds_up, covers_rejections, in_days
from enhancelog.queries.horizon import asks_for_patterns, begun, grouped
from enhancelog.queries.pattern_ids import SERVED, leader
from enhancelog.queries.patterns.served import PLAUSIBLE, patterns
from enhancelog.queries.reach import reach

SAMPLE: Final = CAP

_DENIAL: Final = DenialPattern._meta.db_table
_TEMPLATE: Final = Template._meta.db_table
_SERVED: Final = f"(SELECT served FROM {PatternRules._meta.db_table})"


class Counted(NamedTuple):
    pattern: int
    blueprint_id: str
    number: int


class Times(NamedTuple):
    """First and last denial, epoch ms; ``None`` without a plausible time."""

    first_ms: int | None = None
    last_ms: int | None = None


class Found(NamedTuple):
    """``times`` that were found on the way, by pattern. ``is_whole``: no entry was left out."""

    rows: Sequence[Counted]
    times: dict[int, Times]
    is_whole: bool = True


def is_tallied(wanted: EntryFilter) -> bool:
    return adds_up(wanted) and "pattern" not in wanted.include and covers_rejections(wanted)


def counted(wanted: EntryFilter, pattern_id: str | None = None) -> Found:
    """Of all patterns, or of the one with this id."""
    return _tallied(wanted, pattern_id) if is_tallied(wanted) else _sampled(wanted, pattern_id)


def times(wanted: EntryFilter, order: Sequence[int]) -> dict[int, Times]:
    rows = patterns(_among(wanted)).filter(pk__in=order).values_list("pk", "first_ms", "last_ms")
    return {pattern: Times(*when) for pattern, *when in rows}


def _among(wanted: EntryFilter) -> Q:
    among = blueprints_of(wanted)
    if "status" in wanted.include:
        among &= Q(rejected=True)
    if wanted.since_ms is not None:
        among &= Q(ts_ms__gte=wanted.since_ms)
    if wanted.until_ms is not None:
        among &= Q(ts_ms__lt=wanted.until_ms)
    return among


def _tallied(wanted: EntryFilter, pattern_id: str | None) -> Found:
    tally = in_days(TemplateTally.objects.filter(template__rules=SERVED), wanted.since_ms, wanted.until_ms)
    if pattern_id is not None:
        tally = tally.filter(template__pattern=leader(pattern_id))
    tally = tally.filter(blueprints_of(wanted))
    if "axis" in wanted.include:
        tally = tally.filter(template__axis__in=records.only_ids(wanted.include["axis"]))
    amount = Sum("rejected" if "status" in wanted.include else "denied")
    sums = tally.order_by().values("template__pattern_id", "blueprint_id").annotate(n=amount).filter(n__gt=0)
    found = sums.values_list("template__pattern_id", "blueprint_id", "n")
    last, up_to = grouped()
    if up_to < last:  # one statement, so that no append comes between the tallies and the rows to leave out
        found = found.union(_late(wanted, pattern_id, up_to), all=True)
    numbers: Counter[tuple[int, str]] = Counter()
    for pattern, blueprint_id, number in found:
        numbers[pattern, blueprint_id] += int(number)
    rows = [Counted(*place, number) for place, number in numbers.items() if number > 0]
    return Found(rows, times(wanted, list({row.pattern for row in rows})))


def _late(wanted: EntryFilter, pattern_id: str | None, up_to: int) -> QuerySet[Any, tuple[Any, ...]]:
    rows = DenialPattern.objects.filter(_among(wanted), entry_id__gt=up_to, template__rules=SERVED)
    if wanted.since_ms is not None or wanted.until_ms is not None:
        rows = rows.filter(PLAUSIBLE)
    if pattern_id is not None:
        rows = rows.filter(template__pattern=leader(pattern_id))
    if "axis" in wanted.include:
        rows = rows.filter(template__axis__in=records.only_ids(wanted.include["axis"]))
    return rows.order_by().values_list("template__pattern_id", "blueprint_id", Value(-1))


def _sampled(wanted: EntryFilter, pattern_id: str | None) -> Found:
    wanted, up_to = begun(wanted)
    if not asks_for_patterns(wanted):
        up_to = min(up_to, grouped().up_to)
    entries, end = reach(wanted, up_to, ascending=False)
    try:
        sample, parameters = entries[:SAMPLE].values("position", "recorded_ms").query.sql_with_params()
    except EmptyResultSet:  # the filter is one that no entry can match
        return Found([], {})
    conditions, further = _conditions(wanted, pattern_id)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""WITH sample (position, recorded_ms) AS MATERIALIZED ({sample})
                SELECT 0, '', COUNT(*), NULL, NULL FROM sample
                UNION ALL
                SELECT t.pattern_id, d.blueprint_id, COUNT(*), MIN({_TIME}), MAX({_TIME})
                FROM sample s CROSS JOIN {_DENIAL} d JOIN {_TEMPLATE} t ON t.id = d.template_id
                WHERE d.position = s.position AND t.rules = {_SERVED} {conditions}
                GROUP BY t.pattern_id, d.blueprint_id""",
            [*parameters, *further],
        )
        (_, _, size, _, _), *found = sorted(cursor.fetchall(), key=lambda row: row[:2])
    return Found([Counted(*row[:3]) for row in found], _merged(found), size < SAMPLE and end is None)


_TIME: Final = f"CASE WHEN {plausible_sql('d.ts_ms', 's.recorded_ms')} THEN d.ts_ms END"


def _conditions(wanted: EntryFilter, pattern_id: str | None) -> tuple[str, list[str]]:
    conditions, parameters = "", []
    if axes := wanted.include.get("axis"):
        possible = records.only_ids(axes)
        conditions += f" AND t.axis IN ({', '.join(['%s'] * len(possible)) or 'NULL'})"
        parameters += possible
    if pattern_id is not None:
        conditions += f""" AND t.pattern_id = (SELECT p.pattern_id FROM {_TEMPLATE} said
            JOIN {_TEMPLATE} p ON p.id = said.pattern_id WHERE said.key = %s AND p.rules = {_SERVED})"""
        parameters.append(pattern_id)
    return conditions, parameters


def _merged(rows: Sequence[tuple[Any, ...]]) -> dict[int, Times]:
    found: dict[int, Times] = {}
    for pattern, _, _, *span in rows:
        moments = [moment for moment in (*span, *found.get(pattern, Times())) if moment is not None]
        found[pattern] = Times(min(moments, default=None), max(moments, default=None))
    return found
