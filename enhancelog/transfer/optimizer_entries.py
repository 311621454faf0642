"""An optimizer's attempt as an entry."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from blake3 import blake3

from enhancelog.domain import records
from enhancelog.domain.reasons import reasons
from enhancelog.domain.records import Entry, Verdict

MAX_RECORD_BYTES: Final = 16 << 20  # of one record: the texts before and after, and often the prompts
_META_CHARACTERS: Final = 200

Meta = Mapping[str, str | int | float | bool | None]


class Options(NamedTuple):
    """``max_bytes``: of an entry. ``least``: metric to threshold. ``started_ms``: of a log without times."""

    blueprint_id: str
    max_bytes: int
    least: Mapping[str, float] = {}
    started_ms: int | None = None


class Attempt(NamedTuple):
    """``before`` and ``after``: hashes. What is ``None`` in ``meta`` is left out."""

    issue_id: str
    before: str
    after: str
    intent: str
    rationale: str
    verdicts: Sequence[Verdict]
    ts_ms: int
    meta: Meta


def entry(attempt: Attempt, options: Options) -> Entry:
    """Applied where no axis denied it. Raises ``Invalid``."""
    denied = reasons(attempt.verdicts)
    ended = {"candidate_hash": attempt.after} if denied and attempt.after else {}
    return records.from_values(
        max_bytes=options.max_bytes,
        issue_id=attempt.issue_id,
        blueprint_id=options.blueprint_id,
        prev_hash=attempt.before,
        new_hash="" if denied else attempt.after,
        intent=attempt.intent,
        rationale=attempt.rationale,
        verdicts=attempt.verdicts,
        status="rejected" if denied else "applied",
        reasons=denied,
        ts_ms=attempt.ts_ms,
        meta={key: _meta_value(value) for key, value in attempt.meta.items() if _is_notable(value)},
        **ended,
    )


def text_hash(text: str) -> str:
    return blake3(text.encode()).hexdigest()


def number(value: Any) -> float | None:
    """``None`` if it is no finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def shown(value: float) -> str:
    return f"{value:.10g}"


def _is_notable(value: object) -> bool:
    return isinstance(value, str | bool) or number(value) is not None


def _meta_value(value: Any) -> Any:
    return value[:_META_CHARACTERS] if isinstance(value, str) else value
