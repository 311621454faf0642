"""What single entries cause: rejected ones, and patterns that are new or returned."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple, TypeVar

from enhancelog import links
from enhancelog.alerts.adding import MOST_NEW, Told
from enhancelog.alerts.messages import Rule, about, short, waiting
from enhancelog.domain import records
from enhancelog.domain.alert_events import MOST_LISTED, NewPattern, RejectedEntry, ReturnedPattern
from enhancelog.models import Delivery
from enhancelog.queries import arrivals
from enhancelog.queries.arrivals import Arrived, FirstDenied, Returned

_Found = TypeVar("_Found", FirstDenied, Returned)


class Range(NamedTuple):
    """Positions after the first, up to the last; and the time now."""

    after: int
    up_to: int
    now_ms: int


def rejected_entries(rules: Sequence[Rule], span: Range) -> list[Told]:
    positions = arrivals.rejected(span.after, span.up_to) if rules else []
    if not positions:
        return []
    matched = _Matched(rules, span)
    found = [(rule, [position for position in positions if matched.has(rule, position)]) for rule in rules]
    # An entry may have megabytes, and no more of a rule become messages.
    entries = arrivals.by_position(arrivals.entries(each for _, some in found for each in some[:MOST_NEW]))
    return [
        Told(str(rule.alert.pk), partial(_of_rejected, rule, entries, position, span.now_ms), is_one_of_many=True)
        for rule, some in found
        for position in some
    ]


def new_patterns(rules: Sequence[Rule], span: Range) -> list[Delivery]:
    found = arrivals.new_patterns(span.after, span.up_to) if rules else []
    return [
        waiting(rule.alert, _new(rule, each, entry), entry.recorded_ms, span.now_ms, "pattern", each.position, each.key)
        for rule, each, entry in _matched(rules, span, found)
    ]


def returned_patterns(rules: Sequence[Rule], span: Range) -> list[Delivery]:
    found = arrivals.returned_patterns(span.after, span.up_to) if rules else []
    return [
        waiting(rule.alert, _returned(rule, each, entry), entry.recorded_ms, span.now_ms, "returned", each.state.change)
        for rule, each, entry in _matched(rules, span, found)
    ]


def _matched(rules: Sequence[Rule], span: Range, found: Sequence[_Found]) -> Iterator[tuple[Rule, _Found, Arrived]]:
    # What each rule watches, with its entry.
    if found:
        matched = _Matched(rules, span)
        entries = arrivals.by_position(arrivals.entries(each.position for each in found))
        for rule in rules:
            for each in found:
                if matched.has(rule, each.position):
                    yield rule, each, entries[each.position]


class _Matched:
    # Which entries of the range each rule watches.

    def __init__(self, rules: Iterable[Rule], span: Range) -> None:
        filters = [rule.watched.wanted for rule in rules if not arrivals.is_everything(rule.watched.wanted)]
        self._positions = arrivals.matching(filters, span.after, span.up_to)

    def has(self, rule: Rule, position: int) -> bool:
        if position <= rule.alert.log_position:
            return False
        wanted = rule.watched.wanted
        return arrivals.is_everything(wanted) or position in self._positions[arrivals.key_of(wanted)]


def _of_rejected(rule: Rule, entries: Mapping[int, Arrived], position: int, now_ms: int) -> Delivery:
    entry = entries[position]
    return waiting(rule.alert, _rejected(rule, entry), entry.recorded_ms, now_ms, "entry", position)


def _rejected(rule: Rule, entry: Arrived) -> RejectedEntry:
    denied = records.denied(records.decode_verdicts(entry.verdicts))
    return RejectedEntry(
        alert=about(rule.alert),
        url=links.absolute(links.entry(entry.issue_id)),
        issue_id=entry.issue_id,
        blueprint_id=entry.blueprint_id,
        source=entry.source,
        ts_ms=entry.ts_ms,
        intent=short(entry.intent),
        axes=list(denied)[:MOST_LISTED],
        reasons=[short(reason) for reason in records.decode_texts(entry.reasons)[:MOST_LISTED]],
    )


def _new(rule: Rule, found: FirstDenied, entry: Arrived) -> NewPattern:
    return NewPattern(
        alert=about(rule.alert),
        url=links.absolute(links.pattern(found.key)),
        pattern=found.key,
        axis=found.axis,
        template=short(found.wording),
        issue_id=entry.issue_id,
        blueprint_id=entry.blueprint_id,
        entry_url=links.absolute(links.entry(entry.issue_id)),
    )


def _returned(rule: Rule, found: Returned, entry: Arrived) -> ReturnedPattern:
    leader, state = found.leader, found.state
    return ReturnedPattern(
        alert=about(rule.alert),
        url=links.absolute(links.pattern(leader.key)),
        pattern=leader.key,
        axis=leader.axis,
        template=short(leader.wording),
        state=state.state,
        changed_by=state.changed_by or "",
        changed_ms=state.changed_ms or 0,
        note=short(state.note),
        issue_id=entry.issue_id,
        blueprint_id=entry.blueprint_id,
        entry_url=links.absolute(links.entry(entry.issue_id)),
    )
