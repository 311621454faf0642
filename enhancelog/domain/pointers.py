"""Finds pointers (RFC 6901) in texts, at bounded cost."""

import re
from typing import Final

LONGEST: Final = 500
SEARCHED_CHARACTERS: Final = 2_000
_SEARCHED_MATCHES: Final = 20

# Before or after a pointer, these make it part of a longer one.
_CONTINUES: Final = re.compile(r"[\w/~-]|\.\w")


def names(text: str, pointer: str) -> bool:
    """Whether the beginning of ``text`` contains exactly this pointer."""
    if not 0 < len(pointer) <= LONGEST:
        return False
    searched = text[:SEARCHED_CHARACTERS]
    at = searched.find(pointer)
    for _ in range(_SEARCHED_MATCHES):
        if at < 0:
            return False
        end = at + len(pointer)
        if not _CONTINUES.search(searched[max(0, at - 1) : at]) and not _CONTINUES.match(searched[end : end + 2]):
            return True
        at = searched.find(pointer, at + 1)
    return False
