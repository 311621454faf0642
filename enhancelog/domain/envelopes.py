"""Envelopes: a digest over the columns that a stored row adds to its record, to detect changes."""

import hashlib
from typing import Final

import msgspec

from enhancelog.domain.origin import Origin

# An envelope is the SHA-256, in 64 lowercase hex digits, of a JSON array (RFC 8259) in UTF-8 with exactly one encoding:
#
# - No white space. Numbers are decimal integers without leading zeros, fraction or exponent. A missing value is null.
# - In strings, " and \ are escaped by \; U+0008, U+0009, U+000A, U+000C and U+000D are \b, \t, \n, \f and \r; other
#   characters below U+0020 are \u and four lowercase hex digits. All others stand for themselves, including U+007F
#   and /. Nothing is normalized.
#
# Python's json.dumps(parts, ensure_ascii=False, separators=(",", ":")) writes this form. The first element names the
# kind of row, so envelopes of different kinds never match. An entry's array has seven elements:
#
#     ["entry", position, digest, recorded_ms, actor_kind, actor_name, source]
#
# ``digest`` is the entry's own, which covers the record.
_encode: Final = msgspec.json.Encoder().encode


def envelope(what: str, *parts: str | int | None) -> str:
    return hashlib.sha256(_encode((what, *parts))).hexdigest()


def of_entry(position: int, digest: str, recorded_ms: int, origin: Origin) -> str:
    """``recorded_ms``: epoch ms."""
    return envelope("entry", position, digest, recorded_ms, *origin)
