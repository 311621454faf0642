"""Query parameters as a filter, the same for pages, API and commands."""

import hashlib
import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal, NamedTuple, cast, get_args
from urllib.parse import parse_qsl

from enhancelog.domain import features, meta_filters, page_sizes, periods, places, search_words, strict_json, theme_ids
from enhancelog.domain.errors import Invalid

Order = Literal["asc", "desc"]
Has = Literal["patch", "ops", "candidate", "gap", "badge", "flip"]

# Repeated parameters are OR, repeated "axis" is AND, "not_<name>" excludes. Unknown parameters are ignored. An id that
# cannot exist is valid and matches nothing. "meta.<key>" is a parameter, too. "matching" is a filter without times
# as a query string, so that "not_matching" names the rest of any filter.
CHOICES: Final = {
    "status": ("applied", "rejected"),
    "axes": ("one", "many"),
    "is": ("new",),
    "has": get_args(Has),
    "afterwards": ("applied", "rejected", "none"),
    "next": ("applied", "same", "other", "none"),
    "attempt": ("first", "second", "third", "further", "later"),
    **features.CHOICES,
}
VALUES: Final = (
    "blueprint_id",
    "blueprint_prefix",
    "status",
    "axis",
    "axis_passed",
    "axis_absent",
    "only",
    "without",
    "axes",
    "pattern",
    "theme",
    "is",
    "has",
    "touches",
    "afterwards",
    "next",
    "attempt",
    "text",
    "phrase",
    "source",
    *features.NAMES,
    "matching",
)

TIMES: Final = ("since", "until", "period")
PARAMETERS: Final = (*VALUES, *(f"not_{name}" for name in VALUES), *TIMES, *(f"not_{name}" for name in TIMES))

# Databases limit how deep expressions nest.
MAX_VALUES: Final = 100

_PAGE_SIZE = re.compile(r"\d{1,4}", re.ASCII)
_OFFSET = re.compile(r"\d{1,9}", re.ASCII)
_WHOLE = re.compile(r"\d{1,19}", re.ASCII)

Parameters = Mapping[str, Sequence[str]]


class Seen(NamedTuple):
    """The last positions of what hosts said that a reading sees."""

    patches: int
    documents: int


@dataclass(frozen=True)
class EntryFilter:
    """Times are epoch ms; ``until_ms`` is exclusive. Ages count back from ``now_ms``."""

    include: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    exclude: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    since_ms: int | None = None
    until_ms: int | None = None
    pairs: tuple[tuple[str, str], ...] = ()  # as given, for links
    now_ms: int = 0
    seen: Seen | None = None  # all, unless given

    @property
    def key(self) -> Hashable:
        return tuple(sorted(self.include.items())), tuple(sorted(self.exclude.items())), self.seen

    def one(self, name: str) -> str | None:
        """The value, if given exactly once."""
        values = self.include.get(name, ())
        return values[0] if len(values) == 1 else None

    @property
    def phrases(self) -> list[search_words.Phrase]:
        return [search_words.phrase(value) for value in self.include.get("phrase", ())]

    @property
    def asked(self) -> list[tuple[str, tuple[str, ...]]]:
        """Names without ``not_``, with their values; those inside ``matching`` too."""
        own = [*self.include.items(), *self.exclude.items()]
        return [
            *own,
            *(pair for name, values in own if name == "matching" for value in values for pair in part(value).asked),
        ]

    def matching(self, value: str) -> "EntryFilter":
        """The filter inside, of the same times."""
        return replace(part(value), since_ms=self.since_ms, until_ms=self.until_ms, now_ms=self.now_ms, seen=self.seen)

    def fingerprint(self, order: str) -> str:
        text = repr((sorted(self.pairs), order))
        return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:12]


def parse(parameters: Parameters, now_ms: int) -> EntryFilter:
    """Raises ``Invalid`` (the parameter's name). ``now_ms``: epoch ms."""
    names = (*VALUES, *meta_filters.checked_names(parameters))
    include = {name: _values(parameters, name) for name in names if name in parameters}
    exclude = {name: _values(parameters, f"not_{name}") for name in names if f"not_{name}" in parameters}
    since = [*_instants(parameters, "since", now_ms), *_instants(parameters, "not_until", now_ms)]
    until = [*_instants(parameters, "until", now_ms), *_instants(parameters, "not_since", now_ms)]
    spans = [periods.span_of(value, now_ms) for value in parameters.get("period", ())]
    since += [span.since_ms for span in spans if span.since_ms is not None]
    until += [span.until_ms for span in spans if span.until_ms is not None]
    until += _ends_before(parameters.get("not_period", ()), now_ms)
    _check_new(include, exclude, since)
    inside = [part(value) for given in (include, exclude) for value in given.get("matching", ())]
    for each in inside:
        _check_new(each.include, each.exclude, since)
    written = (*PARAMETERS, *(name for name in parameters if meta_filters.is_meta(name)))
    pairs = [(name, value) for name in written for value in parameters.get(name, ())]
    number = len(pairs) + sum(len(each.pairs) for each in inside)
    if number > MAX_VALUES:
        raise Invalid(pairs[-1][0], "count", f"too many values: {number:,}; a filter takes at most {MAX_VALUES}")
    return EntryFilter(include, exclude, max(since, default=None), min(until, default=None), tuple(pairs), now_ms)


def _check_new(include: Iterable[str], exclude: Iterable[str], since: Iterable[int]) -> None:
    # What was new in all time is everything.
    for name, given in (("is", include), ("not_is", exclude)):
        if "is" in given and not since:
            raise Invalid(name, "combination", "new needs a period: add period=7d")


