import msgspec

from enhancelog.domain.intervals import Rate
from enhancelog.domain.same_candidates import Evidence


class SteadinessOfAxis(msgspec.Struct):
    """``flips``: candidates it judged differently, of those it judged twice; of them ``to_deny`` and ``to_pass``."""

    axis: str
    flips: Rate
    to_deny: int
    to_pass: int


class RepeatedJudgement(msgspec.Struct):
    """``before`` is what the axis said in ``earlier``, ``after`` what it said in ``later``: pass, deny or absent."""

    axis: str
    before: str
    after: str
    earlier: str
    later: str
    evidence: Evidence


class DenialUndoneByHand(msgspec.Struct):
    """The candidate of ``issue_id`` became the Blueprint's version by hand at ``ts_ms``."""

    axis: str
    issue_id: str
    candidate_hash: str
    ts_ms: int


class SteadinessResult(msgspec.Struct):
    """``applied_later`` and ``made_by_hand``: denials that may have been wrong. ``capped``: only the newest judgements
    were counted."""

    axes: list[SteadinessOfAxis]
    capped: bool
    flips: list[RepeatedJudgement]
    applied_later: list[RepeatedJudgement]
    made_by_hand: list[DenialUndoneByHand]
