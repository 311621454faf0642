"""Keys of candidates: two runs judged the same candidate if the strongest kind of key that both have is equal."""

import json
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple, get_args

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


class Hashes(NamedTuple):
    """Of the texts that keys follow from; ``None`` without such a text."""

    operations: int | None
    words: int | None


def keys(entry: Entry, source: str, texts: Hashes | None = None) -> Keys:
    """Of what the entry itself says, within its Blueprint and ``source``, whose verifiers judged it. ``texts``: of the
    original, if the entry was redacted.
    """
    where = entry.blueprint_id, source, entry.prev_hash
    operations, words = hashes(entry) if texts is None else texts
    found: dict[Evidence, int | None] = {
        "hash": hash_key(*where, own_hash(entry)),
        "operations": _key_of("operations", *where, operations),
        "words": _key_of("words", *where, words),
    }
    return {kind: key for kind, key in found.items() if key is not None}


def hashes(entry: Entry) -> Hashes:
    operations = None if entry.ops is UNSET else _operations_hash(bytes(entry.ops).decode())
    # Without a rationale, it would be any attempt at the intent.
    words = _key("words", entry.intent, entry.rationale) if entry.rationale.strip() else None
    return Hashes(operations, words)


def own_hash(entry: Entry) -> str:
    """Of the candidate, as the entry says; empty if it does not."""
    if entry.candidate_hash is not UNSET:
        return str(entry.candidate_hash)
    return entry.new_hash if entry.status == "applied" else ""


def hash_key(blueprint_id: str, source: str, prev_hash: str, candidate_hash: str) -> int | None:
    """``None`` if the patch changes nothing: then the document was judged before, as another patch's candidate."""
    if candidate_hash in ("", prev_hash):
        return None
    return short_key(_within("hash", blueprint_id, source) + _part(candidate_hash))


def operations_key(blueprint_id: str, source: str, prev_hash: str, ops: str) -> int | None:
    """``None`` if they are too long to compare, or no JSON."""
    return _key_of("operations", blueprint_id, source, prev_hash, _operations_hash(ops))


def _operations_hash(ops: str) -> int | None:
    if len(ops) > LONGEST_OPS:
        return None
    try:
        value = json.loads(ops, parse_float=_number)
    except (ValueError, RecursionError):
        return None
    return _key("operations", json.dumps(value, sort_keys=True))


def _key_of(kind: Evidence, blueprint_id: str, source: str, prev_hash: str, text: int | None) -> int | None:
    if text is None:
        return None
    return short_key(_within(kind, blueprint_id, source) + _part(prev_hash) + _part(str(text)))


# 1.0 is 1.
def _number(digits: str) -> Any:
    value = float(digits)
    return int(value) if value.is_integer() else value


def _key(*parts: str) -> int:
    return short_key(_parts(*parts))


@lru_cache(maxsize=1024)
def _within(kind: Evidence, blueprint_id: str, source: str) -> bytes:
    return _parts(kind, blueprint_id, source)  # remembered, because Blueprints come again


def _parts(*parts: str) -> bytes:
    return b"".join(map(_part, parts))


# Lengths keep the parts apart.
def _part(text: str) -> bytes:
    encoded = text.encode("utf-8", "surrogateescape")
    return len(encoded).to_bytes(8) + encoded
