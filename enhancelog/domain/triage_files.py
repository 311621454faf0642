"""The file that triage is exported to and imported from: what it may say. All of it is checked before any is stored."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from enhancelog.domain import names, strict_json
from enhancelog.domain.alerts import CHANNELS, EVENTS, AlertChannel, AlertEvent, checked_options
from enhancelog.domain.decoding_errors import named
from enhancelog.domain.errors import Invalid
from enhancelog.domain.notes import ABOUT, MAX_MENTIONS, MAX_TEXT, NoteAbout
from enhancelog.domain.pattern_states import CAUSES, MAX_A_DAY, MAX_NOTE, STATES, Cause, State
from enhancelog.domain.records import EpochMs, check_id
from enhancelog.domain.reviews import MAX_REASON, VERDICTS, ReviewVerdict

FORMAT: Final = "enhancelog-triage"
VERSION: Final = 1
MAX_BYTES: Final = 2 << 20  # over the API: appends wait while a file is imported
MAX_FILE_BYTES: Final = 256 << 20  # of the command

TriageKind = Literal["states", "notes", "reviews", "views", "alerts"]

Name = Annotated[str, Meta(max_length=200)]
ActorKind = Literal["user", "token", "command", "server"]
Position = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Number = Annotated[int, Meta(ge=1, le=2**31 - 1)]
Key = Annotated[str, Meta(max_length=512)]
_Url = Annotated[str, Meta(min_length=1, max_length=4_000)]


class TriageState(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A change of a state. `undoes` and `restores`: the number of an earlier one in the list, from 1. `templates`: for
    which it was made; `holds_for`: for which it holds."""

    axis: Key
    state: State
    cause: Cause | None = None
    assignee: Name | None = None
    note: Annotated[str, Meta(max_length=MAX_NOTE)] = ""
    most_a_day: Annotated[int, Meta(ge=1, le=MAX_A_DAY)] | None = None
    undoes: Number | None = None
    restores: Number | None = None
    actor_kind: ActorKind
    actor_name: Name
    made_ms: EpochMs
    seen: Position
    templates: Annotated[list[Key], Meta(min_length=1)]
    holds_for: list[Key] = []


class TriageNoteVersion(Struct, frozen=True, kw_only=True, omit_defaults=True):
    version: Number
    text: Annotated[str, Meta(max_length=MAX_TEXT)]
    mentions: Annotated[list[Name], Meta(max_length=MAX_MENTIONS)] = []
    made_ms: EpochMs


