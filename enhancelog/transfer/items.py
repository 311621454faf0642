"""What a source yields. ``where`` is shown to people, such as ``line 7``."""

from typing import NamedTuple

from enhancelog.domain.errors import Invalid
from enhancelog.domain.records import Entry


class Unreadable(Exception):
    """The message is one line."""


class Found(NamedTuple):
    where: str
    entry: Entry


class Refused(NamedTuple):
    """``raw`` is the entry's text, escaped where necessary."""

    where: str
    reason: Invalid
    raw: str


# A fresh error: the traceback of one that was raised would keep all that was read in memory.
def refused(where: str, reason: Invalid, raw: str) -> Refused:
    return Refused(where, Invalid(reason.field, reason.rule, reason.detail), raw)


Item = Found | Refused
