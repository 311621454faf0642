"""Entries that were redacted in another log: their own texts say so, and nothing else does."""

# An export has "[redacted]" in place of texts. Imported, it is an entry like any other, and whoever offers the original
# again must not find the texts compared, written down or shown.

from collections.abc import Sequence

import msgspec
from msgspec import UNSET, Raw, UnsetType

from enhancelog.domain import records, strict_json
from enhancelog.domain.records import Entry, Verdict
from enhancelog.domain.redactions import NO_OPERATIONS, REDACTED, REDACTED_VALUE


def masked(offered: Entry, stored: Entry) -> Entry:
    """``offered``, without the texts in whose place ``stored`` has none any more."""
    return msgspec.structs.replace(
        offered,
        intent=_text(offered.intent, stored.intent),
        rationale=_text(offered.rationale, stored.rationale),
        verdicts=_verdicts(offered.verdicts, stored.verdicts),
        reasons=_texts(offered.reasons, stored.reasons),
        ops=_ops(offered.ops, stored.ops),
        meta=_meta(offered.meta, stored.meta),
    )


def says_so(stored: Entry) -> bool:
    """Whether a text of it was redacted. Operations do not say so: an entry may always have had none."""
    texts = [stored.intent, *stored.reasons, stored.rationale, *(verdict.detail for verdict in stored.verdicts)]
    return any(REDACTED in text for text in texts) or REDACTED_VALUE in _members(stored.meta).values()


def _text(offered: str, stored: str) -> str:
    return stored if REDACTED in stored and _is_rest(stored, offered) else offered


# In a reason, only a part may have gone.
def _is_rest(stored: str, offered: str) -> bool:
    first, *parts, last = stored.split(REDACTED)
    at, end = len(first), len(offered) - len(last)
    if not (offered.startswith(first) and offered.endswith(last)):
        return False
    for part in parts:
        found = offered.find(part, at, max(end, 0))
        if found < 0:
            return False
        at = found + len(part)
    return at <= end


def _texts(offered: Sequence[str], stored: Sequence[str]) -> tuple[str, ...]:
    return tuple(map(_text, offered, stored)) if len(offered) == len(stored) else tuple(offered)


def _verdicts(offered: Sequence[Verdict], stored: Sequence[Verdict]) -> tuple[Verdict, ...]:
    if len(offered) != len(stored):
        return tuple(offered)
    pairs = zip(offered, stored, strict=True)
    return tuple(kept if kept == msgspec.structs.replace(sent, detail=REDACTED) else sent for sent, kept in pairs)


def _ops(offered: Raw | UnsetType, stored: Raw | UnsetType) -> Raw | UnsetType:
    is_empty = offered is not UNSET and stored is not UNSET and bytes(stored) == NO_OPERATIONS.encode()
    return stored if is_empty else offered


def _meta(offered: Raw | UnsetType, stored: Raw | UnsetType) -> Raw | UnsetType:
    gone = {key for key, value in _members(stored).items() if value == REDACTED_VALUE}
    sent = _members(offered)
    if not gone & sent.keys():
        return offered
    left = {key: Raw(REDACTED_VALUE if key in gone else value) for key, value in sent.items()}
    return Raw(records.encode_part(left).encode())


def _members(meta: Raw | UnsetType) -> dict[str, bytes]:
    if meta is UNSET:
        return {}
    members = msgspec.json.decode(bytes(meta), type=dict[str, Raw])
    return {key: strict_json.compact(bytes(value)) for key, value in members.items()}
