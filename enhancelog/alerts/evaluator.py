"""Finds what rules tell: reads the log, the audit and the clock from where it stopped, and writes the outbox."""

from collections.abc import Callable, Sequence
from typing import Final

from django.db import connection, transaction

from enhancelog.alerts import adding, holding, rules, streams, stuck, telling_owners, timed_events
from enhancelog.alerts.adding import Told
from enhancelog.alerts.log_events import Range
from enhancelog.alerts.messages import Rule
from enhancelog.alerts.streams import Ends, Stream
from enhancelog.alerts.stuck import Failed, Tried
from enhancelog.alerts.timed_events import Due
from enhancelog.backends import dialect, faults
from enhancelog.domain.errors import Invalid
from enhancelog.domain.times import now_ms as clock_ms
from enhancelog.models import Alert, AlertProgress
from enhancelog.store import redacted

# Messages and the new position commit together. Ids are derived from what caused a message, so two servers, or one that
# was killed, double nothing.

POSITIONS_AT_ONCE: Final = 1_000
# Each entry may be a message of each of these rules; so with many of them, a step reads fewer entries.
MOST_MESSAGES: Final = 2_000
# What many runs or the clock cause is looked for so often.
TICK_MS: Final = 60_000

_OF_TIME: Final = ("runs.silent", "digest")


def step(now_ms: int | None = None, most: int = POSITIONS_AT_ONCE) -> bool:
    """A bounded part of what waits; returns whether there may be more. ``most``: positions of each kind. Raises
    ``Other``."""
    now = clock_ms() if now_ms is None else now_ms
    with faults():
        if not Alert.objects.filter(off_ms=None).exists():
            return False
        ends = streams.ends()  # before the rules, so that nothing lies between a new rule and its beginning
        progress = holding.progress()  # before them, too, see ``stuck.go_on``
        found = _rules(progress, now)
        together = [rule for rule in found if not stuck.is_apart(rule.alert)]
        *others, windows = streams.of_rules(together, ends)
        works = [_advance(stream, progress, now, most) for stream in others]
        works.append(_tick(together, windows, progress, now, most))
        return any([*works, *(_retry(rule, ends, progress, now, most) for rule in stuck.due(found, now))])


def _rules(progress: AlertProgress, now_ms: int) -> list[Rule]:
    found = []
    for alert in streams.evaluated_alerts():
        try:
            rule = _rule(alert, now_ms)
        except Exception as error:
            stuck.raise_unless_of_a_rule(error)
            if stuck.is_due(alert, now_ms):
                stuck.leave([Failed(alert, error)], _position(alert, progress), now_ms)
        else:
            found += [rule] if rule else []
    return found


def _rule(alert: Alert, now_ms: int) -> Rule | None:
    # ``None``: it has nothing to watch and is switched off.
    try:
        return streams.rule_of(alert, now_ms)
    except Invalid as error:
        why = f"its saved view {error.detail}" if error.field == "view" else str(error)
        telling_owners.switch_off(alert, why)
        return None


def _position(alert: Alert, progress: AlertProgress) -> int | None:
    # Where one that cannot be read stopped, at the latest. Whether it waits for patterns is not known then, so it may
    # miss what was appended within the seconds that they take.
    fields = streams.FIELDS.get(alert.event, ())
    return max((getattr(progress, name) for name in fields), default=None)