def part(text: str, name: str = "matching") -> EntryFilter:
    """A filter without times as a query string. Raises ``Invalid`` (``name``)."""
    pairs = query_pairs(text, name)
    for each, _ in pairs:
        base = each.removeprefix("not_")
        if base == "matching" or not (base in VALUES or meta_filters.is_possible(each)):
            raise Invalid(name, "choice", f'cannot contain "{each[:40]}"')
    try:
        include = _grouped(pairs, "")
        exclude = _grouped(pairs, "not_")
    except Invalid as error:
        raise Invalid(name, error.rule, f"{error.field}: {error.detail}") from None
    return EntryFilter(include, exclude, pairs=tuple(pairs))


def query_pairs(text: str, name: str) -> list[tuple[str, str]]:
    """Raises ``Invalid`` (``name``)."""
    try:
        pairs = parse_qsl(text, True, strict_parsing=True, errors="strict", max_num_fields=MAX_VALUES)
    except ValueError:
        pairs = []
    if not pairs:
        detail = f"must be a filter as a query string, such as status=rejected, with at most {MAX_VALUES} values"
        raise Invalid(name, "query", f'{detail}; not "{text[:40]}"')
    return pairs


def from_pairs(pairs: Iterable[tuple[str, str]], now_ms: int) -> EntryFilter:
    parameters: dict[str, list[str]] = {}
    for name, value in pairs:
        parameters.setdefault(name, []).append(value)
    return parse(parameters, now_ms)


def order(parameters: Parameters, default: Order) -> Order:
    value = _last(parameters, "order")
    if value is None:
        return default
    if value in get_args(Order):
        return cast(Order, value)
    raise Invalid("order", "choice", f'must be asc or desc, not "{value[:40]}"')


def page_size(parameters: Parameters) -> int | None:
    value = _last(parameters, "page_size")
    if value is None:
        return None
    if _PAGE_SIZE.fullmatch(value) and 1 <= int(value) <= page_sizes.LARGEST:
        return int(value)
    raise Invalid("page_size", "range", f'must be a whole number from 1 to {page_sizes.LARGEST}, not "{value[:40]}"')


def offset(parameters: Parameters, name: str = "skip") -> int:
    """Rows to skip on pages that have no key to continue from."""
    value = _last(parameters, name) or "0"
    if _OFFSET.fullmatch(value):
        return int(value)
    raise Invalid(name, "offset", "is not valid; start again without it")


def after(parameters: Parameters) -> int | None:
    return whole(parameters, "after", 2**63 - 1)


def check_single(parameters: Parameters, *names: str) -> None:
    """Raises ``Invalid`` if one of them is repeated."""
    for name in names:
        if (times := len(parameters.get(name, ()))) > 1:
            raise Invalid(name, "repeated", f"is given {times:,} times; give it once")


def flag(parameters: Parameters, name: str) -> bool:
    """False unless given. Raises ``Invalid``."""
    check_single(parameters, name)
    (value,) = parameters.get(name, ["false"])
    if value not in ("true", "false"):
        raise Invalid(name, "choice", f'must be true or false, not "{value[:40]}"')
    return value == "true"


def whole(parameters: Parameters, name: str, most: int, least: int = 0) -> int | None:
    value = _last(parameters, name)
    if value is None:
        return None
    if _WHOLE.fullmatch(value) and least <= int(value) <= most:
        return int(value)
    raise Invalid(name, "range", f'must be a whole number from {least:,} to {most:,}, not "{value[:40]}"')


def _grouped(pairs: Iterable[tuple[str, str]], prefix: str) -> dict[str, tuple[str, ...]]:
    # Of one of the two kinds: with ``not_`` before the name, or without.
    parameters: dict[str, list[str]] = {}
    for name, value in pairs:
        if name.startswith("not_") == bool(prefix):
            parameters.setdefault(name, []).append(value)
    return {name.removeprefix(prefix): _values(parameters, name) for name in parameters}


def _values(parameters: Parameters, name: str) -> tuple[str, ...]:
    values = tuple(dict.fromkeys(parameters[name]))
    base = name.removeprefix("not_")
    choices = CHOICES.get(base)
    for value in values:
        if not strict_json.is_text(value):  # a command's argument that is no UTF-8
            raise Invalid(name, "utf-8", "is not UTF-8")
        if choices and value not in choices:
            raise Invalid(name, "choice", f'must be one of {", ".join(choices)}, not "{value[:40]}"')
        if base in features.NAMES:
            features.check(name, value)
        if base == "touches":
            places.check(name, value)
        if base == "theme":
            theme_ids.check(name, value)
        if base == "phrase":
            _check_phrase(name, value)
    return values


def _check_phrase(name: str, value: str) -> None:
    try:
        search_words.phrase(value)
    except Invalid as error:
        raise Invalid(name, error.rule, error.detail) from None


def _ends_before(values: Iterable[str], now_ms: int) -> list[int]:
    # Nothing lies before the period "all".
    starts = [periods.span_of(value, now_ms, "not_period").since_ms for value in values]
    return [periods.I64.start if start is None else start for start in starts]


def _instants(parameters: Parameters, name: str, now_ms: int) -> list[int]:
    return [periods.instant(name, value, now_ms) for value in parameters.get(name, ())]


def _last(parameters: Parameters, name: str) -> str | None:
    values = parameters.get(name, ())
    return values[-1] if values else None
