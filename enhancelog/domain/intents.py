"""What an intent asks for, whichever try it is: the key by which attempts at one wish are found. Pure functions.

Words are runs of letters, digits and marks of any script, normalised (NFKC, case folded). Left out are "again",
"attempt N", "try N", and everything from ", and this time" on.
"""

import re
import unicodedata
from typing import Final

LONGEST: Final = 10_000
"""Characters that are looked at, so that no intent costs more than that."""

_BETWEEN: Final = re.compile(r"[\W_]")
"""No letter and no digit; among what is not ASCII marks too, which are of the word."""
_THIS_TIME: Final = re.compile(r",\s*and\s+this\s+time\b")
_WHICH_TRY: Final = re.compile(r"(?<!\S)(?:again|(?:attempt|try) \d+)(?!\S)")


def intent_key(intent: str) -> str:
    """The words with single spaces between them; empty where there are none."""
    wanted = _THIS_TIME.split(_folded(intent), maxsplit=1)[0]
    words = _BETWEEN.sub(" " if wanted.isascii() else _space_or_mark, wanted).split()
    return " ".join(_WHICH_TRY.sub("", " ".join(words)).split())


def _folded(intent: str) -> str:
    text = unicodedata.normalize("NFKC", intent[:LONGEST])[:LONGEST]
    return unicodedata.normalize("NFKC", text.casefold())  # folding can take the normal form apart


def _space_or_mark(found: re.Match[str]) -> str:
    character = found[0]
    return character if unicodedata.category(character).startswith("M") else " "
