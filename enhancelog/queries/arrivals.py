"""What arrived in a short range of positions, which bounds each reading."""

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from django.db.models import F, IntegerField, QuerySet, Value

from enhancelog.domain import stored_verdicts
from enhancelog.domain.filters import EntryFilter
from enhancelog.domain.pattern_states import PatternState
from enhancelog.domain.times import DAY_MS, day_of
from enhancelog.models import DenialPattern, Entry, StateChange, Template, TemplateState
from enhancelog.projections import source_names
from enhancelog.queries.horizon import asks_for_patches, asks_for_patterns
from enhancelog.queries.pattern_ids import SERVED
from enhancelog.queries.pattern_states import states_of
from enhancelog.queries.plausible import Plausible
from enhancelog.queries.selection import arrived

# A filter that few entries match is looked for no further back.
FARTHEST: Final = 50_000

_FILTERS_AT_ONCE: Final = 20  # of a statement
_ROWS_AT_ONCE: Final = 500
_FETCHED: Final = 50  # whole verdicts in memory
_PLAUSIBLE: Final = Plausible("ts_ms", "entry__recorded_ms")

_COLUMNS: Final = (
    "position", "issue_id", "blueprint_id", "source", "ts_ms", "recorded_ms", "intent", "verdicts", "reasons"
)  # fmt: skip


class Arrived(NamedTuple):
    position: int
    issue_id: str
    blueprint_id: str
    source: str
    ts_ms: int
    recorded_ms: int
    intent: str
    verdicts: str
    reasons: str


class FirstDenied(NamedTuple):
    """A pattern's leading template, and the entry that it denied first."""

    pattern: int
    position: int
    key: str
    axis: str
    wording: str


class Returned(NamedTuple):
    """``position``: of the entry whose denial made it return."""

    leader: FirstDenied
    position: int
    state: PatternState


class Run(NamedTuple):
    position: int
    recorded_ms: int


def key_of(wanted: EntryFilter) -> Hashable:
    """Of what it matches; equal filters are asked once."""
    return wanted.key, wanted.since_ms, wanted.until_ms


def is_everything(wanted: EntryFilter) -> bool:
    return not (wanted.include or wanted.exclude or wanted.since_ms is not None or wanted.until_ms is not None)


def needs_derivation(wanted: EntryFilter) -> bool:
    return asks_for_patterns(wanted) or asks_for_patches(wanted) or any(name == "has" for name, _ in wanted.asked)


def rejected(after: int, up_to: int) -> list[int]:
    """Positions, in order."""
    rows = Entry.objects.filter(position__gt=after, position__lte=up_to).order_by("position")
    return [position for position, status in rows.values_list("position", "status") if status == "rejected"]


def entries(positions: Iterable[int]) -> list[Arrived]:
    """In order."""
    wanted = sorted(set(positions))
    found: list[Arrived] = []
    for some in _parts(wanted):
        rows = Entry.objects.filter(position__in=some).order_by("position").values_list(*_COLUMNS)
        found += [Arrived(*row) for row in rows]
    names = source_names.current()
    return [each._replace(source=names.shown(each.source)) for each in found]


def matching(filters: Iterable[EntryFilter], after: int, up_to: int) -> dict[Hashable, set[int]]:
    """Positions by ``key_of`` the filter."""
    distinct = {key_of(wanted): wanted for wanted in filters}
    found: dict[Hashable, set[int]] = {key: set() for key in distinct}
    keys = list(distinct)
    for start in range(0, len(keys), _FILTERS_AT_ONCE):
        parts = [
            arrived(distinct[key], after, up_to)
            .order_by()
            .annotate(asked=Value(number, output_field=IntegerField()))
            .values_list("asked", "position")
            for number, key in enumerate(keys[start : start + _FILTERS_AT_ONCE], start)
        ]
        rows: Any = parts[0].union(*parts[1:], all=True) if len(parts) > 1 else parts[0]
        for number, position in rows:
            found[keys[number]].add(position)
    return found


def new_patterns(after: int, up_to: int) -> list[FirstDenied]:
    """Patterns whose first denial, in order of arrival, is in the range."""
    templates = {template for _, template, _, _ in _denials(after, up_to)}
    found: list[FirstDenied] = []
    for some in _parts(sorted(templates)):
        rows = Template.objects.filter(
            pk__in=some, rules=SERVED, pattern_id=F("pk"), first_position__gt=after, first_position__lte=up_to
        )
        found += [FirstDenied(*row) for row in rows.values_list("pk", "first_position", "key", "axis", "wording")]
    return sorted(found, key=lambda each: (each.position, each.key))


