"""What a rule of alerts says."""

import zoneinfo
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Final, Literal, TypeVar, cast, get_args

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from enhancelog.domain import names, strict_json
from enhancelog.domain.decoding_errors import named
from enhancelog.domain.errors import Invalid
from enhancelog.domain.records import EpochMs, check_id

AlertEvent = Literal[
    "pattern.new",
    "pattern.returned",
    "rate.high",
    "axis.silent",
    "runs.silent",
    "run.unfinished",
    "entry.rejected",
    "mention",
    "digest",
]
EVENTS: Final = get_args(AlertEvent)
AlertChannel = Literal["webhook", "slack", "email"]
CHANNELS: Final = get_args(AlertChannel)
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: Final = get_args(Weekday)

MAX_BYTES: Final = 16 << 10  # of JSON
MAX_ADDRESS: Final = 254  # characters of an e-mail address
BY_PERSON: Final = "switched off by "  # how the reason begins if a person did it
FEWEST_RUNS: Final = 20
MOST_RUNS: Final = 2_000
MOST_RUNS_OF_AXES: Final = 500
MOST_HOURS: Final = 90 * 24

_Read = TypeVar("_Read")


class NoOptions(Struct, frozen=True):
    pass


class RateOptions(Struct, frozen=True, kw_only=True):
    """The rate of rejections among the last `runs` is above `percent`, or (`twice`) more than twice the usual one."""

    runs: Annotated[int, Meta(ge=FEWEST_RUNS, le=MOST_RUNS)] = 100
    percent: Annotated[int, Meta(ge=1, le=99)] | None = None
    twice: bool = False


class AxisOptions(Struct, frozen=True, kw_only=True):
    """An axis that judged most of `runs` runs judged none of the next `runs`. `axis`: any, unless given."""

    runs: Annotated[int, Meta(ge=FEWEST_RUNS, le=MOST_RUNS_OF_AXES)] = 50
    axis: str | None = None


class SilenceOptions(Struct, frozen=True, kw_only=True):
    """No run for so many hours."""

    hours: Annotated[int, Meta(ge=1, le=MOST_HOURS)] = 24


class DigestOptions(Struct, frozen=True, kw_only=True):
    """When it is sent, by the clock of the time zone. `weekday`: of a weekly one."""

    every: Literal["day", "week"] = "day"
    weekday: Weekday = "monday"
    hour: Annotated[int, Meta(ge=0, le=23)] = 8
    time_zone: str = "UTC"


Options = NoOptions | RateOptions | AxisOptions | SilenceOptions | DigestOptions
_OPTIONS: Final[Mapping[str, type[Options]]] = {
    "rate.high": RateOptions,
    "axis.silent": AxisOptions,
    "runs.silent": SilenceOptions,
    "digest": DigestOptions,
}

AlertName = Annotated[str, Meta(extra_json_schema={"minLength": 1, "maxLength": names.MAX_CHARACTERS})]


class NewAlert(Struct, frozen=True, kw_only=True):
    """`view`: the id of a saved view; everything, unless given. `url`: of a webhook or slack, `address`: of e-mail.
    `options`: what the event needs."""

    name: AlertName
    event: AlertEvent
    channel: AlertChannel
    view: int | None = None
    url: str | None = None
    address: str | None = None
    options: dict[str, Any] = {}


class AlertEdit(Struct, frozen=True, kw_only=True):
    """What is left out stays; the event and the channel always do. `rotate_secret`: the answer has a new secret; the
    former one signs too, for a day."""

    name: AlertName | UnsetType = UNSET
    view: int | UnsetType | None = UNSET
    url: str | UnsetType = UNSET
    address: str | UnsetType = UNSET
    options: dict[str, Any] | UnsetType = UNSET
    on: bool | UnsetType = UNSET
    snoozed_until_ms: EpochMs | UnsetType | None = UNSET
    rotate_secret: bool = False


class AlertView(Struct, frozen=True, kw_only=True):
    id: int
    name: str
    url: str


class AlertRule(Struct, frozen=True, kw_only=True):
    """`view`: null is everything. `off_why`: of one that is off. `options`: what the event needs. `stuck_since_ms`: it
    could not be evaluated since, and `stuck_why`. `url`: of Slack, only its host."""

    id: str
    name: str
    owner: str
    event: AlertEvent
    view: AlertView | None
    channel: AlertChannel
    url: str | None
    address: str | None
    options: dict[str, Any]
    on: bool
    off_why: str
    snoozed_until_ms: int | None
    failing_since_ms: int | None
    stuck_since_ms: int | None
    stuck_why: str
    made_ms: int
    version: int


class AlertWithSecret(AlertRule, frozen=True, kw_only=True):
    """`secret`: signs its webhooks; shown once. Empty without any."""

    secret: str


class TestMessage(Struct, frozen=True):
    """The id of the message that is on its way."""

    id: str


def options_of(event: str) -> type[Options]:
    return _OPTIONS.get(event, NoOptions)


def checked_options(event: str, given: Mapping[str, Any]) -> Options:
    """Raises ``Invalid`` (``options.…``)."""
    kind = options_of(event)
    for name in given:
        if name not in kind.__struct_fields__:
            known = ", ".join(kind.__struct_fields__) or "none"
            raise Invalid(f"options.{name[:40]}", "option", f"is no option of {event}; these are: {known}")
    try:
        options = msgspec.convert(dict(given), kind)
    except msgspec.ValidationError as error:
        raise named(error, {"options.weekday": WEEKDAYS, "options.every": ("day", "week")}, "options") from None
    _check_options(options)
    return options


def _check_options(options: Options) -> None:
    if isinstance(options, RateOptions) and options.twice == (options.percent is not None):
        raise Invalid("options.percent", "combination", "must be given, or else twice; not both")
    if isinstance(options, AxisOptions) and options.axis is not None:
        check_id(options.axis, "options.axis")
    if isinstance(options, DigestOptions) and not is_time_zone(options.time_zone):
        shown = options.time_zone[:40]
        raise Invalid("options.time_zone", "zone", f'must be a time zone such as Europe/Zurich, not "{shown}"')


def is_time_zone(name: str) -> bool:
    # Only names of the list: others could be paths.
    return name in time_zones()


@cache
def time_zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())  # reads the beginning of each file


def decode_new(data: bytes) -> NewAlert:
    """Drops unknown fields. Raises ``Invalid``."""
    found = _decoded(_new, data)
    _check_texts(found.name, found.url, found.address)
    return found


def decode_edit(data: bytes) -> AlertEdit:
    """Drops unknown fields. Raises ``Invalid``."""
    found = _decoded(_edit, data)
    _check_texts(*(value if isinstance(value, str) else None for value in (found.name, found.url, found.address)))
    return found


def _check_texts(name: str | None, url: str | None, address: str | None) -> None:
    for field, value in (("name", name), ("url", url), ("address", address)):
        if value is not None:
            strict_json.check_text(value, field)
    if name is not None:
        names.check(name)


def _decoded(decoder: msgspec.json.Decoder[_Read], data: bytes) -> _Read:
    if not isinstance(strict_json.loads(data), dict):
        raise Invalid("", "type", "must be a JSON object")
    try:
        return decoder.decode(data)
    except msgspec.ValidationError as error:
        raise named(error, {"event": EVENTS, "channel": CHANNELS}) from None


def event_of(text: str) -> AlertEvent:
    return cast(AlertEvent, text)


_new = msgspec.json.Decoder(NewAlert)
_edit = msgspec.json.Decoder(AlertEdit)
