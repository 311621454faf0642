"""Summarizes what fills a template's holes: frequent values, or median and range of numbers."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation
from statistics import median
from typing import Final

import msgspec

from enhancelog.patterns import Hole, parts

MOST_VALUES: Final = 20  # of one hole, the most frequent; the others are counted together
LONGEST_VALUE: Final = 200

_NUMERIC: Final = ("n",)
_SPACES: Final = re.compile(r"[\s'’_\u00a0\u202f]")
_GROUPED: Final = re.compile(r"\d{1,3}([.,])\d{3}(\1\d{3})*")


class Filled(msgspec.Struct, kw_only=True):
    """``values`` are the most frequent ones with counts, ``others`` the count of the rest. ``median``, ``least`` and
    ``greatest`` if all are numbers."""

    kind: str
    rule: str
    count: int
    values: dict[str, int]
    others: int
    median: float | None = None
    least: float | None = None
    greatest: float | None = None


def fillings(template: str, filled: Iterable[Sequence[Hole]]) -> list[Filled]:
    """One for each hole of ``template``. ``filled`` with another number of values is ignored."""
    holes = [part for part in parts(template) if part.hole]
    values: list[Counter[str]] = [Counter() for _ in holes]
    for one in filled:
        if len(one) == len(holes):
            for counter, hole in zip(values, one, strict=True):
                counter[hole.value[:LONGEST_VALUE]] += 1
    return [_filled(part.hole, part.rule, counter) for part, counter in zip(holes, values, strict=True)]


def number(text: str) -> Decimal | None:
    """A number in any locale, or ``None``. A single separator before three digits groups."""
    bare = _SPACES.sub("", text).replace("−", "-")
    sign, bare = ("-", bare[1:]) if bare.startswith("-") else ("", bare.lstrip("+"))
    if _GROUPED.fullmatch(bare):
        bare = bare.replace(".", "").replace(",", "")
    elif "," in bare and "." in bare:
        grouping = min(",", ".", key=bare.rindex)
        bare = bare.replace(grouping, "").replace(",", ".")
    else:
        bare = bare.replace(",", ".")
    try:
        found = Decimal(sign + bare)
    except InvalidOperation:
        return None
    return found if found.is_finite() and abs(found) < Decimal("1e15") else None


def _filled(kind: str, rule: str, values: Counter[str]) -> Filled:
    most = sorted(values.items(), key=lambda value: (-value[1], value[0]))
    shown = dict(most[:MOST_VALUES])
    total = values.total()
    found = Filled(kind=kind, rule=rule, count=total, values=shown, others=total - sum(shown.values()))
    numbers = [number(value) for value in values.elements()] if kind in _NUMERIC else []
    known = [each for each in numbers if each is not None]
    if known and len(known) == len(numbers):
        found.median, found.least, found.greatest = float(median(known)), float(min(known)), float(max(known))
    return found
