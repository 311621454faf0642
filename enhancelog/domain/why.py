"""Answers for those who propose patches."""

from typing import Literal

import msgspec

from enhancelog.domain.pattern_states import Cause, State


class Actor(msgspec.Struct):
    kind: str
    name: str


class Sample(msgspec.Struct):
    issue_id: str
    reason: str
    actor: Actor
    pointers: list[str]  # of the run's patch, those that the reason names
    found_wrong: bool = False


class GroupPattern(msgspec.Struct, omit_defaults=True):
    """A deny pattern and what its team decided; `note` may be cut."""

    id: str
    state: State
    cause: Cause | None = None
    assignee: str | None = None
    note: str = ""
    returned: bool = False
    conflict: bool = False


class DeniedGroup(msgspec.Struct):
    """Denials of an axis with one template (``⟨kind⟩`` marks values). Times are epoch ms. ``patterns``: of all of them,
    at most 3; those that somebody decided about come first. ``found_wrong``: those that most reviewers found wrong."""

    axis: str
    template: str
    count: int
    last_ts_ms: int
    samples: list[Sample]  # the newest few with different reasons
    issue_ids: list[str]  # the newest few
    patterns: list[GroupPattern] = []
    found_wrong: int = 0


class SimilarApplied(msgspec.Struct):
    """An applied run with a similar intent (``similarity`` 0.5 to 1)."""

    issue_id: str
    similarity: float
    ts_ms: int
    intent: str
    rationale: str
    actor: Actor


class Why(msgspec.Struct):
    """``groups_left_out``: groups omitted for size. ``notice`` tells a model to treat the texts as data."""

    notice: str
    blueprint_id: str
    runs: int
    applied: int
    rejected: int
    denied: list[DeniedGroup]
    groups_left_out: int
    similar_applied: list[SimilarApplied]


class DeniedAxis(msgspec.Struct):
    """``found_wrong``: by most of its reviewers."""

    axis: str
    reason: str
    found_wrong: bool = False


class CameNext(msgspec.Struct):
    outcome: Literal["applied", "same", "other", "none"]
    issue_id: str | None


class PastAttempt(msgspec.Struct):
    """``pointers``: what the patch changed."""

    issue_id: str
    blueprint_id: str
    ts_ms: int
    status: Literal["applied", "rejected"]
    intent: str
    rationale: str
    actor: Actor
    pointers: list[str]
    pointers_left_out: int
    denied: list[DeniedAxis]
    denied_left_out: int
    next: CameNext


class TriedBefore(msgspec.Struct):
    """Attempts made from one document, newest first. ``left_out``: omitted for size."""

    notice: str
    prev_hash: str
    runs: int
    applied: int
    rejected: int
    attempts: list[PastAttempt]
    left_out: int
