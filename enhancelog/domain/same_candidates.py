"""Keys of candidates: two runs judged the same candidate if the strongest kind of key that both have is equal."""

import json
from typing import Any, Final, Literal, get_args

from msgspec import UNSET

from enhancelog.domain.records import Entry
from enhancelog.domain.short_keys import short_key

Evidence = Literal["hash", "operations", "words"]

# The strongest first. ``words`` (intent and rationale) is weaker evidence: another patch may be explained alike.
EVIDENCE: Final[tuple[Evidence, ...]] = get_args(Evidence)

# More axes are not compared, which bounds what a repetition costs.
MOST_AXES: Final = 64
LONGEST_OPS: Final = 100_000  # characters; longer operations have no key

Keys = dict[Evidence, int]


def keys(entry: Entry, source: str) -> Keys:
    """Of what the entry itself says, within its Blueprint and ``source``, whose verifiers judged it."""
    where = entry.blueprint_id, source
    found = {
        "hash": hash_key(*where, entry.prev_hash, own_hash(entry)),
        "operations": None
        if entry.ops is UNSET
        else operations_key(*where, entry.prev_hash, bytes(entry.ops).decode()),
        # Without a rationale, it would be any attempt at the intent.
        "words": _key("words", *where, entry.prev_hash, entry.intent, entry.rationale)
        if entry.rationale.strip()
        else None,
    }
    return {kind: key for kind in EVIDENCE if (key := found[kind]) is not None}


def own_hash(entry: Entry) -> str:
    """Of the candidate, as the entry says; empty if it does not."""
    if entry.candidate_hash is not UNSET:
        return str(entry.candidate_hash)
    return entry.new_hash if entry.status == "applied" else ""


def hash_key(blueprint_id: str, source: str, prev_hash: str, candidate_hash: str) -> int | None:
    """``None`` if the patch changes nothing: then the document was judged before, as another patch's candidate."""
    if candidate_hash in ("", prev_hash):
        return None
    return _key("hash", blueprint_id, source, candidate_hash)


def operations_key(blueprint_id: str, source: str, prev_hash: str, ops: str) -> int | None:
    """``None`` if they are too long to compare, or no JSON."""
    if len(ops) > LONGEST_OPS:
        return None
    try:
        value = json.loads(ops, parse_float=_number)
    except (ValueError, RecursionError):
        return None
    return _key("operations", blueprint_id, source, prev_hash, json.dumps(value, sort_keys=True))


# 1.0 is 1.
def _number(digits: str) -> Any:
    value = float(digits)
    return int(value) if value.is_integer() else value


# Lengths keep the parts apart.
def _key(*parts: str) -> int:
    encoded = [part.encode("utf-8", "surrogateescape") for part in parts]
    return short_key(b"".join(len(data).to_bytes(8) + data for data in encoded))
