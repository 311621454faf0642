"""Query parameters as a filter, the same for pages, API and commands."""

import hashlib
import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Literal, NamedTuple, cast, get_args

from enhancelog.domain import meta_filters, page_sizes, search_words, strict_json
from enhancelog.domain.errors import Invalid
from enhancelog.domain.times import DAY_MS, day_of

Order = Literal["asc", "desc"]
Has = Literal["ops", "candidate", "gap", "badge"]

# Repeated parameters are OR, repeated "axis" is AND, "not_<name>" excludes. Unknown parameters are ignored. An id that
# cannot exist is valid and matches nothing. "meta.<key>" is a parameter, too.
CHOICES: Final = {
    "status": ("applied", "rejected"),
    "axes": ("one", "many"),
    "is": ("new",),
    "has": get_args(Has),
    "afterwards": ("applied", "rejected", "none"),
}
VALUES: Final = (
    "blueprint_id",
    "blueprint_prefix",
    "status",
    "axis",
    "axis_passed",
    "axis_absent",
    "only",
    "axes",
    "pattern",
    "is",
    "has",
    "afterwards",
    "text",
    "phrase",
    "source",
)
PERIODS: Final = ("24h", "7d", "30d", "90d", "all")  # offered by pages; any number of units is one, too

_TIMES: Final = ("since", "until", "period")
PARAMETERS: Final = (*VALUES, *(f"not_{name}" for name in VALUES), *_TIMES, *(f"not_{name}" for name in _TIMES))

MAX_WAIT_S: Final = 30
# Databases limit how deep expressions nest.
MAX_VALUES: Final = 100

_PAGE_SIZE = re.compile(r"\d{1,4}", re.ASCII)
_OFFSET = re.compile(r"\d{1,9}", re.ASCII)
_WHOLE = re.compile(r"\d{1,19}", re.ASCII)
_INTEGER = re.compile(r"-?\d{1,19}\Z", re.ASCII)
_DATE = re.compile(r"(\d{4}-\d{2}-\d{2})([Zz]|[+ -]\d{2}:\d{2})?\Z", re.ASCII)
_RFC3339 = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}:\d{2})(\.\d{1,9})?([Zz]|[+ -]\d{2}:\d{2})\Z",
    re.ASCII,
)
_AGO = re.compile(r"([1-9]\d{0,5})([mhdw])\Z", re.ASCII)
_DAYS_AGO = {"today": 0, "yesterday": 1}
_UNIT_MS = {"m": 60_000, "h": 3_600_000, "d": DAY_MS, "w": 7 * DAY_MS}
_I64 = range(-(2**63), 2**63)

Parameters = Mapping[str, Sequence[str]]


class Span(NamedTuple):
    """A half-open range of epoch ms; ``None``: unbounded."""

    since_ms: int | None = None
    until_ms: int | None = None


@dataclass(frozen=True)
class EntryFilter:
    """Times are epoch ms; ``until_ms`` is exclusive. Ages count back from ``now_ms``."""

    include: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    exclude: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    since_ms: int | None = None
    until_ms: int | None = None
    pairs: tuple[tuple[str, str], ...] = ()  # as given, for links
    now_ms: int = 0

    @property
    def key(self) -> Hashable:
        return tuple(sorted(self.include.items())), tuple(sorted(self.exclude.items()))

    def one(self, name: str) -> str | None:
        """The value, if given exactly once."""
        values = self.include.get(name, ())
        return values[0] if len(values) == 1 else None

    @property
    def phrases(self) -> list[search_words.Phrase]:
        return [search_words.phrase(value) for value in self.include.get("phrase", ())]

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
    periods = [span_of(value, now_ms) for value in parameters.get("period", ())]
    since += [span.since_ms for span in periods if span.since_ms is not None]
    until += [span.until_ms for span in periods if span.until_ms is not None]
    until += _ends_before(parameters.get("not_period", ()), now_ms)
    _check_new(include, exclude, since)
    written = (*PARAMETERS, *(name for name in parameters if meta_filters.is_meta(name)))
    pairs = [(name, value) for name in written for value in parameters.get(name, ())]
    if len(pairs) > MAX_VALUES:
        raise Invalid(pairs[-1][0], "count", f"too many values: {len(pairs):,}; a filter takes at most {MAX_VALUES}")
    return EntryFilter(include, exclude, max(since, default=None), min(until, default=None), tuple(pairs), now_ms)


def _check_new(include: Iterable[str], exclude: Iterable[str], since: Iterable[int]) -> None:
    # What was new in all time is everything.
    for name, given in (("is", include), ("not_is", exclude)):
        if "is" in given and not since:
            raise Invalid(name, "combination", "new is what was first seen in a period: add one, as in period=7d")


def from_pairs(pairs: Iterable[tuple[str, str]], now_ms: int) -> EntryFilter:
    parameters: dict[str, list[str]] = {}
    for name, value in pairs:
        parameters.setdefault(name, []).append(value)
    return parse(parameters, now_ms)


