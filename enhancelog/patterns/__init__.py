"""Deny patterns: which details of one axis were written by the same message template of its verifier.

Pure functions in two stages. ``mask`` looks at one detail and turns what is a value by its form (quoted words, numbers,
paths, lists, …) into holes. ``join`` looks at all masked templates of one axis and finds where what differs is one
word or a few, so that they too are a hole. A template is text in which a hole is written ``⟨kind⟩``; the brackets
occur nowhere else in it.
"""

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

# Raised with every change of what ``mask`` or ``join`` answer, so that what was derived is derived again
RULES_VERSION: Final = 2


def pattern_id(axis: str, template: str) -> str:
    """16 hexadecimal digits that stand for this template of this axis under these rules."""
    named = "\0".join((str(RULES_VERSION), axis, template))
    return hashlib.sha256(named.encode("utf-8", "surrogatepass")).hexdigest()[:16]
