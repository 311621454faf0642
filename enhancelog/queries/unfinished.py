"""Runs without an entry in the log."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, get_args

import msgspec
from django.db.models import BigIntegerField, Case, F, Q, QuerySet, When
from django.db.models.lookups import Exact

from enhancelog import models
from enhancelog.backends import dialect, faults
from enhancelog.domain import cursors, periods, records
from enhancelog.domain.causes import CAUSES, Cause
from enhancelog.domain.errors import Invalid, NotFound
from enhancelog.domain.times import DAY_MS, day_of
from enhancelog.domain.unfinished import RunStatus
from enhancelog.models import Entry, UnfinishedRunChange
from enhancelog.projections import source_names
from enhancelog.queries.blueprint_ids import Named
from enhancelog.queries.charts import Window
from enhancelog.queries.plausible import Plausible
from enhancelog.queries.prepared import Statement, fetch, written

STATUSES: Final = get_args(RunStatus)
# Without ``status`` in the filter, what is resolved is left out.
UNRESOLVED: Final = ("pending", "died")
UNKNOWN_DAY: Final = "unknown"
PAGE_BYTES: Final = 8 << 20
MOST_CHANGES: Final = 100
MOST_COUNTED: Final = 10_000

_cursor = msgspec.msgpack.Decoder(int)

# A run's UTC day since 1970-01-01, if its time is exact or its neighbors are of one day.
_DAY: Final = Case(
    When(Q(Plausible("ts_ms", "recorded_ms")), then=F("ts_ms") / DAY_MS),
    When(
        Q(
            Plausible("not_before_ms", "recorded_ms"),
            Plausible("not_after_ms", "recorded_ms"),
            Exact(F("not_before_ms") / DAY_MS, F("not_after_ms") / DAY_MS),
            ts_ms=None,
        ),
        then=F("not_after_ms") / DAY_MS,
    ),
    output_field=BigIntegerField(),
)


class Wanted(NamedTuple):
    """Empty: any. Days since 1970-01-01; ``None`` in ``day``: not known. ``until`` is exclusive.
    ``since_ms`` and ``until_ms``: what is known to have begun between these, epoch ms, half-open."""

    blueprint_id: Sequence[str] = ()
    blueprint_prefix: Sequence[str] = ()
    source: Sequence[str] = ()
    cause: Sequence[str] = ()
    status: Sequence[str] = UNRESOLVED
    day: Sequence[int | None] = ()
    since: int | None = None
    until: int | None = None
    since_ms: int | None = None
    until_ms: int | None = None


class UnfinishedRun(msgspec.Struct, frozen=True):
    """Times are epoch ms: `ts_ms` only if exact; otherwise between the other two, where known."""

    issue_id: str
    blueprint_id: str
    intent: str
    reason: str
    cause: Cause | None
    status: RunStatus
    ts_ms: int | None
    not_before_ms: int | None
    not_after_ms: int | None
    source: str
    recorded_ms: int  # first seen


def run_of(row: Sequence[Any]) -> UnfinishedRun:
    """``row``: of its fields, as stored."""
    found = UnfinishedRun(*row)
    return msgspec.structs.replace(found, source=source_names.current().shown(found.source))


class Counted(NamedTuple):
    """What a run is counted by. ``day``: as in ``Wanted``."""

    blueprint_id: str
    source: str
    cause: Cause | None
    status: RunStatus
    ts_ms: int | None
    not_before_ms: int | None
    not_after_ms: int | None
    recorded_ms: int
    day: int | None


class Page(NamedTuple):
    """``next``: the cursor of the next page."""

    runs: list[UnfinishedRun]
    next: str | None


class Change(NamedTuple):
    status: RunStatus
    cause: Cause | None
    reason: str
    reported_by: str
    changed_ms: int


class Detail(NamedTuple):
    """``ops``: JSON text. ``reported_by``: empty if derived. ``changes``: the latest, oldest first."""

    run: UnfinishedRun
    ops: str | None
    prev_hash: str | None
    candidate_hash: str | None
    reported_by: str
    changes: list[Change]


def begun_ms(run: UnfinishedRun | Counted) -> int:
    """What is known of a run's time: exact, else the neighbor before or after it, else when it was first seen."""
    known = (run.ts_ms, run.not_before_ms, run.not_after_ms)
    return next((ts_ms for ts_ms in known if ts_ms is not None), run.recorded_ms)


