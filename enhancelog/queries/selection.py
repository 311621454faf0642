"""A filter as a queryset."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import reduce
from operator import and_, or_
from typing import Any, Final, NamedTuple, assert_never, cast

from django.db.models import (
    BooleanField,
    Case,
    Exists,
    F,
    Func,
    IntegerField,
    Max,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    TextField,
    Value,
    When,
)
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce, StrIndex, Substr
from django.db.models.lookups import Exact, GreaterThan, In

from enhancelog.backends import dialect
from enhancelog.domain import features, records, search_words
from enhancelog.domain.filters import EntryFilter, Has, Seen
from enhancelog.domain.meta_filters import is_meta
from enhancelog.models import Denial, DenialPattern, Entry, EntryBadge
from enhancelog.projections import source_names
from enhancelog.queries import attempt_numbers, entry_features, flips, meta_values, next_attempts, touched_places
from enhancelog.queries.afterwards import afterwards, afterwards_parameters
from enhancelog.queries.chains import gap
from enhancelog.queries.containing import containing
from enhancelog.queries.leading_rows import leading_rows
from enhancelog.queries.pattern_ids import is_pattern_id, leaders
from enhancelog.queries.patterns.served import new_patterns
from enhancelog.queries.plausible import Plausible
from enhancelog.queries.themes import of_filter as themes

Entries = QuerySet[Any]  # of Entry; the type checker does not know the annotated keys

_AFTERWARDS = afterwards(f"{Entry._meta.db_table}.position")


class Beyond(Func):
    """Compares ``(ts_ms, position)`` as a row value, which an index serves."""

    output_field = BooleanField()

    def __init__(self, *expressions: Any, operator: str = "<", **extra: Any) -> None:
        super().__init__(*expressions, **extra)
        self.operator = operator

    def as_sql(self, compiler: Any, connection: Any, *unused: Any, **extra: Any) -> tuple[str, tuple[Any, ...]]:
        parts = [compiler.compile(expression) for expression in self.source_expressions]
        (ts, position, at_ts, at_position) = (sql for sql, _ in parts)
        parameters = tuple(parameter for _, values in parts for parameter in values)
        return f"({ts}, {position}) {self.operator} ({at_ts}, {at_position})", parameters


class Span(NamedTuple):
    """Of positions; inclusive."""

    first: int
    last: int


class Part(NamedTuple):
    """Of a list; phrases are looked for at ``positions``."""

    bounds: tuple[Beyond, ...] = ()
    positions: Span = Span(1, 2**63 - 1)


WHOLE: Final = Part()


def select(wanted: EntryFilter, up_to: int | None = None, part: Part = WHOLE) -> Entries:
    """Adds the sort keys ``key_ts_ms`` and ``key_position``."""
    entries = with_implausible(wanted, up_to, part)
    return entries if wanted.since_ms is None and wanted.until_ms is None else entries.filter(PLAUSIBLE)


def with_implausible(wanted: EntryFilter, up_to: int | None = None, part: Part = WHOLE) -> Entries:
    """Like ``select``, but time bounds keep implausible times."""
    # An index serves time bounds, but not plausibility.
    led = leading_rows(wanted)
    entries = _themselves() if led is None else led.entries()
    for condition in _conditions(wanted.include if led is None else led.rest, wanted, up_to, part.positions):
        entries = entries.filter(condition)
    return _within(entries, wanted, up_to, part.bounds)


def keys(wanted: EntryFilter, up_to: int, bounds: tuple[Beyond, ...]) -> Entries:
    """Only the sort keys, with implausible times; of a filter whose entries are one range of an index."""
    led = leading_rows(wanted)
    rows = with_implausible(wanted, up_to, Part(bounds)) if led is None else _within(led.keys(), wanted, up_to, bounds)
    return rows.values_list("key_ts_ms", "key_position")


def _themselves() -> Entries:
    return Entry.objects.annotate(key_ts_ms=F("ts_ms"), key_position=F("position"))


def _within(rows: Entries, wanted: EntryFilter, up_to: int | None, bounds: tuple[Beyond, ...]) -> Entries:
    # Of several bounds on the time, SQLite starts, and ends, at the first ones. Those of a part are closer.
    for bound in bounds:
        rows = rows.filter(bound)
    if wanted.since_ms is not None:
        rows = rows.filter(key_ts_ms__gte=wanted.since_ms)
    if wanted.until_ms is not None:
        rows = rows.filter(key_ts_ms__lt=wanted.until_ms)
    return rows if up_to is None else rows.filter(key_position__lte=up_to)


def arrived(wanted: EntryFilter, after: int, up_to: int) -> Entries:
    """Those in a short range of positions, which leads, however rare what is wanted."""
    entries = _themselves().filter(position__gt=after, position__lte=up_to)
    include = dict(wanted.include)
    for name in _NOT_LEADING & include.keys():
        values = records.only_ids(include.pop(name), may_be_empty=True)
        values = source_names.current().recorded_of(values) if name == "source" else values
        # As an expression, so that no index of the field can lead.
        own = f"own_{name.removesuffix('_id')}"
        entries = entries.alias(**{own: Coalesce(F(name), Value(""), output_field=TextField())})
        entries = entries.filter(**{f"{own}__in": values})
    for condition in _conditions(include, wanted, up_to, Span(after + 1, up_to)):
        entries = entries.filter(condition)
    if wanted.since_ms is not None:
        entries = entries.filter(PLAUSIBLE, ts_ms__gte=wanted.since_ms)
    if wanted.until_ms is not None:
        entries = entries.filter(PLAUSIBLE, ts_ms__lt=wanted.until_ms)
    return entries


_NOT_LEADING: Final = frozenset(("blueprint_id", "source", "status"))
PLAUSIBLE: Final = Plausible("ts_ms", "recorded_ms")  # entries with a plausible time


def beyond(ts_ms: int, position: int, *, ascending: bool, inclusive: bool = False) -> Beyond:
    operator = f"{'>' if ascending else '<'}{'=' if inclusive else ''}"
    return Beyond(F("key_ts_ms"), F("key_position"), ts_ms, position, operator=operator)


def in_order(entries: Entries, *, ascending: bool) -> Entries:
    return (
        entries.order_by("key_ts_ms", "key_position") if ascending else entries.order_by("-key_ts_ms", "-key_position")
    )


def _conditions(
    include: Mapping[str, tuple[str, ...]], wanted: EntryFilter, up_to: int | None, span: Span
) -> Iterator[Q]:
    # Without times. ``include``: those of ``wanted`` that are not met yet.
    for name, values in include.items():
        yield _matches(name, values, wanted, up_to, span)
    for name, values in wanted.exclude.items():
        if name == "axis":
            yield ~Q(Exists(_denials(axis__in=records.only_ids(values))))
        else:
            yield ~_matches(name, values, wanted, up_to, span)


def _matches(name: str, values: tuple[str, ...], wanted: EntryFilter, up_to: int | None, span: Span) -> Q:
    # ``axis`` requires all values, other parameters any of them.
    if is_meta(name):
        return meta_values.asked(name, values).condition
    match name:
        case "blueprint_id":
            return Q(blueprint_id__in=records.only_ids(values, may_be_empty=True))
        case "blueprint_prefix":  # row by row: several Blueprints have no common order by time
            return _any(_starts_with(value) for value in values if "\0" not in value)
        case "source":
            return Q(source__in=[each for each in source_names.current().recorded_of(values) if "\0" not in each])
        case "status":
            return Q(status__in=[value for value in values if "\0" not in value])
        case "axis":
            return _all(Q(Exists(_denials(axis__in=records.only_ids((value,))))) for value in values)
        case "only":
            return Q(Exists(_denials(axis__in=records.only_ids(values), sole=True)))
        case "without":
            return _denied_only_by(records.only_ids(values))
        case "axes":
            return _any(Q(Exists(_denials(sole=value == "one"))) for value in values)
        case "axis_passed":
            return _any(_judged(value, ',"status":"pass"') for value in records.only_ids(values))
        case "axis_absent":
            return _any(~_judged(value, ",") for value in records.only_ids(values))
        case "pattern":
            return _of_patterns(leaders(filter(is_pattern_id, values)))
        case "theme":
            return themes.is_any_of(values)
        case "has":
            return _any(_has(cast(Has, value), wanted.seen, up_to) for value in values)
        case "is":
            return _of_patterns(new_patterns(wanted.since_ms, wanted.until_ms).values("pk"))
        case "touches":
            return touched_places.touching(values, wanted.seen)
        case "afterwards":
            return Q(In(RawSQL(_AFTERWARDS, afterwards_parameters(up_to), output_field=TextField()), values))
        case "next":
            return next_attempts.is_any_of(values, wanted, up_to)
        case "attempt":
            return attempt_numbers.is_any_of(values, up_to)
        case "text":
            return _any(Q(containing(value)) for value in values if "\0" not in value)
        case "phrase":
            return _searched(values, span)
        case "matching":
            inside = map(wanted.matching, values)
            return _any(_all(_conditions(each.include, each, up_to, span)) for each in inside)
        case _ if name in features.NAMES:
            return entry_features.matching(name, values, wanted.seen)
    raise AssertionError(name)


def _starts_with(prefix: str) -> Q:
    return Q(Exact(Substr("blueprint_id", 1, len(prefix)), Value(prefix)))


def _of_patterns(ids: QuerySet[Any]) -> Q:
    return Q(Exists(DenialPattern.objects.filter(entry=OuterRef("position"), template__pattern__in=ids)))


def _has(value: Has, seen: Seen | None, up_to: int | None) -> Q:
    match value:
        case "patch":
            return touched_places.has_patch(seen)
        case "ops":
            return Q(ops__isnull=False)
        case "candidate":
            return Q(candidate_hash__isnull=False)
        case "badge":
            return Q(Exists(EntryBadge.objects.filter(entry=OuterRef("position"))))
        case "gap":
            return Q(RawSQL(gap(), (), output_field=BooleanField()))
        case "flip":
            return flips.flipped(up_to)
        case _:
            assert_never(value)


def _searched(values: Iterable[str], span: Span) -> Q:
    phrases = [phrase for phrase in map(search_words.phrase, values) if phrase.tokens]
    if not phrases:
        return Q(pk__in=[])
    index = dialect().search
    return Q(RawSQL(index.condition_sql, (index.question(phrases), *span), output_field=BooleanField()))


def _judged(axis: str, rest: str) -> Q:
    # Safe to search in the JSON text, because a quote inside a string is always escaped.
    return Q(GreaterThan(StrIndex("verdicts", Value('{"axis":' + records.encode_part(axis) + rest)), 0))


def _denials(**conditions: object) -> QuerySet[Denial]:
    # By the key, so that SQLite looks for them before it reads the entry.
    return Denial.objects.filter(entry=OuterRef("key_position"), **conditions)


def _denied_only_by(axes: Sequence[str]) -> Q:
    # One value for each entry: PostgreSQL would answer EXISTS by a hash of all denials.
    other = Case(When(axis__in=axes, then=Value(0)), default=Value(1), output_field=IntegerField())
    others = _denials().order_by().values(group=Value(1)).annotate(n=Max(other)).values("n")
    return Q(Exact(Coalesce(Subquery(others), Value(1)), Value(0)))  # never NULL, so that it can be negated


def _any(conditions: Iterable[Q]) -> Q:
    return reduce(or_, conditions, Q(pk__in=[]))


def _all(conditions: Iterable[Q]) -> Q:
    return reduce(and_, conditions, Q())
