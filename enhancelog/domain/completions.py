"""How the last token of a filter box may go on."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from enhancelog.domain import filter_box, filters, times

Values = Callable[[str], Iterable[str]]

_FIXED: Final = {
    **filters.CHOICES,
    "period": (*times.PERIODS, "today", "yesterday"),
    "since": ("today", "yesterday", "24h", "7d", "30d"),
    "until": ("today", "yesterday"),
}


def completions(text: str, values: Mapping[str, Values]) -> list[str]:
    """Whole texts of the box that start with ``text``. ``values``: parameter to a function from a beginning to
    values."""
    is_quoted = text.count('"') % 2 == 1
    head, _, quoted = text.rpartition('"') if is_quoted else (text, "", "")
    token = "" if not head or head[-1].isspace() else head.split()[-1]
    before = head[: len(head) - len(token)]
    negation = "-" if token.startswith("-") else ""
    key, colon, value = token.removeprefix("-").partition(":")
    if not colon:
        found = [] if is_quoted else [f"{before}{negation}{name}:" for name in filter_box.KEYS if name.startswith(key)]
    elif key.lower() in filter_box.KEYS:
        parameter = filter_box.KEYS[key.lower()]
        beginning = quoted if is_quoted else value
        known = _FIXED[parameter] if parameter in _FIXED else values.get(parameter, _nothing)(beginning)
        name = f"not_{parameter}" if negation else parameter
        found = [before + filter_box.token(name, each) for each in known if each.startswith(beginning)]
    else:
        found = []
    return [each for each in found if each.startswith(text) and each != text]


def _nothing(_: str) -> Iterable[str]:
    return ()
