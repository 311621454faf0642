"""What a check of a commit found."""

from collections.abc import Iterable, Sequence
from typing import Final, Literal, NamedTuple

from enhancelog.domain.records import Verdict

MAX_REPORT_BYTES: Final = 32 << 20
SHOWN_FAILURES: Final = 5
_LINE_CHARACTERS: Final = 500

Outcome = Literal["pass", "deny", "skipped", "cancelled"]


class Check(NamedTuple):
    axis: str
    outcome: Outcome
    detail: str


def shown(failures: Sequence[tuple[str, str]], total: str) -> str:
    """The first failures, what failed and why, each in a line; then ``total``."""
    lines = (f"{name}: {' '.join(reason.split())}"[:_LINE_CHARACTERS] for name, reason in failures[:SHOWN_FAILURES])
    return "\n".join((*lines, total))


def verdicts(checks: Iterable[Check]) -> list[Verdict]:
    """One for each axis; a check that was skipped has none."""
    found: dict[str, Verdict] = {}
    for check in checks:
        if check.outcome == "skipped":
            continue
        status: Literal["pass", "deny"] = "pass" if check.outcome == "pass" else "deny"
        before = found.get(check.axis)
        if before is None or (before.status, status) == ("pass", "deny"):
            found[check.axis] = Verdict(check.axis, status, check.detail)
        elif before.status == status:
            found[check.axis] = Verdict(check.axis, status, f"{before.detail}\n{check.detail}")
    return list(found.values())
