"""With which entries those of a filter are compared: all others within the same times, or those of a second filter."""

from collections.abc import Sequence
from typing import Final, NamedTuple
from urllib.parse import urlencode

from enhancelog.domain import filters
from enhancelog.domain.errors import Invalid
from enhancelog.domain.filters import TIMES, EntryFilter

Pair = tuple[str, str]

AGAINST: Final = "against"
_WHERE_FROM: Final = ("blueprint_id", "blueprint_prefix", "source")


class Choice(NamedTuple):
    """``flipped``: the parameter that makes the difference."""

    flipped: str
    pairs: list[Pair]


def against(text: str, now_ms: int) -> EntryFilter:
    """Any filter as a query string. Raises ``Invalid`` (against)."""
    pairs = filters.query_pairs(text, AGAINST)
    try:
        return filters.from_pairs(pairs, now_ms)
    except Invalid as error:
        raise Invalid(AGAINST, error.rule, f"{error.field}: {error.detail}") from None


def is_time(name: str) -> bool:
    return name.removeprefix("not_") in TIMES


def conditions(pairs: Sequence[Pair]) -> list[Pair]:
    """All but times."""
    return [pair for pair in pairs if not is_time(pair[0])]


def complement(pairs: Sequence[Pair]) -> list[Pair]:
    """The filter of all other entries, within the same times. Raises ``Invalid``, also without a condition."""
    times = [pair for pair in pairs if is_time(pair[0])]
    asked = conditions(pairs)
    if not asked:
        raise Invalid(AGAINST, "missing", "is missing; without a filter, there are no other entries to compare with")
    names = {name for name, _ in asked}
    if len(names) > 1:
        if names & {"matching", "not_matching"}:
            raise Invalid(AGAINST, "missing", "is missing; it is needed where matching stands beside other filters")
        return [("not_matching", urlencode(asked)), *times]
    return [*_others(asked), *times]


def choices(pairs: Sequence[Pair]) -> list[Choice]:
    # What differs in one parameter alone, if there are several.
    names = list(dict.fromkeys(name for name, _ in conditions(pairs)))
    if len(names) < 2:
        return []
    found = []
    for name in names:
        own = [pair for pair in pairs if pair[0] == name]
        found.append(Choice(name, [*_others(own), *(pair for pair in pairs if pair not in own)]))
    return found


def nearest(pairs: Sequence[Pair]) -> list[Pair]:
    # What differs in the only parameter that does not say where entries are from, if there is one and others do; empty:
    # all other entries.
    asked = [choice for choice in choices(pairs) if choice.flipped not in _WHERE_FROM]
    return asked[0].pairs if len(asked) == 1 else []


def _others(pairs: Sequence[Pair]) -> list[Pair]:
    # All of one name.
    name = pairs[0][0]
    base = name.removeprefix("not_")
    if base == "axis" and len(pairs) > 1:  # the one parameter whose values all must hold
        return [("not_matching", urlencode(pairs))]
    if base == "status" and len(pairs) == 1:
        is_applied = (pairs[0][1] == "applied") == (name == base)
        return [("status", "rejected" if is_applied else "applied")]
    return [(base if name != base else f"not_{base}", value) for _, value in pairs]
