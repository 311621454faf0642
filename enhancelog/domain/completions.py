"""How the last token of a filter box may go on."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from enhancelog.domain import filter_box, filters, periods
from enhancelog.domain.meta_filters import PREFIX, is_meta, key_of

Values = Callable[[str], Iterable[str]]

_FIXED: Final = {
    **filters.CHOICES,
    "period": (*periods.PERIODS, "today", "yesterday"),
    "since": ("today", "yesterday", "24h", "7d", "30d"),
    "until": ("today", "yesterday"),
}


class Meta(NamedTuple):
    keys: Values
    values: Callable[[str, str], Iterable[str]]  # of a key, by their beginning


def completions(text: str, values: Mapping[str, Values], meta: Meta | None = None) -> list[str]:
    """Whole texts of the box that start with ``text``. ``values``: parameter to a function from a beginning to
    values."""
    is_quoted = text.count('"') % 2 == 1
    head, _, quoted = text.rpartition('"') if is_quoted else (text, "", "")
    token = "" if not head or head[-1].isspace() else head.split()[-1]
    before = head[: len(head) - len(token)]
    negation = "-" if token.startswith("-") else ""
    key, colon, value = token.removeprefix("-").partition(":")
    if not colon:
        found = [] if is_quoted else [f"{before}{negation}{name}:" for name in _keys(key, meta)]
    elif parameter := filter_box.parameter_of(key):
        beginning = quoted if is_quoted else value
        known = _values(parameter, beginning, values, meta)
        name = f"not_{parameter}" if negation else parameter
        found = [before + filter_box.token(name, each) for each in known if each.startswith(beginning)]
    else:
        found = []
    return [each for each in found if each.startswith(text) and each != text]


def _keys(beginning: str, meta: Meta | None) -> Iterator[str]:
    yield from (key for key in filter_box.KEYS if key.startswith(beginning))
    if meta and (PREFIX.startswith(beginning) or beginning.startswith(PREFIX)):
        yield from (f"{PREFIX}{key}" for key in meta.keys(beginning[len(PREFIX) :]))


def _values(parameter: str, beginning: str, values: Mapping[str, Values], meta: Meta | None) -> Iterable[str]:
    if is_meta(parameter):
        return meta.values(key_of(parameter), beginning) if meta else ()
    if parameter in _FIXED:
        return _FIXED[parameter]
    return values[parameter](beginning) if parameter in values else ()
