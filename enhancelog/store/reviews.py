"""Sets reviews. Callers check permissions, that the axis denied the run, and that the seed drew it."""

from typing import Any

from enhancelog.backends import dialect, faults
from enhancelog.domain.origin import Origin
from enhancelog.domain.reviews import Denied, NewReview, reviewer
from enhancelog.domain.times import now_ms
from enhancelog.models import Review
from enhancelog.store import audit


def review(denied: Denied, new: NewReview, seed: int | None, origin: Origin) -> bool:
    """Returns whether it is the reviewer's first of this denial. ``None`` keeps the seed that a review has."""
    with faults(), dialect().appending():
        about: dict[str, Any] = {"position": denied.position, "axis": denied.axis, "reviewer": reviewer(origin)}
        before = Review.objects.filter(**about).first()
        kept = before.seed if before is not None and seed is None else seed
        said = {"verdict": new.verdict, "reason": new.reason, "seed": kept}
        if before is not None and _said(before) == said:
            return False
        Review.objects.update_or_create(**about, defaults={**said, "made_ms": now_ms()})
        earlier = None if before is None else _said(before)
        audit.record("review.set", origin, "entry", denied.issue_id, axis=denied.axis, before=earlier, after=said)
    return before is None


def _said(row: Review) -> dict[str, Any]:
    return {"verdict": row.verdict, "reason": row.reason, "seed": row.seed}
