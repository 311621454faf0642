"""Groups the details of an axis by the message template that wrote them."""

import hashlib
from typing import Final

from enhancelog.patterns.filling import Rest, fill, no_rest
from enhancelog.patterns.holes import Hole, Masked, Part, parts
from enhancelog.patterns.joining import MOST_TEMPLATES, Group, join
from enhancelog.patterns.masks import mask

__all__ = [
    "MOST_TEMPLATES",
    "RULES_VERSION",
    "Group",
    "Hole",
    "Masked",
    "Part",
    "Rest",
    "fill",
    "join",
    "mask",
    "no_rest",
    "parts",
    "pattern_id",
]

# Increase this whenever ``mask`` or ``join`` returns something else, so that patterns are derived again
RULES_VERSION: Final = 4


def pattern_id(axis: str, template: str) -> str:
    """16 hex digits that identify a template of an axis under these rules."""
    named = "\0".join((str(RULES_VERSION), axis, template))
    return hashlib.sha256(named.encode("utf-8", "surrogatepass")).hexdigest()[:16]
