"""What is off about an entry that is well-typed and was therefore accepted. Each badge is a word and its meaning."""

import re
from typing import Final

from enhancelog.domain.records import Entry
from enhancelog.domain.times import is_plausible

RULES_VERSION: Final = 1
"""Raised with every change of what ``badges`` answers, so that ``migrate`` derives the stored badges again."""

MEANINGS: Final = {
    "applied despite a denial": "An axis denied this run, yet it is recorded as applied.",
    "rejected without a denial": "No axis denied this run, yet it is recorded as rejected.",
    "reasons differ": "The reasons are not the denying verdicts, one each and in their order.",
    "axis judged twice": "One axis appears more than once among the verdicts; counts take it once.",
    "applied without a hash": "The run is recorded as applied, but the hash after it is empty.",
    "rejected with a hash": "The run is recorded as rejected, but there is a hash after it.",
    "unusual hash": "A hash is not 64 lowercase hexadecimal digits.",
    "implausible time": "The time lies before 1970 or more than a day after the entry was recorded.",
}

_HASH = re.compile(r"[0-9a-f]{64}\Z")


def badges(entry: Entry, recorded_ms: int) -> tuple[str, ...]:
    """The badges of an entry that we recorded at ``recorded_ms`` (epoch ms), in the order of ``MEANINGS``."""
    denied = [verdict for verdict in entry.verdicts if verdict.status == "deny"]
    axes = [verdict.axis for verdict in entry.verdicts]
    expected = tuple(f"{verdict.axis}: {verdict.detail}" for verdict in denied) if entry.status == "rejected" else ()
    applied = entry.status == "applied"
    found = {
        "applied despite a denial": applied and bool(denied),
        "rejected without a denial": not applied and not denied,
        "reasons differ": entry.reasons != expected,
        "axis judged twice": len(set(axes)) < len(axes),
        "applied without a hash": applied and not entry.new_hash,
        "rejected with a hash": not applied and bool(entry.new_hash),
        "unusual hash": not _HASH.match(entry.prev_hash) or bool(entry.new_hash and not _HASH.match(entry.new_hash)),
        "implausible time": not is_plausible(entry.ts_ms, recorded_ms),
    }
    return tuple(badge for badge, holds in found.items() if holds)
