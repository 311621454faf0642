"""How far alerts are evaluated: only reads, for the operator."""

from collections.abc import Iterator
from typing import Final

from enhancelog.alerts import streams, stuck
from enhancelog.alerts.messages import Rule
from enhancelog.backends import dialect
from enhancelog.domain.installation import Derivation
from enhancelog.models import Alert, AlertProgress

# The name and the unit of each stream, by its field of the progress.
_NAMES: Final = {
    "log_position": ("alerts", "entries"),
    "pattern_position": ("alerts that wait for patterns or places", "entries"),
    "window_position": ("alerts on many runs", "entries"),
    "audit_position": ("alerts on acts", "acts"),
    "run_position": ("alerts on unfinished runs", "changes"),
}


def derivations(now_ms: int) -> list[Derivation]:
    """Of the streams that a rule reads. Rules that are stuck or catch up have a position of their own."""
    with dialect().glance():
        progress = AlertProgress.objects.first()
        if progress is None:
            return []  # nothing was evaluated yet
        found = streams.of_rules(list(_together(now_ms)), streams.ends())
        return [_derivation(stream, stream.reached(progress)) for stream in found if stream.every_rule]


def _derivation(stream: streams.Stream, reached: int) -> Derivation:
    name, unit = _NAMES[stream.progress]
    # While patterns are rebuilt, its end lies before what was reached.
    last = max(stream.last, reached)
    return Derivation(name, unit, reached, last, last - reached)


def _together(now_ms: int) -> Iterator[Rule]:
    for alert in streams.evaluated_alerts():
        if not stuck.is_apart(alert) and (rule := _rule(alert, now_ms)):
            yield rule


def _rule(alert: Alert, now_ms: int) -> Rule | None:
    try:
        return streams.rule_of(alert, now_ms)
    except Exception:
        return None  # the evaluator switches it off, or finds it stuck