def parse(parameters: Mapping[str, list[str]]) -> Wanted:
    """Raises ``Invalid``. An impossible id matches nothing."""
    wanted = Wanted(
        blueprint_id=parameters.get("blueprint_id", ()),
        blueprint_prefix=parameters.get("blueprint_prefix", ()),
        source=parameters.get("source", ()),
        cause=parameters.get("cause", ()),
        status=parameters.get("status", UNRESOLVED),
        day=[None if value == UNKNOWN_DAY else _day("day", value) for value in parameters.get("day", ())],
        since=max(_days("since", parameters), default=None),
        until=min(_days("until", parameters), default=None),
        since_ms=max(_moments("since", parameters), default=None),
        until_ms=min(_moments("until", parameters), default=None),
    )
    for name, choices in (("cause", CAUSES), ("status", STATUSES)):
        for value in getattr(wanted, name):
            if value not in choices:
                raise Invalid(name, "choice", f"must be one of {', '.join(choices)}, not {value[:80]!r}")
    return wanted


def in_window(window: Window, blueprints: Named) -> Wanted:
    """Of the UTC days that the window touches."""
    first = None if window.since_ms is None else day_of(window.since_ms)
    end = None if window.until_ms is None else day_of(window.until_ms - 1) + 1
    return Wanted(blueprints.ids or (), blueprints.prefixes or (), since=first, until=end)


def exactly_in(window: Window, blueprints: Named) -> Wanted:
    """As ``parse`` reads the bounds that ``links.between`` writes: a midnight is that of a day."""
    (since, since_ms), (until, until_ms) = map(_day_or_moment, (window.since_ms, window.until_ms))
    found = Wanted(blueprints.ids or (), blueprints.prefixes or (), since=since, until=until)
    return found._replace(since_ms=since_ms, until_ms=until_ms)


def _day_or_moment(ms: int | None) -> tuple[int | None, int | None]:
    return (None, ms) if ms is None or ms % DAY_MS else (day_of(ms), None)


def page(wanted: Wanted, size: int, cursor: str | None = None) -> Page:
    """The newest first. Raises ``Invalid`` (cursor)."""
    rows = _selected(wanted)
    if cursor is not None:
        rows = rows.filter(pk__lt=_position(cursor))
    columns = ("id", *UnfinishedRun.__struct_fields__)
    with faults():
        found, is_whole = dialect().first_rows(rows.order_by("-id"), columns, ("intent", "reason"), size, PAGE_BYTES)
    following = None if is_whole or not found else cursors.written(found[-1][0])
    return Page([run_of(row[1:]) for row in found], following)


def count(wanted: Wanted) -> int:
    """At most ``MOST_COUNTED + 1``."""

    def write() -> Statement:
        found = written(_selected(wanted).values("id")[: MOST_COUNTED + 1])
        return Statement(f"SELECT COUNT(*) FROM ({found.sql}) found", found.values)

    with faults():
        key = tuple(tuple(each) if isinstance(each, Sequence) else each for each in wanted)
        return int(fetch(("unfinished", key), write)[0][0])


def newest(wanted: Wanted) -> list[Counted]:
    """At most ``MOST_COUNTED``, the newest first."""
    with faults():
        rows: list[Any] = list(_selected(wanted).order_by("-id").values_list(*Counted._fields)[:MOST_COUNTED])
    names = source_names.current()
    return [each._replace(source=names.shown(each.source)) for each in (Counted(*row) for row in rows)]