class TriageNote(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`user`: who may edit it, if they are known here. `versions`: none if it was withdrawn."""

    id: Annotated[str, Meta(pattern="^[0-9a-f]{16}$")]
    about: NoteAbout
    about_id: Key
    actor_kind: ActorKind
    actor_name: Name
    user: Name | None = None
    made_ms: EpochMs
    edited_ms: EpochMs | None = None
    withdrawn_ms: EpochMs | None = None
    withdrawn_by: Name | None = None
    version: Number
    versions: list[TriageNoteVersion] = []


class TriageReview(Struct, frozen=True, kw_only=True, omit_defaults=True):
    issue_id: Key
    axis: Key
    reviewer: Name
    verdict: ReviewVerdict
    reason: Annotated[str, Meta(max_length=MAX_REASON)] = ""
    seed: Position | None = None
    made_ms: EpochMs


class TriageView(Struct, frozen=True, kw_only=True, omit_defaults=True):
    owner: Name
    name: Name
    url: _Url
    shared: bool = False


class TriageViewName(Struct, frozen=True, kw_only=True):
    owner: Name
    name: Name


class TriageAlert(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Without its secret. `address`: none of Slack, where it is a secret. `has_view`: also of one that was deleted."""

    id: Annotated[str, Meta(pattern="^[0-9a-f]{16}$")]
    owner: Name
    name: Name
    event: AlertEvent
    has_view: bool = False
    view: TriageViewName | None = None
    options: dict[str, str | int | float | bool | None] = {}
    channel: AlertChannel
    address: Annotated[str, Meta(max_length=2_000)] = ""
    made_ms: EpochMs


class TriageFile(Struct, frozen=True, kw_only=True):
    format: Literal["enhancelog-triage"]
    version: int
    states: list[TriageState] = []
    notes: list[TriageNote] = []
    reviews: list[TriageReview] = []
    views: list[TriageView] = []
    alerts: list[TriageAlert] = []


class TriageCounts(Struct, frozen=True, kw_only=True):
    made: int = 0
    changed: int = 0
    unchanged: int = 0
    skipped: int = 0


class TriageSkipped(Struct, frozen=True):
    """`place`: in the file, such as `reviews[3]`."""

    place: str
    why: str


class TriageImported(Struct, frozen=True, kw_only=True):
    """`skipped`: the first 100. `unknown_templates`: kept, for when a log with them arrives. `unknown_users`: the first
    100; their names are kept."""

    states: TriageCounts
    notes: TriageCounts
    reviews: TriageCounts
    views: TriageCounts
    alerts: TriageCounts
    skipped: list[TriageSkipped]
    unknown_templates: int
    unknown_users: list[str]


_decoder = msgspec.json.Decoder(TriageFile)
_CHOICES: Final = {
    "format": (FORMAT,),
    "states.state": STATES,
    "states.cause": CAUSES,
    "notes.about": ABOUT,
    "reviews.verdict": VERDICTS,
    "alerts.event": EVENTS,
    "alerts.channel": CHANNELS,
}


def decode(data: bytes) -> TriageFile:
    """Drops unknown fields. Raises ``Invalid``."""
    raw = strict_json.loads(data)
    if not isinstance(raw, dict):
        raise Invalid("", "type", "must be a JSON object")
    version = raw.get("version")
    if raw.get("format") == FORMAT and type(version) is int and version != VERSION:
        raise Invalid("version", "version", f"is {version}; this release reads {VERSION}")
    try:
        found = _decoder.decode(data)
    except msgspec.ValidationError as error:
        raise named(error, _CHOICES) from None
    _check_states(found.states)
    _check_notes(found.notes)
    _check_unique("reviews", found.reviews, lambda each: (each.issue_id, each.axis, each.reviewer))
    _check_unique("views", found.views, lambda each: (each.owner, each.name))
    _check_unique("alerts", found.alerts, lambda each: each.id)
    _check_people("states", found.states, "actor_name", "assignee")
    _check_people("notes", found.notes, "actor_name", "withdrawn_by")
    _check_people("reviews", found.reviews, "reviewer")
    for place, review in _places("reviews", found.reviews):
        check_id(review.axis, f"{place}.axis")
    for place, view in _places("views", found.views):
        _check_name(view.name, place)
        if not view.url.startswith("/") or view.url.startswith(("//", "/\\")) or not view.url.isprintable():
            raise Invalid(f"{place}.url", "url", "must be the address of a list here, such as /rejections/?axis=noop")
    for place, alert in _places("alerts", found.alerts):
        _check_alert(place, alert)
    return found


def _check_states(states: Sequence[TriageState]) -> None:
    held: set[str] = set()
    for number, (place, change) in enumerate(_places("states", states), 1):
        check_id(change.axis, f"{place}.axis")
        for field in ("templates", "holds_for"):
            keys: list[str] = getattr(change, field)
            for index, key in enumerate(keys):
                check_id(key, f"{place}.{field}[{index}]")
            if len(set(keys)) < len(keys):
                raise Invalid(f"{place}.{field}", "duplicate", "names a template twice")
        for field in ("undoes", "restores"):
            if (getattr(change, field) or 0) >= number:
                raise Invalid(f"{place}.{field}", "range", f"must be the number of an earlier state, below {number}")
        if twice := held.intersection(change.holds_for):
            raise Invalid(f"{place}.holds_for", "duplicate", f"names {min(twice)}, for which another state holds")
        held.update(change.holds_for)


def _check_notes(notes: Sequence[TriageNote]) -> None:
    _check_unique("notes", notes, lambda each: each.id)
    for place, note in _places("notes", notes):
        check_id(note.about_id, f"{place}.about_id", may_be_empty=note.about == "blueprint")
        numbers = [each.version for each in note.versions]
        if numbers != sorted(set(numbers)):
            raise Invalid(f"{place}.versions", "order", "must be in ascending order, each once")
        if not numbers and note.withdrawn_ms is None:
            raise Invalid(f"{place}.versions", "missing", "must contain a version, because it was not withdrawn")
        if numbers and note.version < numbers[-1]:
            raise Invalid(f"{place}.version", "range", f"must be {numbers[-1]} or more, as its versions say")


def _check_alert(place: str, alert: TriageAlert) -> None:
    _check_name(alert.name, place)
    if not alert.address.isprintable():
        raise Invalid(f"{place}.address", "text", "must contain printable characters only")
    try:
        checked_options(alert.event, alert.options)
    except Invalid as error:
        raise Invalid(f"{place}.{error.field}", error.rule, error.detail) from None


def _check_name(name: str, place: str) -> None:
    try:
        names.check(name)
    except Invalid as error:
        raise Invalid(f"{place}.name", error.rule, error.detail) from None


def _check_people(kind: TriageKind, items: Iterable[Any], *fields: str) -> None:
    for place, each in _places(kind, items):
        for field in fields:
            if not (getattr(each, field) or "").isprintable():
                raise Invalid(f"{place}.{field}", "text", "must contain printable characters only")


def _check_unique(kind: TriageKind, items: Sequence[Any], key: Callable[[Any], Any]) -> None:
    seen = set()
    for place, each in _places(kind, items):
        if key(each) in seen:
            raise Invalid(place, "duplicate", "appears twice")
        seen.add(key(each))


def _places(kind: TriageKind, items: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    for index, each in enumerate(items):
        yield f"{kind}[{index}]", each
