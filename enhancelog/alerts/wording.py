"""What messages say in plain English, before they are written for where they go."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from django.conf import settings

from enhancelog.domain import alert_events
from enhancelog.domain.alert_events import (
    Digest,
    DigestPattern,
    Event,
    HighRate,
    MentionedBy,
    NewPattern,
    RejectedEntry,
    ReturnedPattern,
    RunUnfinished,
    SilentAxis,
    SilentRuns,
)
from enhancelog.domain.alert_messages import Line, Message
from enhancelog.domain.intervals import FEW

_EFFECTS: Final = {
    "better": "the rate of rejections fell",
    "worse": "the rate of rejections rose",
    "unclear": "no clear difference",
    "too_few": "too few runs to tell",
}
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_NO_NAME: Final = "(no name)"


def message(event: str, data: Mapping[str, Any]) -> Message:
    """``data``: of the message, as stored."""
    found = alert_events.read(event, data)
    title, *lines = _said(found)
    return Message(_one_line(Line(title.text, _path(found.url))), [_one_line(line) for line in lines])


def _one_line(line: Line) -> Line:
    # What agents wrote must not look like a line, or a header, of ours.
    return line._replace(text=" ".join(_CONTROL.sub(" ", line.text).split()))


def _said(found: Event) -> Iterator[Line]:
    # The title, then the lines below it.
    match found:
        case RejectedEntry():
            yield Line(f"Rejected: {found.issue_id} in {_name(found.blueprint_id)}")
            yield from _texts(("Intent", found.intent))
            yield from (Line(reason) for reason in found.reasons)
        case NewPattern():
            yield Line(f"New pattern of {found.axis}: {found.template}")
            yield _entry("First denied", found.issue_id, found.blueprint_id, found.entry_url)
        case ReturnedPattern():
            yield Line(f"Pattern of {found.axis} returned: {found.template}")
            yield Line(f"{found.changed_by} said on {_day(found.changed_ms)} that it is {found.state}.")
            yield from _texts(("Note", found.note))
            yield _entry("Denied again", found.issue_id, found.blueprint_id, found.entry_url)
        case HighRate():
            yield Line(f"{_share(found.rejected, found.runs)} of the last {found.runs:,} runs were rejected")
            yield Line(f"{found.rejected:,} of {found.runs:,}, up to {found.issue_id}. {_limit(found)}")
        case SilentAxis():
            yield Line(f"The axis {found.axis} stopped judging")
            yield Line(
                f"It judged {found.judged:,} of {found.runs:,} runs, and none of the {found.runs:,} since,"
                f" up to {found.issue_id}."
            )
        case SilentRuns():
            yield Line(f"No run for {_number(found.hours, 'hour')}")
            last = f"The last one was recorded {_time(found.last_ms)}." if found.last_ms else "There was none yet."
            yield Line(last)
        case RunUnfinished():
            yield Line(f"A run did not finish: {found.issue_id} in {_name(found.blueprint_id)}")
            yield from _texts(("Intent", found.intent), ("Cause", found.cause or ""), ("Reason", found.reason))
        case MentionedBy():
            yield Line(f"{found.by} mentioned you in a note on the {_about(found)}")
            yield from _texts(("", found.text))
        case Digest():
            yield from _digest(found)


def _digest(found: Digest) -> Iterator[Line]:
    of_view = f" of {found.view}" if found.view else ""
    yield Line(f"Digest{of_view}: {found.rejected:,} of {_number(found.runs, 'run')} rejected{_rate(found)}")
    yield Line(f"From {_time(found.since_ms)} to {_time(found.until_ms)}; the same time before:"
               f" {found.rejected_before:,} of {found.runs_before:,}.")  # fmt: skip
    if not found.is_whole:
        yield Line("Not all runs were counted, because there are too many.")
    if found.new_patterns:
        yield Line("New patterns:")
        yield from (_pattern(each) for each in found.new_patterns)
        if found.more_new:
            yield Line(f"{found.more_new:,} more.")
    else:
        yield Line("No new patterns.")
    if found.moved:
        yield Line("What moved:")
        yield from (_pattern(each) for each in found.moved)
    for marker in found.markers:
        yield Line(f"Marker {marker.title}: {_EFFECTS[marker.effect]}.", _path(marker.url))
    waiting = f"{_number(found.waiting, 'pattern')} {'waits' if found.waiting == 1 else 'wait'} in triage."
    yield Line(waiting, _path(found.triage_url))


def _rate(found: Digest) -> str:
    if found.runs < FEW:
        return ""
    return f" ({_share(found.rejected, found.runs)})"


def _pattern(each: DigestPattern) -> Line:
    return Line(f"{each.axis}: {each.template} – {each.denied:,} denied, {each.before:,} before", _path(each.url))


def _limit(found: HighRate) -> str:
    if found.percent is not None:
        return f"The limit is {found.percent} %."
    if not found.usual_runs:
        return ""
    usual = found.usual_rejected or 0
    return f"In the 28 days before, {_share(usual, found.usual_runs)} were: {usual:,} of {found.usual_runs:,}."


def _about(found: MentionedBy) -> str:
    noun = {"blueprint": "Blueprint"}.get(found.about, found.about)
    return f"{noun} {_name(found.about_id)}"


def _entry(label: str, issue_id: str, blueprint_id: str, url: str) -> Line:
    return Line(f"{label}: {issue_id} in {_name(blueprint_id)}", _path(url))


def _texts(*labelled: tuple[str, str]) -> Iterator[Line]:
    for label, text in labelled:
        if text:
            yield Line(f"{label}: {text}" if label else text)


def _name(blueprint_id: str) -> str:
    return blueprint_id or _NO_NAME


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %"


def _number(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _day(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms // 1000, UTC):%Y-%m-%d}"


def _time(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms // 1000, UTC):%Y-%m-%d %H:%M} UTC"


def _path(url: str) -> str:
    return url.removeprefix(settings.PUBLIC_ORIGIN)
