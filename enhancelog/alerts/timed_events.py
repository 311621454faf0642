"""What time causes: no run for long, and digests."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from enhancelog import links
from enhancelog.alerts import digests
from enhancelog.alerts.messages import Rule, about, message_id, waiting
from enhancelog.alerts.watched import without_times
from enhancelog.domain.alert_events import SilentRuns
from enhancelog.domain.alerts import WEEKDAYS, DigestOptions, SilenceOptions
from enhancelog.domain.times import HOUR_MS
from enhancelog.models import Delivery
from enhancelog.queries import arrivals
from enhancelog.queries.arrivals import Arrived
from enhancelog.store.database import last_position

# Ids name what is missing or the day, never the clock, so a clock that jumps repeats nothing.

_DAYS: Final = {"day": 1, "week": 7}
# A digest takes many statements, so a step makes few.
DIGESTS_AT_ONCE: Final = 2
# When to look for a rule's last run again, which may mean reading many others.
_looks_ms: Final[dict[tuple[str, int, int], int]] = {}
_LOOKS_AGAIN_MS: Final = 600_000  # while a silence that was reported goes on; less than the shortest silence
_MOST_NOTED: Final = 10_000


class Due(NamedTuple):
    """``on``: the local date, which names the digest."""

    rule: Rule
    on: str
    since_ms: int
    until_ms: int

    @property
    def cause(self) -> tuple[str, str]:
        return "digest", self.on


def silent_runs(rules: Sequence[Rule], now_ms: int) -> list[Delivery]:
    """One message for each last run."""
    if not rules:
        return []
    last = last_position()
    found = []
    known: dict[object, Arrived | None] = {}
    for rule in rules:
        if not isinstance(rule.options, SilenceOptions) or not _may_be_silent(rule, rule.options, now_ms):
            continue
        wanted = without_times(rule.watched.wanted)
        key = arrivals.key_of(wanted)
        if key not in known:
            runs = arrivals.runs_before(wanted, last, 1)
            known[key] = arrivals.entries([runs[0].position])[0] if runs else None
        at_ms = _silent_at_ms(rule, rule.options, known[key])
        if now_ms < at_ms:
            _note(rule, at_ms)
            continue
        message = _silence(rule, rule.options, known[key], now_ms)
        if Delivery.objects.filter(pk=message.pk).exists():
            _note(rule, now_ms + _LOOKS_AGAIN_MS)
        else:
            found.append(message)
    return found


def _may_be_silent(rule: Rule, options: SilenceOptions, now_ms: int) -> bool:
    looks_ms = _looks_ms.get(_key(rule), 0)
    # A time further ahead than it can be was noted before the clock went back.
    return not now_ms < looks_ms <= now_ms + options.hours * HOUR_MS


def _silent_at_ms(rule: Rule, options: SilenceOptions, run: Arrived | None) -> int:
    return max(rule.alert.since_ms, run.recorded_ms if run else 0) + options.hours * HOUR_MS


def _note(rule: Rule, looks_ms: int) -> None:
    if len(_looks_ms) >= _MOST_NOTED:
        _looks_ms.clear()
    _looks_ms[_key(rule)] = looks_ms


def _key(rule: Rule) -> tuple[str, int, int]:
    return str(rule.alert.pk), rule.alert.version, rule.alert.since_ms


def _silence(rule: Rule, options: SilenceOptions, run: Arrived | None, now_ms: int) -> Delivery:
    view = rule.alert.view
    data = SilentRuns(
        alert=about(rule.alert),
        url=links.absolute(links.at(view.url) if view else links.runs()),
        hours=options.hours,
        last_ms=run.recorded_ms if run else None,
        last_issue_id=run.issue_id if run else None,
    )
    # Also from when it is on: switched off and on again, it is a new silence.
    cause = ("silence", run.position if run else 0, rule.alert.since_ms)
    return waiting(rule.alert, data, now_ms, now_ms, *cause)


def due_digests(rules: Sequence[Rule], now_ms: int) -> list[Due]:
    """Those whose last time is past, and that are not made yet."""
    every = [due for rule in rules for due in _due(rule, now_ms)]
    ids = {message_id(due.rule.alert, *due.cause): due for due in every}
    made = set(Delivery.objects.filter(pk__in=list(ids)).values_list("pk", flat=True)) if ids else set()
    return [due for key, due in ids.items() if key not in made]


def digest(due: Due, now_ms: int) -> Delivery:
    data = digests.made(due.rule, due.since_ms, due.until_ms)
    return waiting(due.rule.alert, data, due.until_ms, now_ms, *due.cause)


def _due(rule: Rule, now_ms: int) -> Iterator[Due]:
    options = rule.options
    if not isinstance(options, DigestOptions):
        return
    until = last_time(options, now_ms)
    if rule.alert.since_ms < _ms(until):
        since = _at(until - timedelta(days=_DAYS[options.every]), options)
        yield Due(rule, f"{until:%Y-%m-%d}", _ms(since), _ms(until))


def last_time(options: DigestOptions, now_ms: int) -> datetime:
    """When the latest one was due, by the clock of its time zone."""
    now = datetime.fromtimestamp(now_ms // 1000, UTC).astimezone(ZoneInfo(options.time_zone))
    time = _at(now, options)
    # Compared in UTC: a local hour can be missing or come twice.
    if _ms(time) > now_ms:
        time = _at(time - timedelta(days=1), options)
    if options.every == "week":
        time = _at(time - timedelta(days=(time.weekday() - WEEKDAYS.index(options.weekday)) % 7), options)
    return time


def _at(day: datetime, options: DigestOptions) -> datetime:
    return datetime(day.year, day.month, day.day, options.hour, tzinfo=ZoneInfo(options.time_zone))


def _ms(time: datetime) -> int:
    return int(time.timestamp()) * 1000
