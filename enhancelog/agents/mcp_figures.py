"""What the tools about the log as a whole return, as in ``mcp_results``."""

from typing import Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from enhancelog.domain.marker_figures import Effect

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


class ReviewRates(TypedDict):
    """Denials reviewed, by what was found."""

    wrong: Rate
    right: int
    unclear: int


class ReviewFigures(TypedDict):
    drawn: Annotated[ReviewRates, Field(description="drawn at random: tells how often the axis is wrong")]
    chosen: Annotated[ReviewRates, Field(description="chosen by a reviewer, so no sample of all denials")]


class AxisDetail(AxisFigures):
    """``together``: rejected runs that another axis denied, too. ``blueprints``: runs it denied, of those it judged.
    ``reviews``: of all times. ``left_out``: axes and Blueprints omitted for size."""

    notice: str
    together: dict[str, int]
    blueprints: dict[str, Rate]
    reviews: NotRequired[ReviewFigures]
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
    from_ms: int
    below_ms: Annotated[int | None, Field(description="null: more attempts than are followed")]


class TimeToApplied(TypedDict):
    intents: Annotated[int, Field(description="that took more than one attempt")]
    median: TimeRange | None
    p90: TimeRange | None


class FunnelFigures(TypedDict):
    first_attempts: Annotated[Rate, Field(description="applied, of all first attempts")]
    applied_first: Annotated[Rate, Field(description="of intents that ended, as the rates that follow")]
    applied_later: Rate
    given_up: Rate
    applied_after: Annotated[IntentsByAttempt, Field(description="by the number of the last attempt")]
    given_up_after: IntentsByAttempt
    time_to_applied: TimeToApplied


class FunnelOfBlueprint(FunnelFigures):
    blueprint_id: str


class FunnelOfTime(FunnelFigures):
    since_ms: int
    until_ms: int


class FunnelResult(FunnelFigures):
    notice: str
    unfinished: Annotated[int, Field(description="runs that never reached the log")]
    blueprints: list[FunnelOfBlueprint]
    over_time: Annotated[list[FunnelOfTime], Field(description="oldest first")]
    left_out: LeftOut


class SteadinessOfAxis(TypedDict):
    axis: str
    flips: Annotated[Rate, Field(description="candidates judged differently, of those judged twice")]
    to_deny: int
    to_pass: int


class RepeatedJudgement(TypedDict):
    axis: str
    before: Annotated[str, Field(description="pass, deny or absent, in the run earlier")]
    after: Annotated[str, Field(description="likewise, in the run later")]
    earlier: str
    later: str
    evidence: Annotated[
        Literal["hash", "operations", "words"],
        Field(description="by what the candidates are the same, strongest first"),
    ]


class DenialUndoneByHand(TypedDict):
    axis: str
    issue_id: Annotated[str, Field(description="the denied run, whose candidate became a version by hand")]
    candidate_hash: str
    ts_ms: int


class SteadinessResult(TypedDict):
    notice: str
    axes: list[SteadinessOfAxis]
    capped: Annotated[bool, Field(description="true: only the newest judgements were counted")]
    flips: list[RepeatedJudgement]
    applied_later: list[RepeatedJudgement]
    made_by_hand: list[DenialUndoneByHand]
    left_out: LeftOut


class ComparedSide(TypedDict):
    entries: int
    since_ms: Annotated[int | None, Field(description="only the newest entries, from this time, were read; null: all")]


class Bounds(TypedDict):
    low: float
    high: float


class ComparedFeature(TypedDict):
    filter: Annotated[str, Field(description="with value, the filter that lists the entries with it")]
    value: str
    inside: Rate
    outside: Rate
    difference: Annotated[Bounds, Field(description="95 % interval of the share inside minus the share outside")]
    p: float


class DifferenceResult(TypedDict):
    notice: str
    inside: ComparedSide
    outside: ComparedSide
    tested: int
    not_compared: Annotated[list[str], Field(description="filters with too many values")]
    differences: list[ComparedFeature]
    left_out: int


class Marker(TypedDict):
    id: str
    ts_ms: int
    kind: str
    title: str
    note: str
    blueprint_id: NotRequired[Annotated[str, Field(description="missing: all")]]
    axis: NotRequired[Annotated[str, Field(description="missing: all")]]
    source: Annotated[str, Field(description="log if derived, the host, or who set it")]
    hidden: NotRequired[bool]


class MarkerList(TypedDict):
    notice: str
    markers: list[Marker]
    left_out: Annotated[int, Field(description="older markers")]


class ComparedRate(TypedDict):
    before: Rate
    after: Rate
    difference: Annotated[Bounds, Field(description="the 95 % interval of the rate after minus the rate before")]
    effect: Effect


class ComparedSpan(TypedDict):
    since_ms: int
    until_ms: int
    runs: int


class MarkerComparison(TypedDict):
    before: ComparedSpan
    after: ComparedSpan
    rejected: ComparedRate
    first_attempts_applied: ComparedRate
    unfinished: ComparedRate
    axes: Annotated[dict[str, ComparedRate], Field(description="rejected runs, of those judged")]
    mix_changed: bool
    blueprints: dict[str, ComparedRate]
    gone: Annotated[dict[str, int], Field(description="rejections by pattern")]
    new: Annotated[dict[str, int], Field(description="rejections by pattern")]


class KnownMarker(Marker):
    notice: str
    comparison: Annotated[MarkerComparison | None, Field(description="null: one of the sides has no time")]
    left_out: LeftOut


class PatternState(TypedDict):
    """``id``: of the pattern that now has the requested one. ``change``: the id of this change."""

    notice: str
    id: str
    change: int
    state: Literal["new", "acknowledged", "expected", "fixed"]
    cause: str | None
    assignee: str | None
    note: str
    most_a_day: int | None
    changed_by: str | None
    changed_by_kind: str | None
    changed_ms: int | None
    returned_ms: int | None
    returned_by: str | None
    conflict: bool
