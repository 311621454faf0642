"""Places in a Blueprint, as the filter ``touches`` takes them: JSON pointers (RFC 6901) of one token at least."""

import re
from typing import Final

from enhancelog.domain import strict_json
from enhancelog.domain.errors import Invalid

HOW_TO: Final = 'must be a place such as /agents/reviewer: begin with "/", and write "/" in a name as ~1 and "~" as ~0'

LONGEST_PLACE: Final = 500  # characters
MOST_TOKENS: Final = 32

SCHEMA: Final = r"^/([^~\x00]|~[01])*$"

_PLACE: Final = re.compile(r"/(?:[^~\0]|~[01])*+", re.DOTALL)


def is_place(text: str) -> bool:
    return _PLACE.fullmatch(text) is not None and strict_json.is_text(text)


def check(name: str, value: str) -> None:
    """Raises ``Invalid`` (the parameter's name)."""
    if not is_place(value):
        raise Invalid(name, "pointer", f'{HOW_TO}; not "{value[:40]}"')
    if len(value) > LONGEST_PLACE or value.count("/") > MOST_TOKENS:  # nothing is known of such places
        detail = f'takes places of up to {LONGEST_PLACE} characters and {MOST_TOKENS} parts, not "{value[:40]}…"'
        raise Invalid(name, "length", detail)
