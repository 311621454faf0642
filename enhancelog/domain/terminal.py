"""Makes texts fit for a terminal."""

import re
from typing import Final

# ECMA-48: control sequences (colors), strings (titles, links) with their terminator, and the other escapes.
# A sequence that is cut off at the end of the text is removed, too. A run of digits is read once.
_ESCAPES: Final = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*+[ -/]*+[@-~]?+"
    r"|\x1b[\]PX^_][^\x07\x1b\x9c]*+(?:\x07|\x1b\\|\x9c)?+"
    r"|\x1b[ -/]*+[0-~]?+"
)


def without_terminal_codes(text: str) -> str:
    """Without colors and other escape sequences."""
    return _ESCAPES.sub("", text) if "\x1b" in text or "\x9b" in text else text


def printable_line(text: str) -> str:
    """One line; what is not printable becomes a space."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())
