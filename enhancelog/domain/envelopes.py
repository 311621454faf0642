"""Envelopes: a digest over what a stored row says beside its record, so that a change of it shows.

An envelope is the SHA-256, in 64 lowercase hex digits, of a JSON array (RFC 8259) in UTF-8 whose form leaves no choice:

- No white space. Numbers are integers in decimal, without leading zeros, fraction or exponent. A missing value is
  ``null``.
- In strings ``"`` and ``\\`` are escaped by ``\\``; U+0008, U+0009, U+000A, U+000C and U+000D are ``\\b``, ``\\t``,
  ``\\n``, ``\\f`` and ``\\r``; any other character below U+0020 is ``\\u`` and four lowercase hex digits. Every other
  character stands for itself, U+007F and ``/`` included. Nothing is normalized.

Python's ``json.dumps(parts, ensure_ascii=False, separators=(",", ":"))`` writes this form. The first element names what
the row is, so an envelope of one kind is never one of another. An entry's array has seven elements:

    ["entry", position, digest, recorded_ms, actor_kind, actor_name, source]

``digest`` is the entry's, 64 lowercase hex digits, and covers the record.
"""

import hashlib
from typing import Final

import msgspec

from enhancelog.domain.origin import Origin

_encode: Final = msgspec.json.Encoder().encode


def envelope(what: str, *parts: str | int | None) -> str:
    """The envelope of a row of the kind ``what``."""
    return hashlib.sha256(_encode((what, *parts))).hexdigest()


def of_entry(position: int, digest: str, recorded_ms: int, origin: Origin) -> str:
    """The envelope of an entry. ``recorded_ms``: epoch ms."""
    return envelope("entry", position, digest, recorded_ms, *origin)
