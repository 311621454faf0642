"""Blueprints' documents prove themselves: their hash is BLAKE3 of the YAML text, byte for byte."""

import re
from typing import Final

from blake3 import blake3

from enhancelog.domain import strict_json
from enhancelog.domain.errors import Invalid, TooLarge
from enhancelog.domain.observed import Document

# A document is text: nothing here parses YAML, so aliases cannot expand.
MAX_DOCUMENT_BYTES: Final = 5 << 20

_HASH: Final = re.compile("[0-9a-f]{64}")


def check_hash(value: str, field: str) -> None:
    if not _HASH.fullmatch(value):
        raise Invalid(field, "hash", f"is {value[:80]!r}, not 64 lowercase hex digits")


def proven(expected: str, data: bytes, field: str) -> Document:
    """A YAML document of that hash. Raises ``Invalid`` or ``TooLarge``."""
    if len(data) > MAX_DOCUMENT_BYTES:
        raise TooLarge(field, len(data), MAX_DOCUMENT_BYTES)
    check_hash(expected, field)
    if (found := blake3(data).hexdigest()) != expected:
        raise Invalid(field, "hash", f"has the hash {found}, not {expected}")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise Invalid(field, "utf-8", f"is not UTF-8 at byte {error.start}") from None
    strict_json.check_text(text, field)
    return Document(hash=expected, form="yaml", text=text)