def has_entry(issue_id: str) -> bool:
    if not records.is_id(issue_id):
        return False
    with faults():
        return Entry.objects.filter(issue_id=issue_id).exists()


def get(issue_id: str, *, reported: bool = False) -> Detail:
    """What is not resolved before what is; with ``reported``, not what is derived. Raises ``NotFound``."""
    if not records.is_id(issue_id):
        raise NotFound(issue_id)
    found = models.UnfinishedRun.objects.filter(issue_id=issue_id)
    if reported:
        found = found.exclude(reported_by="")
    with faults():
        row = min(found, key=lambda run: (run.status == "resolved", run.source, run.pk), default=None)
        if row is None:
            raise NotFound(issue_id)
        changes: list[Any] = list(
            UnfinishedRunChange.objects.filter(run_id=row.pk)
            .order_by("-id")
            .values_list(*Change._fields)[:MOST_CHANGES]
        )
    run = run_of([getattr(row, name) for name in UnfinishedRun.__struct_fields__])
    return Detail(
        run, row.ops, row.prev_hash, row.candidate_hash, row.reported_by, [Change(*each) for each in reversed(changes)]
    )


def _selected(wanted: Wanted) -> QuerySet[models.UnfinishedRun]:
    rows = models.UnfinishedRun.objects.annotate(day=_DAY).filter(status__in=wanted.status)
    rows = rows.filter(_blueprints(wanted).condition)
    for name in ("source", "cause"):
        if values := getattr(wanted, name):
            values = source_names.current().recorded_of(values) if name == "source" else values
            rows = rows.filter(**{f"{name}__in": records.only_ids(values)})
    if wanted.since is not None:
        rows = rows.filter(day__gte=wanted.since)
    if wanted.until is not None:
        rows = rows.filter(day__lt=wanted.until)
    if wanted.since_ms is not None:
        rows = rows.filter(_known_from("gte", wanted.since_ms))
    if wanted.until_ms is not None:
        rows = rows.filter(_known_from("lt", wanted.until_ms))
    if wanted.day:
        is_known = Q(day__in=[day for day in wanted.day if day is not None])
        rows = rows.filter(is_known | Q(day=None) if None in wanted.day else is_known)
    return rows


def _blueprints(wanted: Wanted) -> Named:
    return Named(tuple(wanted.blueprint_id) or None, tuple(wanted.blueprint_prefix) or None)


def _known_from(comparison: str, ms: int) -> Q:
    exact = Q(Plausible("ts_ms", "recorded_ms"), **{f"ts_ms__{comparison}": ms})
    bound = "not_before_ms" if comparison == "gte" else "not_after_ms"
    return exact | Q(Plausible(bound, "recorded_ms"), ts_ms=None, **{f"{bound}__{comparison}": ms})


# RFC 3339 names a moment: a date and what comes after it. Anything else has to be a date.
def _is_moment(value: str) -> bool:
    return value[10:11] in ("T", "t", " ")


def _days(name: str, parameters: Mapping[str, list[str]]) -> list[int]:
    return [_day(name, value) for value in parameters.get(name, ()) if not _is_moment(value)]


def _moments(name: str, parameters: Mapping[str, list[str]]) -> list[int]:
    return [periods.instant(name, value, 0) for value in parameters.get(name, ()) if _is_moment(value)]


def _day(name: str, value: str) -> int:
    try:
        moment = datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        unknown = f", or {UNKNOWN_DAY}" if name == "day" else ""
        reason = f"must be a date such as 2026-11-25{unknown}, not {value[:80]!r}"
        raise Invalid(name, "nonexistent", reason) from None
    return day_of(int(moment.timestamp()) * 1000)


def _position(cursor: str) -> int:
    position = cursors.read(cursor, _cursor)
    if not 0 < position < 2**63:
        raise Invalid("cursor", "cursor", cursors.INVALID)
    return position
