"""Witnesses that do not cosign, and why."""

from collections.abc import Iterator
from typing import Final

from django.conf import settings

from enhancelog.domain.installation import Problem, Severity, Status, Witness
from enhancelog.domain.times import MINUTE_MS

LATE_MS: Final = 15 * MINUTE_MS  # a witness may be restarted, too

_SEE: Final = "evidence.md#witnesses"


def of_witnesses(status: Status) -> Iterator[Problem]:
    for witness in status.witnesses:
        if not witness.failure:
            continue
        if witness.failure == "unreachable" and status.checked_ms - (witness.failed_ms or 0) <= LATE_MS:
            continue
        severity: Severity = "error" if witness.failure in ("ahead", "forked") else "warning"
        text = f"The witness {witness.name} does not cosign this log: {witness.detail}."
        yield Problem(f"witness-{witness.failure}", severity, text, _fix(witness), _SEE)


def _fix(witness: Witness) -> str:
    match witness.failure:
        case "ahead" | "forked":
            return (
                f"Run: {settings.PROGRAM} verify_log. Unless an older copy was restored, somebody changed or cut the"
                " log: compare it with a copy that is older than this problem."
            )
        case "unverified":
            return "Compare its key in ENHANCELOG_WITNESSES with the one that it publishes."
        case "refused":
            return (
                "Give its operator the log's name and keys, which are at /v1/evidence/keys; or correct"
                " ENHANCELOG_WITNESSES. It is asked again after ten minutes."
            )
        case _:
            return f"Look whether this server can reach {witness.url}; or remove it from ENHANCELOG_WITNESSES."
