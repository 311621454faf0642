"""Rules whose evaluation failed: they leave the others, are tried again by themselves, and join them once caught up."""

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from django.db import Error, transaction
from django.db.models import F

from enhancelog.alerts import adding, holding
from enhancelog.alerts.adding import MOST_NEW, Told
from enhancelog.alerts.messages import Rule
from enhancelog.domain.errors import StoreError, WrongSchema
from enhancelog.models import Alert, AlertProgress
from enhancelog.store import redacted
from enhancelog.store.database import last_position

# A rule belongs to one stream of positions. When it leaves, the others go on, and its own position says where it
# stopped; it reads from there to where the others are.

RETRY_MS: Final = 60_000
AT_ONCE: Final = 10  # of these rules in a step: each has statements of its own
_NO_LONGER: Final = {"stuck_since_ms": None, "stuck_why": "", "retry_ms": None}

_log = logging.getLogger(__name__)


class Failed(NamedTuple):
    alert: Alert
    error: Exception


class Tried(NamedTuple):
    told: list[Told]
    failed: list[Failed]
    redactions: int  # how many there were when the log was read


def is_apart(alert: Alert) -> bool:
    return alert.stuck_since_ms is not None or alert.own_position is not None


def due(rules: Iterable[Rule], now_ms: int) -> Sequence[Rule]:
    """Those to be tried now, the longest waiting first."""
    found = [rule for rule in rules if is_apart(rule.alert) and is_due(rule.alert, now_ms)]
    return sorted(found, key=lambda rule: rule.alert.retry_ms or 0)[:AT_ONCE]


def is_due(alert: Alert, now_ms: int) -> bool:
    # A time further ahead than it can be was written before the clock went back.
    return alert.retry_ms is None or not now_ms < alert.retry_ms <= now_ms + RETRY_MS


def each_alone(rules: Iterable[Rule], find: Callable[[Rule], list[Told]], redactions: int) -> Tried:
    """For when together they failed."""
    tried = Tried([], [], redactions)
    for rule in rules:
        try:
            found = find(rule)
            _check_messages(found)
        except Exception as error:
            raise_unless_of_a_rule(error)
            tried.failed.append(Failed(rule.alert, error))
        else:
            tried.told.extend(found)
    return tried


def raise_unless_of_a_rule(error: Exception) -> None:
    """A statement that the database refuses may be a rule's fault; a database that answers nothing is no rule's."""
    if isinstance(error, WrongSchema):
        raise error
    if isinstance(error, Error | StoreError):
        last_position()


def leave(failed: Iterable[Failed], position: int | None, now_ms: int) -> None:
    """Call in the transaction in which the others go on. ``position``: where it stopped; ``None`` for what it does not
    read by position."""
    for alert, error in failed:
        # The rest may contain SQL and what others wrote, which is not for the alert's owner.
        why = f"{type(error).__name__}; the server's log says why"
        if alert.stuck_why != why:  # empty before it failed
            _log.error("cannot evaluate alert %s; it is tried again every minute", alert.pk, exc_info=error)
        since_ms = now_ms if alert.stuck_since_ms is None else alert.stuck_since_ms
        own = position if alert.own_position is None else alert.own_position
        Alert.objects.filter(pk=alert.pk).update(
            stuck_since_ms=since_ms, stuck_why=why, retry_ms=now_ms + RETRY_MS, own_position=own
        )


def go_on(alert: Alert, told: Sequence[Told], redactions: int, up_to: int | None = None, field: str = "") -> bool:
    """It was evaluated by itself, up to there. Returns whether there is more to catch up with. ``field``: of the
    others' position. ``redactions``: as in ``Tried``."""
    with transaction.atomic():
        progress = holding.locked()
        if redacted.number() != redactions:
            return True
        joins = up_to is None or getattr(progress, field) <= up_to
        mine = Alert.objects.filter(pk=alert.pk, own_position=alert.own_position)
        if mine.update(**_NO_LONGER, own_position=None if joins else up_to):
            adding.add(told)
            if joins:  # a step that began before knows nothing of it, and must not take the others further
                AlertProgress.objects.filter(pk=holding.ROW).update(joined=F("joined") + 1)
    return not joins


def _check_messages(found: Sequence[Told]) -> None:
    for each in found[:MOST_NEW]:
        each.make()
