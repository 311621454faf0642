"""What a source yields: an entry, or something that is none and why. ``where`` names its place for a person."""

from typing import NamedTuple

from enhancelog.domain.errors import Invalid
from enhancelog.domain.records import Entry


class Unreadable(Exception):
    """The source as a whole cannot be read; the message is one line that says why."""


class Found(NamedTuple):
    """An entry, checked."""

    where: str
    entry: Entry


class Refused(NamedTuple):
    """Something that breaks a rule; ``raw`` is what stood there, as far as it can be written."""

    where: str
    reason: Invalid
    raw: str


Item = Found | Refused
