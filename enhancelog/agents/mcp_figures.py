"""What the tools about the log as a whole return, as in ``mcp_results``."""

from typing import Literal, NotRequired

from typing_extensions import TypedDict

LeftOut = dict[str, int]  # how many items of a field are not shown


class Rate(TypedDict):
    """``n`` of ``of``, with the bounds of its 95 % confidence interval."""

    n: int
    of: int
    low: float
    high: float


class NextAttempts(TypedDict):
    applied: int
    same: int
    other: int
    none: int


class AxisFigures(TypedDict):
    """``denied``: rejected runs, of those it judged. ``alone``: of these, those that no other axis denied."""

    axis: str
    denied: Rate
    alone: Rate
    next: NextAttempts


class AxisList(TypedDict):
    """``left_out``: axes omitted for size."""

    notice: str
    axes: list[AxisFigures]
    left_out: int


class AxisDetail(AxisFigures):
    """``together``: rejected runs that another axis denied, too. ``blueprints``: runs it denied, of those it judged.
    ``left_out``: axes and Blueprints omitted for size."""

    notice: str
    together: dict[str, int]
    blueprints: dict[str, Rate]
    left_out: int


class WhatIfResult(TypedDict):
    """``passed``: of rejected runs. ``left_out``: Blueprints omitted for size."""

    notice: str
    passed: Rate
    blueprints: dict[str, Rate]
    left_out: int


class IntentsByAttempt(TypedDict):
    first: int
    second: int
    third: int
    further: int


class TimeRange(TypedDict):
    """``below_ms`` null: after more attempts than are followed."""

    from_ms: int
    below_ms: int | None


class TimeToApplied(TypedDict):
    """From the first attempt to the applied one, of ``intents`` that took more than one."""

    intents: int
    median: TimeRange | None
    p90: TimeRange | None


class FunnelFigures(TypedDict):
    """``first_attempts``: that were applied, of all. Other rates: of intents that ended. ``..._after``: by the number
    of the last attempt."""

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
    since_ms: int
    until_ms: int


class FunnelResult(FunnelFigures):
    """``unfinished``: runs that never reached the log. ``over_time``: oldest first."""

    notice: str
    unfinished: int
    blueprints: list[FunnelOfBlueprint]
    over_time: list[FunnelOfTime]
    left_out: LeftOut


class SteadinessOfAxis(TypedDict):
    """``flips``: candidates it judged differently, of those it judged twice; of them ``to_deny`` and ``to_pass``."""

    axis: str
    flips: Rate
    to_deny: int
    to_pass: int


class RepeatedJudgement(TypedDict):
    """``before``: what the axis said in the run ``earlier``; ``after``: in ``later``; pass, deny or absent.
    ``evidence``: by what the candidates are the same, strongest first: hash, operations, words."""

    axis: str
    before: str
    after: str
    earlier: str
    later: str
    evidence: Literal["hash", "operations", "words"]


class DenialUndoneByHand(TypedDict):
    """The candidate that ``issue_id`` was denied became the version of the Blueprint by hand."""

    axis: str
    issue_id: str
    candidate_hash: str
    ts_ms: int


class SteadinessResult(TypedDict):
    """``capped``: only the newest judgements were counted."""

    notice: str
    axes: list[SteadinessOfAxis]
    capped: bool
    flips: list[RepeatedJudgement]
    applied_later: list[RepeatedJudgement]
    made_by_hand: list[DenialUndoneByHand]
    left_out: LeftOut


class ComparedSide(TypedDict):
    """``since_ms``: only the newest entries, from this time, were read."""

    entries: int
    since_ms: int | None


class Bounds(TypedDict):
    low: float
    high: float


class ComparedFeature(TypedDict):
    """``filter`` and ``value`` list the entries with it. ``difference``: 95 % interval of the shares' difference."""

    filter: str
    value: str
    inside: Rate
    outside: Rate
    difference: Bounds
    p: float


class DifferenceResult(TypedDict):
    """``not_compared``: filters with too many values."""

    notice: str
    inside: ComparedSide
    outside: ComparedSide
    tested: int
    not_compared: list[str]
    differences: list[ComparedFeature]
    left_out: int


class Marker(TypedDict):
    """``source``: log if derived, the host, or who set it. Without ``blueprint_id`` or ``axis``, it concerns all."""

    id: str
    ts_ms: int
    kind: str
    title: str
    note: str
    blueprint_id: NotRequired[str]
    axis: NotRequired[str]
    source: str
    hidden: NotRequired[bool]


class MarkerList(TypedDict):
    """``left_out``: older markers."""

    notice: str
    markers: list[Marker]
    left_out: int


class ComparedRate(TypedDict):
    """``low``, ``high``: 95 % interval of the rate after minus the rate before."""

    before: Rate
    after: Rate
    low: float
    high: float
    verdict: Literal["better", "worse", "too_few"]


class ComparedSpan(TypedDict):
    since_ms: int
    until_ms: int
    runs: int


class MarkerComparison(TypedDict):
    """As long before as after. ``axes``, ``blueprints``: rejected runs. ``gone``, ``new``: rejections by pattern."""

    before: ComparedSpan
    after: ComparedSpan
    rejected: ComparedRate
    first_attempts_applied: ComparedRate
    unfinished: ComparedRate
    axes: dict[str, ComparedRate]
    mix_changed: bool
    blueprints: dict[str, ComparedRate]
    gone: dict[str, int]
    new: dict[str, int]


class KnownMarker(Marker):
    """``comparison`` is null if one of the sides has no time."""

    notice: str
    comparison: MarkerComparison | None
    left_out: LeftOut
