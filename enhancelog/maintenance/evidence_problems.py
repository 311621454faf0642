"""What is wrong with the log's evidence."""

from collections.abc import Iterator
from typing import Final

from django.conf import settings

from enhancelog.domain.installation import EVIDENCE, Evidence, Problem, Status
from enhancelog.domain.times import MINUTE_MS

LATE_MS: Final = 5 * MINUTE_MS

_KEYS: Final = "evidence.md#keys"


def of_evidence(status: Status) -> Iterator[Problem]:
    found = status.evidence
    if found is None:
        return
    if found.open_to_others:
        text = f"Other users can read {found.kept}, so they could sign another log as this one."
        fix = (
            f"Run: chmod 600 {found.kept}; if somebody may have read it, also: {settings.PROGRAM} evidence_key --rotate"
        )
        yield Problem("open-key", "warning", text, fix, _KEYS)
    if found.damage:
        text, _, fix = found.damage.partition("; ")
        fix = f"{fix[:1].upper()}{fix[1:]}." if fix else f"Run: {settings.PROGRAM} verify_log"
        yield Problem("evidence", "error", f"No checkpoint can be signed: {text}.", fix, _KEYS)
    elif found.no_key:
        yield _no_key(found)
    else:
        yield from _behind(status, found)


def _no_key(found: Evidence) -> Problem:
    of = f" of the log {found.name}" if found.name else ""
    text = f"This server signs no checkpoint{of}: {found.no_key}."
    fix = (
        f"Copy the key of the server that signs to {found.kept}; with several servers, set ENHANCELOG_EVIDENCE_KEY. "
        f"If it is lost, run: {settings.PROGRAM} evidence_key --replace"
    )
    return Problem("evidence-key", "warning", text, fix, _KEYS)


def _behind(status: Status, found: Evidence) -> Iterator[Problem]:
    # A long log that is signed for the first time makes progress meanwhile.
    if found.signed_ms is not None and status.checked_ms - found.signed_ms < LATE_MS:
        return
    for each in status.derivations or []:
        if each.name == EVIDENCE and each.since_ms is not None and status.checked_ms - each.since_ms > LATE_MS:
            text = f"{each.behind:,} entries are in no checkpoint yet, which nobody could prove to be unchanged."
            fix = 'Start the server if it is stopped; otherwise look for "cannot sign a checkpoint" in its log.'
            yield Problem("evidence-behind", "warning", text, fix, _KEYS)
