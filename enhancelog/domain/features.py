"""Features of an entry that filters name: the words and lengths of its texts, its patch, its actor and its time."""

import re
import string
from bisect import bisect_right
from collections.abc import Iterable
from itertools import chain
from typing import Final, NamedTuple, get_args

from enhancelog.domain.errors import Invalid
from enhancelog.domain.records import Bump, Operator

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
CHOICES: Final = {"bump": get_args(Bump), "op": get_args(Operator), "weekday": WEEKDAYS}

# Number filters, with where each bucket begins.
BUCKETS: Final = {
    "intent_length": (0, 40, 80, 120, 240, 480),
    "rationale_length": (0, 120, 240, 480, 960, 1920),
    "patch_length": (0, 120, 480, 1920, 7680),
    "operations": (0, 1, 2, 3, 5, 10, 20),
    "hour": tuple(range(24)),
}
NAMES: Final = ("word", *BUCKETS, "op", "bump", "actor", "weekday")
OF_PATCHES: Final = ("patch_length", "operations", "op", "bump")  # the recorded one, or else that of a host

# Of an intent, only so many characters are split into words: at ASCII punctuation and white space, the case of ASCII
# letters ignored. Both databases can do the same.
SEARCHED: Final = 500
SEPARATORS: Final = string.punctuation + string.whitespace.replace(" ", "")
LONGEST_WORD: Final = 64
_FOLDED: Final = str.maketrans(string.ascii_uppercase + SEPARATORS, string.ascii_lowercase + " " * len(SEPARATORS))

_RANGE: Final = re.compile(r"\d{1,9}(?:-\d{0,9})?", re.ASCII)
RANGE_SCHEMA: Final = "^[0-9]{1,9}(-[0-9]{0,9})?$"
WORD_SCHEMA: Final = r"^[^\t-\r !-/:-@\[-`{-~]{1,64}$"


class Range(NamedTuple):
    """Both ends are included; ``None``: no end."""

    low: int
    high: int | None


def folded(text: str) -> str:
    return text.translate(_FOLDED)


def words(text: str) -> set[str]:
    return set(folded(text).split(" ")) - {""}


def words_of_each(beginnings: Iterable[str]) -> Iterable[str]:
    # Each word once for an intent; sometimes an empty one. One call for all texts is faster than one for each.
    return chain.from_iterable([set(text.split(" ")) for text in folded("\0".join(beginnings)).split("\0")])


def bucket(name: str, number: int) -> str:
    """The value of the number filter whose bucket has the number."""
    begins = BUCKETS[name]
    place = bisect_right(begins, number)
    low = begins[place - 1]
    if place == len(begins):
        return str(low) if name == "hour" else f"{low}-"
    high = begins[place] - 1
    return str(low) if low == high else f"{low}-{high}"


def range_of(value: str) -> Range:
    low, dash, high = value.partition("-")
    if not dash:
        return Range(int(low), int(low))
    return Range(int(low), int(high) if high else None)


def check(name: str, value: str) -> None:
    """Raises ``Invalid`` (the parameter's name)."""
    base = name.removeprefix("not_")
    if base in BUCKETS:
        if not _RANGE.fullmatch(value):
            raise Invalid(name, "range", f'must be a number or a range such as 120-239 or 120-, not "{value[:40]}"')
        low, high = range_of(value)
        if high is not None and high < low:
            raise Invalid(name, "reversed", f"must not end before it begins, as {value} does")
    if base == "word" and (not value or len(value) > LONGEST_WORD or " " in folded(value)):
        detail = f'must be one word of at most {LONGEST_WORD} characters, not "{value[:40]}"'
        raise Invalid(name, "word", detail)
