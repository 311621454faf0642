"""Places in a Blueprint, as the filter ``touches`` takes them: JSON pointers (RFC 6901) of one token at least."""

import re
from typing import Final

from enhancelog.domain import strict_json

HOW_TO: Final = 'must be a place such as /agents/reviewer: begin with "/", and write "/" in a name as ~1 and "~" as ~0'

SCHEMA: Final = r"^/([^~\x00]|~[01])*$"

_PLACE: Final = re.compile(r"/(?:[^~\0]|~[01])*+", re.DOTALL)


def is_place(text: str) -> bool:
    return _PLACE.fullmatch(text) is not None and strict_json.is_text(text)
