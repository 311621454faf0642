import msgspec

from enhancelog.domain.intervals import Rate


class IntentsByAttempt(msgspec.Struct):
    """Intents by the number of their last attempt."""

    first: int
    second: int
    third: int
    further: int


class TimeRange(msgspec.Struct):
    """In ms, from the first to before the second; ``below_ms`` is null after more attempts than are followed."""

    from_ms: int
    below_ms: int | None


class TimeToApplied(msgspec.Struct):
    """From the first attempt to the applied one, of ``intents`` that took more than one; null if there are none."""

    intents: int
    median: TimeRange | None
    p90: TimeRange | None


class FunnelFigures(msgspec.Struct):
    """``first_attempts``: first attempts that were applied, of all. The other rates: of intents that ended."""

    first_attempts: Rate
    applied_first: Rate
    applied_later: Rate
    given_up: Rate
    applied_after: IntentsByAttempt
    given_up_after: IntentsByAttempt
    time_to_applied: TimeToApplied


class FunnelOfBlueprint(FunnelFigures):
    blueprint_id: str


class FunnelOfTime(FunnelFigures):
    """Epoch ms; ``until_ms`` is exclusive."""

    since_ms: int
    until_ms: int


class FunnelResult(FunnelFigures):
    """``unfinished``: runs of these days that never reached the log, at most 10,001. ``blueprints``: most intents
    first. ``over_time``: bars of a chart, oldest first.
    """

    unfinished: int
    blueprints: list[FunnelOfBlueprint]
    over_time: list[FunnelOfTime]
