"""Filters for features of an entry (``domain.features``), checked row by row."""

from collections.abc import Iterable, Sequence
from functools import reduce
from operator import or_
from typing import Any, Final

from django.db.models import BigIntegerField, BooleanField, Case, F, Q, TextField, When
from django.db.models.expressions import RawSQL
from django.db.models.functions import Length, Substr
from django.db.models.lookups import Exact, GreaterThanOrEqual, LessThanOrEqual

from enhancelog.backends import dialect
from enhancelog.domain import features
from enhancelog.domain.filters import Seen
from enhancelog.domain.times import DAY_MS, HOUR_MS
from enhancelog.models import Entry, EntryPatch, Patch
from enhancelog.queries.plausible import Plausible

_ENTRY: Final = Entry._meta.db_table
_PATCH: Final = f"""(
    SELECT patch.{{column}} FROM {EntryPatch._meta.db_table} joined
    JOIN {Patch._meta.db_table} patch ON patch.position = joined.patch
    WHERE joined.position = {_ENTRY}.position AND joined.patch <= %s ORDER BY joined.patch LIMIT 1)"""
_ALL: Final = 2**63 - 1

BEGINNING: Final = Substr("intent", 1, features.SEARCHED)
_PLAUSIBLE: Final = Plausible("ts_ms", "recorded_ms")
HOUR: Final = Case(When(_PLAUSIBLE, then=F("ts_ms") / HOUR_MS))  # since 1970


def matching(name: str, values: Sequence[str], seen: Seen | None) -> Q:
    """Never NULL, so that it can be negated."""
    match name:
        case "word":
            return _any(_has_word(value) for value in values if "\0" not in value)  # PostgreSQL takes no such text
        case "actor":
            return _any(_is_by(value) for value in values if "\0" not in value)
        case "hour":
            return Q(_PLAUSIBLE) & _any(_within(F("ts_ms") / HOUR_MS % 24, value) for value in values)
        case "weekday":
            days = [features.WEEKDAYS.index(value) for value in values]
            return Q(_PLAUSIBLE) & _any(Q(Exact((F("ts_ms") / DAY_MS + 3) % 7, day)) for day in days)
        case "intent_length" | "rationale_length":
            return _any(_within(Length(name.removesuffix("_length")), value) for value in values)
        case "op":
            sql = " OR ".join(dialect().has_operation_sql(_patch("ops"), value) for value in values)
            return Q(RawSQL(f"({sql})", _seen(seen) * len(values), output_field=BooleanField()))
        case "operations":
            return _any(_within(_number(dialect().operations_sql(_patch("ops")), seen), value) for value in values)
        case "patch_length":
            return _any(_within(_number(f"LENGTH({_patch('ops')})", seen), value) for value in values)
        case "bump":
            given = RawSQL(f"COALESCE({_patch('bump')}, '')", _seen(seen), output_field=TextField())
            return _any(Q(Exact(given, value)) for value in values)
    raise AssertionError(name)


def of_patch(column: str, seen: Seen | None) -> RawSQL:
    """``ops`` or ``bump``, as recorded, or else of a host's patch; may be NULL."""
    return RawSQL(_patch(column), _seen(seen), output_field=TextField())


def _patch(column: str) -> str:
    return f"COALESCE({_ENTRY}.{column}, {_PATCH.format(column=column)})"


def _seen(seen: Seen | None) -> tuple[int]:
    return (_ALL if seen is None else seen.patches,)


def _number(sql: str, seen: Seen | None) -> RawSQL:
    return RawSQL(f"COALESCE({sql}, -1)", _seen(seen), output_field=BigIntegerField())


def _within(number: Any, value: str) -> Q:
    low, high = features.range_of(value)
    found = Q(GreaterThanOrEqual(number, low))
    return found if high is None else found & Q(LessThanOrEqual(number, high))


def _has_word(word: str) -> Q:
    beginning = f"substr({_ENTRY}.intent, 1, {features.SEARCHED})"
    condition, parameters = dialect().has_word(beginning, word, features.SEPARATORS)
    return Q(RawSQL(f"({condition})", parameters, output_field=BooleanField()))


def _is_by(actor: str) -> Q:
    kind, colon, name = actor.partition(":")
    return Q(actor_kind=kind, actor_name=name) if colon else Q(actor_kind=kind)


def _any(conditions: Iterable[Q]) -> Q:
    return reduce(or_, conditions, Q(pk__in=[]))
