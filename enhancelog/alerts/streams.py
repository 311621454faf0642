"""What is read by position: each rule belongs to one stream, or to none, if time causes its event."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from django.db.models import Max, QuerySet

from enhancelog.alerts import adding, log_events, other_events, rules, watched, window_events
from enhancelog.alerts.adding import Told
from enhancelog.alerts.log_events import Range
from enhancelog.alerts.messages import Rule
from enhancelog.domain import strict_json
from enhancelog.domain.alerts import checked_options, event_of
from enhancelog.domain.errors import Invalid
from enhancelog.models import Alert, AlertProgress, UnfinishedRunChange
from enhancelog.queries.arrivals import needs_derivation
from enhancelog.queries.horizon import grouped, touched
from enhancelog.queries.patterns.served import rebuilding
from enhancelog.store import audit
from enhancelog.store.database import last_position

_OF_PATTERNS: Final = ("pattern.new", "pattern.returned")
_OF_WINDOWS: Final = ("rate.high", "axis.silent")
# The fields of the progress that rules of an event may follow.
FIELDS: Final = {
    "entry.rejected": ("log_position", "pattern_position"),
    **dict.fromkeys(_OF_PATTERNS, ("pattern_position",)),
    **dict.fromkeys(_OF_WINDOWS, ("window_position",)),
    "mention": ("audit_position",),
    "run.unfinished": ("run_position",),
}

ByEvent = Mapping[str, Sequence[Rule]]


class Ends(NamedTuple):
    # The last positions that there are.

    log: int
    audit: int
    runs: int


class Stream(NamedTuple):
    # ``progress`` and ``start``: fields of the progress and of an alert. ``rules``: all of its events, some with none.

    progress: str
    start: str
    rules: ByEvent
    last: int
    reads: Callable[[ByEvent, Range], list[Told]]

    @property
    def every_rule(self) -> list[Rule]:
        return [rule for some in self.rules.values() for rule in some]

    def reached(self, progress: AlertProgress) -> int:
        """Before the first rule's beginning, there is nothing to evaluate."""
        begin: int = min(getattr(rule.alert, self.start) for rule in self.every_rule)
        reached: int = getattr(progress, self.progress)
        return max(reached, begin)

    def find(self, some: Sequence[Rule], span: Range) -> list[Told]:
        by_event = {event: [rule for rule in some if rule.alert.event == event] for event in self.rules}
        return self.reads(by_event, span)


def ends() -> Ends:
    runs = UnfinishedRunChange.objects.aggregate(last=Max("pk"))["last"] or 0
    return Ends(last_position(), audit.last_position(), int(runs))


def evaluated_alerts() -> QuerySet[Alert]:
    return Alert.objects.filter(off_ms=None, owner__is_active=True).select_related("view", "owner").order_by("pk")


def rule_of(alert: Alert, now_ms: int) -> Rule:
    """Raises ``Invalid`` if it has nothing to watch."""
    if alert.has_view and alert.view is None:
        raise Invalid("", "deleted", rules.NO_VIEW)
    seen = watched.read(alert.view.url, now_ms) if alert.view else watched.EVERYTHING
    return Rule(alert, checked_options(alert.event, strict_json.parse(alert.options)), seen)


def of_rules(found: Sequence[Rule], last: Ends) -> list[Stream]:
    plain: defaultdict[str, list[Rule]] = defaultdict(list)
    derived: defaultdict[str, list[Rule]] = defaultdict(list)
    for rule in found:
        event = event_of(rule.alert.event)
        waits = event in _OF_PATTERNS or needs_derivation(rule.watched.wanted)
        (derived if waits else plain)[event].append(rule)
    of_log = {"entry.rejected": plain["entry.rejected"]}
    of_patterns = {event: derived[event] for event in (*_OF_PATTERNS, "entry.rejected")}
    of_windows = {event: [*plain[event], *derived[event]] for event in _OF_WINDOWS}
    audited, runs = ({event: plain[event]} for event in ("mention", "run.unfinished"))
    return [
        Stream("log_position", "log_position", of_log, last.log, _of_log),
        Stream("pattern_position", "log_position", of_patterns, _derived(of_patterns, last), _of_patterns),
        Stream("audit_position", "audit_position", audited, last.audit, _of_audit),
        Stream("run_position", "run_position", runs, last.runs, _of_runs),
        Stream("window_position", "log_position", of_windows, _derived(of_windows, last), _of_windows),
    ]


def _derived(by_event: ByEvent, last: Ends) -> int:
    # Of the log, no further than what the rules read is derived.
    found = [last.log]
    waits = any(needs_derivation(rule.watched.wanted) for some in by_event.values() for rule in some)
    if waits or any(by_event.get(event) for event in _OF_PATTERNS):
        # While patterns are rebuilt, those of new entries are not known.
        found.append(grouped().up_to if rebuilding() is None else 0)
    if waits:
        found.append(touched().up_to)
    return min(found)


def _of_log(by_event: ByEvent, span: Range) -> list[Told]:
    return log_events.rejected_entries(by_event["entry.rejected"], span)


def _of_patterns(by_event: ByEvent, span: Range) -> list[Told]:
    new = log_events.new_patterns(by_event["pattern.new"], span)
    returned = log_events.returned_patterns(by_event["pattern.returned"], span)
    return [*map(adding.ready, [*new, *returned]), *_of_log(by_event, span)]


def _of_audit(by_event: ByEvent, span: Range) -> list[Told]:
    return [adding.ready(each) for each in other_events.mentions(by_event["mention"], span)]


def _of_runs(by_event: ByEvent, span: Range) -> list[Told]:
    return [adding.ready(each) for each in other_events.unfinished_runs(by_event["run.unfinished"], span)]


def _of_windows(by_event: ByEvent, span: Range) -> list[Told]:
    reader = window_events.Reader(span)
    high = window_events.high_rates(by_event["rate.high"], reader)
    silent = window_events.silent_axes(by_event["axis.silent"], reader)
    return [adding.ready(each) for each in (*high, *silent)]