def _advance(stream: Stream, progress: AlertProgress, now_ms: int, most: int) -> bool:
    # Whether it moved.
    wanted = stream.every_rule
    if not wanted:
        return False
    after = stream.reached(progress)
    if stream.last <= after:
        return False
    of_each_entry = adding.with_room([str(rule.alert.pk) for rule in stream.rules.get("entry.rejected", ())])
    size = max(1, min(most, MOST_MESSAGES // of_each_entry)) if of_each_entry else most
    span = Range(after, min(stream.last, after + size), now_ms)
    _try(
        _awake(wanted, now_ms),
        find=lambda some: stream.find(some, span),
        commit=lambda tried: _commit(progress, stream.progress, span, tried),
    )
    return True


def _tick(found: Sequence[Rule], windows: Stream, progress: AlertProgress, now_ms: int, most: int) -> bool:
    # A clock that went back, or far ahead and back, is a tick, too.
    if abs(now_ms - progress.time_ms) < TICK_MS:
        return False
    if _advance(windows, progress, now_ms, most):
        return True
    further: list[Due] = []

    def find(some: Sequence[Rule]) -> list[Told]:
        due = _due_digests(some, now_ms)
        further.extend(due[timed_events.DIGESTS_AT_ONCE :])
        return _of_time(some, due[: timed_events.DIGESTS_AT_ONCE], now_ms)

    def commit(tried: Tried) -> None:
        span = Range(progress.time_ms, progress.time_ms if further else now_ms, now_ms)
        _commit(progress, "time_ms", span, tried)

    _try([rule for rule in _awake(found, now_ms) if rule.alert.event in _OF_TIME], find, commit)
    return bool(further)


def _try(rules: Sequence[Rule], find: Callable[[Sequence[Rule]], list[Told]], commit: Callable[[Tried], None]) -> None:
    redactions = redacted.number()
    try:
        commit(Tried(find(rules), [], redactions))
    except Exception as error:
        stuck.raise_unless_of_a_rule(error)
        commit(stuck.each_alone(rules, lambda rule: find([rule]), redactions))


def _commit(progress: AlertProgress, field: str, span: Range, tried: Tried) -> None:
    # Nothing, if another process was faster, a rule has joined these since, or what was read has been redacted.
    same = {field: getattr(progress, field), "joined": progress.joined}
    with transaction.atomic(), connection.cursor() as cursor:
        dialect().require_schema(cursor)
        holding.locked()
        if redacted.number() != tried.redactions:
            return
        if AlertProgress.objects.filter(pk=holding.ROW, **same).update(**{field: span.up_to}):
            adding.add(tried.told)
            stuck.leave(tried.failed, None if field == "time_ms" else span.after, span.now_ms)


def _retry(rule: Rule, ends: Ends, progress: AlertProgress, now_ms: int, most: int) -> bool:
    # Of a rule that is stuck, or behind the others. Whether it moved, and has further to go.
    redactions = redacted.number()
    try:
        stream = next((each for each in streams.of_rules([rule], ends) if each.every_rule), None)
        if stream is None:
            return stuck.go_on(rule.alert, _alone_of_time(rule, now_ms), redactions)
        return _catch_up(rule, stream, progress, redactions, now_ms, most)
    except Exception as error:
        stuck.raise_unless_of_a_rule(error)
        with transaction.atomic():
            stuck.leave([Failed(rule.alert, error)], None, now_ms)
        return False


def _catch_up(rule: Rule, stream: Stream, progress: AlertProgress, redactions: int, now_ms: int, most: int) -> bool:
    reached = getattr(progress, stream.progress)
    own = reached if rule.alert.own_position is None else rule.alert.own_position
    if own >= reached:
        return stuck.go_on(rule.alert, [], redactions, own, stream.progress)
    up_to = min(reached, stream.last, own + min(most, MOST_MESSAGES))
    if up_to <= own:  # patterns are derived again
        return False
    span = Range(own, up_to, now_ms)
    told = stream.find(_awake([rule], now_ms), span)
    return stuck.go_on(rule.alert, told, redactions, up_to, stream.progress)


def _alone_of_time(rule: Rule, now_ms: int) -> list[Told]:
    awake = _awake([rule], now_ms)
    return _of_time(awake, _due_digests(awake, now_ms), now_ms)


def _due_digests(some: Sequence[Rule], now_ms: int) -> list[Due]:
    return timed_events.due_digests([rule for rule in some if rule.alert.event == "digest"], now_ms)


def _of_time(some: Sequence[Rule], due: Sequence[Due], now_ms: int) -> list[Told]:
    silent = timed_events.silent_runs([rule for rule in some if rule.alert.event == "runs.silent"], now_ms)
    return [adding.ready(each) for each in (*silent, *(timed_events.digest(each, now_ms) for each in due))]


def _awake(some: Sequence[Rule], now_ms: int) -> list[Rule]:
    return [rule for rule in some if not rules.is_snoozed(rule.alert, now_ms)]
