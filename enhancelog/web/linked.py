"""Numbers with the lists that they count."""

from typing import NamedTuple

from enhancelog.queries.counts import Count, up_to_cap


class Linked(NamedTuple):
    """``shown``: counts beyond the list's limit end there."""

    number: int
    shown: Count
    url: str


def linked(number: int, url: str) -> Linked:
    return Linked(number, up_to_cap(number), url)
