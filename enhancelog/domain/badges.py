"""Badges: inconsistencies in an entry that is valid nevertheless."""

import re
from typing import Final, NamedTuple

from enhancelog.domain.origin import OPTIMIZERS
from enhancelog.domain.reasons import reasons
from enhancelog.domain.records import Entry
from enhancelog.domain.times import is_plausible

# Increase this whenever ``badges`` returns something else, so that ``migrate`` derives the stored badges again
RULES_VERSION: Final = 3

IMPLAUSIBLE_TIME: Final = "implausible time"
REASONS_DIFFER: Final = "reasons differ"
MEANINGS: Final = {
    "applied despite a denial": "An axis denied this run, yet it is recorded as applied.",
    "rejected without a denial": "No axis denied this run, yet it is recorded as rejected.",
    REASONS_DIFFER: "The reasons are not exactly the denying verdicts, in their order.",
    "axis judged twice": "One axis appears more than once among the verdicts; it is counted once.",
    "applied without a hash": "The run is recorded as applied, but the hash after it is empty.",
    "rejected with a hash": "The run is recorded as rejected, but there is a hash after it.",
    "unusual hash": "An engine host's hashes are 64 lowercase hexadecimal digits; one here is not.",
    IMPLAUSIBLE_TIME: "The time lies before 2000 or more than a day after the entry was recorded.",
}


class Badge(NamedTuple):
    name: str
    meaning: str


JUDGED_DIFFERENTLY: Final = Badge(
    "judged differently", "An axis passed the same candidate in one run and denied it in the next."
)

_HASH = re.compile(r"[0-9a-f]{64}\Z")
# What is appended over the API, or comes from an optimizer's log, has the hashes of its own tool, such as git's.
_NOT_HOSTS: Final = frozenset({"api", *OPTIMIZERS})


def badges(entry: Entry, recorded_ms: int, source: str) -> tuple[str, ...]:
    """``recorded_ms``: epoch ms; ``source``: as recorded. In the order of ``MEANINGS``."""
    denied = [verdict for verdict in entry.verdicts if verdict.status == "deny"]
    axes = [verdict.axis for verdict in entry.verdicts]
    expected = tuple(reasons(denied)) if entry.status == "rejected" else ()
    applied = entry.status == "applied"
    found = {
        "applied despite a denial": applied and bool(denied),
        "rejected without a denial": not applied and not denied,
        REASONS_DIFFER: entry.reasons != expected,
        "axis judged twice": len(set(axes)) < len(axes),
        "applied without a hash": applied and not entry.new_hash,
        "rejected with a hash": not applied and bool(entry.new_hash),
        "unusual hash": source not in _NOT_HOSTS and _has_unusual_hash(entry),
        IMPLAUSIBLE_TIME: not is_plausible(entry.ts_ms, recorded_ms),
    }
    return tuple(badge for badge, holds in found.items() if holds)


def described_badges(entry: Entry, recorded_ms: int, source: str) -> list[Badge]:
    return [Badge(name, MEANINGS[name]) for name in badges(entry, recorded_ms, source)]


def _has_unusual_hash(entry: Entry) -> bool:
    return not _HASH.match(entry.prev_hash) or bool(entry.new_hash and not _HASH.match(entry.new_hash))