def span_of(period: str, now_ms: int, parameter: str = "period") -> Span:
    """Whole UTC days that end with today (``7d``, ``2w``), exactly that long up to now (``24h``, ``90m``), ``today``,
    ``yesterday`` or ``all``.
    """
    if period == "all":
        return Span()
    if bounds := _bounds(period, now_ms):
        return Span(*bounds)
    shown = period[:40]
    raise Invalid(parameter, "period", f'"{shown}" is not a period: use 7d, 2w, 24h, 90m, today, yesterday or all')


def _bounds(period: str, now_ms: int) -> tuple[int, int] | None:
    tomorrow_ms = (day_of(now_ms) + 1) * DAY_MS
    if period in _DAYS_AGO:
        until_ms = tomorrow_ms - _DAYS_AGO[period] * DAY_MS
        return until_ms - DAY_MS, until_ms
    if found := _AGO.match(period):
        until_ms = now_ms if found[2] in "mh" else tomorrow_ms
        return until_ms - int(found[1]) * _UNIT_MS[found[2]], until_ms
    return None


def instant(name: str, value: str, now_ms: int) -> int:
    """Epoch ms from epoch ms, RFC 3339, ``YYYY-MM-DD`` (midnight in UTC, or at the offset that follows), ``today``,
    ``yesterday`` or the age at which ``span_of`` starts.
    """
    try:
        if _INTEGER.match(value) and int(value) in _I64:
            return int(value)
        if found := _DATE.match(value):
            return _rfc3339_ms(found[1], "00:00:00", None, found[2] or "Z")
        if found := _RFC3339.match(value):
            return _rfc3339_ms(*found.groups())
    except (ValueError, OverflowError):
        pass
    if bounds := _bounds(value, now_ms):
        return bounds[0]
    raise Invalid(
        name,
        "time",
        f'"{value[:40]}" is not a time: use epoch ms, RFC 3339, YYYY-MM-DD, today, yesterday, '
        "or an age like 90m, 24h, 7d, 2w",
    )


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


def offset(parameters: Parameters, name: str = "cursor") -> int:
    """Rows to skip on pages that have no key to continue from."""
    value = _last(parameters, name) or "0"
    if _OFFSET.fullmatch(value):
        return int(value)
    raise Invalid(name, "cursor", "is not valid; start again without it")


def after(parameters: Parameters) -> int | None:
    return _whole(parameters, "after", 2**63 - 1)


def check_single(parameters: Parameters, *names: str) -> None:
    """Raises ``Invalid`` if one of them is repeated."""
    for name in names:
        if (times := len(parameters.get(name, ()))) > 1:
            raise Invalid(name, "repeated", f"is given {times:,} times; give it once")


def wait_s(parameters: Parameters) -> int:
    return _whole(parameters, "wait", MAX_WAIT_S) or 0


def _whole(parameters: Parameters, name: str, most: int) -> int | None:
    value = _last(parameters, name)
    if value is None:
        return None
    if _WHOLE.fullmatch(value) and int(value) <= most:
        return int(value)
    raise Invalid(name, "range", f'must be a whole number from 0 to {most:,}, not "{value[:40]}"')


def _values(parameters: Parameters, name: str) -> tuple[str, ...]:
    values = tuple(dict.fromkeys(parameters[name]))
    base = name.removeprefix("not_")
    choices = CHOICES.get(base)
    for value in values:
        if not strict_json.is_text(value):  # a command's argument that is no UTF-8
            raise Invalid(name, "utf-8", "is not UTF-8")
        if choices and value not in choices:
            raise Invalid(name, "choice", f'must be one of {", ".join(choices)}, not "{value[:40]}"')
        if base == "phrase":
            _check_phrase(name, value)
    return values


def _check_phrase(name: str, value: str) -> None:
    try:
        search_words.phrase(value)
    except Invalid as error:
        raise Invalid(name, error.rule, error.detail) from None


def _ends_before(periods: Iterable[str], now_ms: int) -> list[int]:
    # Nothing lies before the period "all".
    starts = [span_of(period, now_ms, "not_period").since_ms for period in periods]
    return [_I64.start if start is None else start for start in starts]


def _instants(parameters: Parameters, name: str, now_ms: int) -> list[int]:
    return [instant(name, value, now_ms) for value in parameters.get(name, ())]


def _rfc3339_ms(day: str, clock: str, fraction: str | None, zone: str) -> int:
    offset = "+00:00" if zone in "Zz" else zone.replace(" ", "+")  # an unescaped + arrives as a space
    moment = datetime.fromisoformat(f"{day}T{clock}{offset}")
    whole = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (whole.days * 86400 + whole.seconds) * 1000 + int(f"{(fraction or '.0')[1:]:0<3}"[:3])


def _last(parameters: Parameters, name: str) -> str | None:
    values = parameters.get(name, ())
    return values[-1] if values else None