def returned_patterns(after: int, up_to: int) -> list[Returned]:
    """Fixed patterns, and expected ones with a limit, that a denial in the range makes return."""
    denials: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for position, _, pattern, ts_ms in _denials(after, up_to):
        denials[pattern].append((position, ts_ms))
    leaders = _watched_leaders(denials)
    states = states_of(leaders) if leaders else {}
    found = []
    for pattern, leader in leaders.items():
        state = states[pattern]
        if (at := _returning(pattern, state, denials[pattern])) is not None:
            found.append(Returned(leader, at, state))
    return sorted(found, key=lambda each: (each.position, each.leader.key))


def runs_before(wanted: EntryFilter, up_to: int, number: int) -> list[Run]:
    """The last ``number`` runs up to a position, in order; not farther back than ``FARTHEST``."""
    rows = arrived(wanted, max(0, up_to - FARTHEST), up_to).order_by("-position")
    return [Run(*row) for row in rows.values_list("position", "recorded_ms")[:number]][::-1]


def runs_between(wanted: EntryFilter, after: int, up_to: int) -> list[Run]:
    rows = arrived(wanted, after, up_to).order_by("position").values_list("position", "recorded_ms")
    return [Run(*row) for row in rows]


def axes_of(positions: Sequence[int]) -> Iterator[tuple[int, frozenset[str]]]:
    """The axes that judged each of these runs."""
    for start in range(0, len(positions), _FETCHED):
        rows = Entry.objects.filter(position__in=positions[start : start + _FETCHED])
        for position, text in rows.values_list("position", "verdicts"):
            yield position, frozenset(verdict.axis for verdict in stored_verdicts.decode(text))


def counted_between(wanted: EntryFilter, since_ms: int, until_ms: int, up_to: int) -> set[int]:
    """Positions of runs in a time, up to a position and not farther back than ``FARTHEST``."""
    rows = arrived(wanted, max(0, up_to - FARTHEST), up_to).filter(recorded_ms__gte=since_ms, recorded_ms__lt=until_ms)
    return set(rows.order_by().values_list("position", flat=True))


def _denials(after: int, up_to: int) -> list[tuple[int, int, int, int]]:
    rows = DenialPattern.objects.filter(entry_id__gt=after, entry_id__lte=up_to).order_by()
    return list(rows.values_list("entry_id", "template_id", "pattern_id", "ts_ms"))


def _watched_leaders(patterns: Collection[int]) -> dict[int, FirstDenied]:
    found: dict[int, FirstDenied] = {}
    for some in _parts(sorted(patterns)):
        rows = Template.objects.filter(pk__in=some, rules=SERVED)
        leaders = [FirstDenied(*row) for row in rows.values_list("pk", "first_position", "key", "axis", "wording")]
        held = TemplateState.objects.filter(
            pk__in=[each.key for each in leaders], change__state__in=("fixed", "expected")
        )
        known = set(held.values_list("pk", flat=True))
        found |= {each.pattern: each for each in leaders if each.key in known}
    return found


def _returning(pattern: int, state: PatternState, denials: Sequence[tuple[int, int]]) -> int | None:
    # The position of the one among these denials that makes it return.
    if state.returned_ms is None:
        return None
    if state.state == "fixed":
        return min((position for position, ts_ms in denials if ts_ms == state.returned_ms), default=None)
    day = day_of(state.returned_ms)
    of_day = {position for position, ts_ms in denials if day_of(ts_ms) == day}
    beyond = _first_beyond(pattern, day, state) if of_day else None
    return beyond if beyond in of_day else None


def _first_beyond(pattern: int, day: int, state: PatternState) -> int | None:
    # The denial beyond the limit; the first after the change if there were too many already.
    seen = StateChange.objects.values_list("seen", flat=True).get(pk=state.change)
    on_day = _positions_on(pattern, day)
    most = state.most_a_day or 0
    beyond = next(iter(on_day[most : most + 1]), None)
    if beyond is None or beyond > seen:
        return beyond
    return on_day.filter(entry_id__gt=seen).first()


def _positions_on(pattern: int, day: int) -> QuerySet[Any]:
    # Of denials on a UTC day, in order of arrival.
    rows = DenialPattern.objects.filter(
        _PLAUSIBLE, pattern=pattern, ts_ms__gte=day * DAY_MS, ts_ms__lt=(day + 1) * DAY_MS
    )
    return rows.order_by("entry_id", "template_id").values_list("entry_id", flat=True)


def _parts(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), _ROWS_AT_ONCE):
        yield values[start : start + _ROWS_AT_ONCE]


def by_position(found: Iterable[Arrived]) -> Mapping[int, Arrived]:
    return {each.position: each for each in found}
