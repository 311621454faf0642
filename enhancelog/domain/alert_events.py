"""What the messages of alerts say: ``data`` of each event. Texts are cut; addresses are absolute."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from enhancelog.domain.alerts import EVENTS
from enhancelog.domain.marker_figures import Effect
from enhancelog.domain.pattern_states import State

MOST_CHARACTERS: Final = 500  # of a text
MOST_LISTED: Final = 10  # reasons, axes, patterns, markers


class AboutAlert(Struct, frozen=True, kw_only=True):
    id: str
    name: str
    url: str


class Event(Struct, frozen=True, kw_only=True):
    alert: AboutAlert
    url: str


class RejectedEntry(Event, frozen=True, kw_only=True):
    """`axes` and `reasons`: the first ones."""

    issue_id: str
    blueprint_id: str
    source: str
    ts_ms: int
    intent: str
    axes: list[str]
    reasons: list[str]


class NewPattern(Event, frozen=True, kw_only=True):
    """`issue_id`: the entry that it denied first, in its order of arrival."""

    pattern: str
    axis: str
    template: str
    issue_id: str
    blueprint_id: str
    entry_url: str


class ReturnedPattern(Event, frozen=True, kw_only=True):
    """`issue_id`: the entry whose denial made it return. `changed_by` set the state."""

    pattern: str
    axis: str
    template: str
    state: State
    changed_by: str
    changed_ms: int
    note: str
    issue_id: str
    blueprint_id: str
    entry_url: str


class HighRate(Event, frozen=True, kw_only=True):
    """`rejected` of the last `runs`, up to the entry `issue_id`. `usual_…`: of the 28 days before, if the rule compares
    with them; else `percent` is its limit."""

    rejected: int
    runs: int
    percent: int | None
    usual_rejected: int | None
    usual_runs: int | None
    issue_id: str


class SilentAxis(Event, frozen=True, kw_only=True):
    """It judged `judged` of the `runs` runs before, and none of the last `runs`, up to the entry `issue_id`."""

    axis: str
    judged: int
    runs: int
    issue_id: str


class SilentRuns(Event, frozen=True, kw_only=True):
    """`last_ms`: when the last run was recorded, null if there was none."""

    hours: int
    last_ms: int | None
    last_issue_id: str | None


class RunUnfinished(Event, frozen=True, kw_only=True):
    issue_id: str
    blueprint_id: str
    source: str
    intent: str
    cause: str | None
    reason: str


class MentionedBy(Event, frozen=True, kw_only=True):
    """`about`: pattern, entry, blueprint or marker, with its id. `text`: the beginning of the note."""

    by: str
    about: str
    about_id: str
    text: str


class DigestPattern(Struct, frozen=True, kw_only=True):
    """Entries that it denied in the time of the digest, and in an equal time before."""

    pattern: str
    axis: str
    template: str
    denied: int
    before: int
    url: str


class DigestMarker(Struct, frozen=True, kw_only=True):
    """What the rate of rejections did after it; `too_few` runs to tell, perhaps."""

    title: str
    ts_ms: int
    effect: Effect
    url: str


class Digest(Event, frozen=True, kw_only=True):
    """From `since_ms` up to `until_ms`, and the same time before. `waiting`: patterns that nobody decided about.
    `more_new`: new patterns beyond those listed."""

    since_ms: int
    until_ms: int
    view: str | None
    runs: int
    rejected: int
    runs_before: int
    rejected_before: int
    is_whole: bool
    new_patterns: list[DigestPattern]
    more_new: int
    moved: list[DigestPattern]
    markers: list[DigestMarker]
    waiting: int
    triage_url: str


KINDS: Final[Mapping[str, type[Event]]] = dict(
    zip(
        EVENTS,
        (
            NewPattern,
            ReturnedPattern,
            HighRate,
            SilentAxis,
            SilentRuns,
            RunUnfinished,
            RejectedEntry,
            MentionedBy,
            Digest,
        ),
        strict=True,
    )
)


def read(event: str, data: Mapping[str, Any]) -> Event:
    return msgspec.convert(data, KINDS[event])
