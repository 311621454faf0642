"""Finds pointers (RFC 6901) and other names in texts, at bounded cost."""

import re
from typing import Final

LONGEST: Final = 500
SEARCHED_CHARACTERS: Final = 2_000
_SEARCHED_MATCHES: Final = 20

# Before or after a pointer, these make it part of a longer one.
_CONTINUES: Final = re.compile(r"[\w/~-]|\.\w")


def names(text: str, pointer: str, *, may_continue: bool = False) -> bool:
    """Whether the beginning of ``text`` contains exactly this pointer, or a place inside it if it ``may_continue``."""
    if not 0 < len(pointer) <= LONGEST:
        return False
    searched = text[:SEARCHED_CHARACTERS]
    at = searched.find(pointer)
    for _ in range(_SEARCHED_MATCHES):
        if at < 0:
            return False
        end = at + len(pointer)
        ends = not _CONTINUES.match(searched[end : end + 2]) or (may_continue and searched[end : end + 1] == "/")
        if ends and not _CONTINUES.search(searched[max(0, at - 1) : at]):
            return True
        at = searched.find(pointer, at + 1)
    return False
