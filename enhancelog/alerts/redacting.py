"""Takes redacted texts out of the outbox: of messages that wait, and of those that are kept for a while."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from django.db.backends.utils import CursorWrapper
from django.db.models import F, Q, Value
from django.db.models.functions import StrIndex
from django.db.models.lookups import GreaterThan

from enhancelog.alerts import holding
from enhancelog.alerts.messages import short
from enhancelog.domain import records, redactions
from enhancelog.models import Delivery, DeliveryAttempt
from enhancelog.store.redacting import Taken

_AT_ONCE: Final = 500  # rows

# Where a message about an entry may say texts of it. Nothing else of it is looked at: a text that equals a state, a
# Blueprint's id or an alert's name is not what that says.
_OF_ENTRY: Final[Mapping[str, tuple[str, ...]]] = {
    "entry.rejected": ("intent", "reasons"),
    "run.unfinished": ("intent", "reason"),
    "pattern.new": ("template",),
    "pattern.returned": ("template", "note"),
    "mention": ("text",),
}
# Messages that say the wordings of patterns, and where a digest lists these.
_OF_PATTERNS: Final = ("pattern.new", "pattern.returned", "digest")
_LISTED: Final = ("new_patterns", "moved")


class _Gone(NamedTuple):
    """As messages say them. ``wordings``: with their axes."""

    issue_id: str
    texts: frozenset[str]
    wordings: frozenset[tuple[str, str]]


def tables() -> list[str]:
    return [table._meta.db_table for table in (Delivery, DeliveryAttempt)]


def forget(cursor: CursorWrapper, taken: Taken) -> None:
    """A message has a text as ``short`` leaves it, so whole values are compared."""
    holding.progress()
    holding.locked()
    texts = frozenset(map(short, (*taken.texts, *taken.of_hosts))) - {""}
    wordings = frozenset((axis, short(text)) for axis, text in taken.wordings)
    for id, data in list(_changed(_Gone(taken.after.issue_id, texts, wordings))):
        Delivery.objects.filter(pk=id).update(data=data)
        # A receiver may have answered with what it was sent.
        DeliveryAttempt.objects.filter(delivery=id).exclude(answer="").update(answer=redactions.REDACTED)


# The database finds the messages that name the entry, so that only these are read, and those about patterns.
def _changed(gone: _Gone) -> Iterator[tuple[str, str]]:
    wanted = Q(GreaterThan(StrIndex(F("data"), Value(records.encode_part(gone.issue_id))), 0))
    if gone.wordings:
        wanted |= Q(event__in=_OF_PATTERNS)
    rows = Delivery.objects.filter(wanted).values_list("id", "event", "data")
    for id, event, data in rows.iterator(_AT_ONCE):
        message = json.loads(data)
        left = _without(event, message, gone)
        if left != message:
            yield id, records.encode_part(left)


def _without(event: str, message: Mapping[str, Any], gone: _Gone) -> dict[str, Any]:
    fields = _OF_ENTRY.get(event, ()) if _entry_of(message) == gone.issue_id else ()
    left = {name: _without_texts(value, gone) if name in fields else value for name, value in message.items()}
    if event == "digest":
        return left | {name: [_without_wording(each, gone) for each in left.get(name, [])] for name in _LISTED}
    return _without_wording(left, gone)


def _entry_of(message: Mapping[str, Any]) -> str | None:
    return message.get("about_id") if message.get("about") == "entry" else message.get("issue_id")


def _without_texts(value: Any, gone: _Gone) -> Any:
    if isinstance(value, list):
        return [_without_texts(each, gone) for each in value]
    return redactions.REDACTED if value in gone.texts else value


def _without_wording(pattern: dict[str, Any], gone: _Gone) -> dict[str, Any]:
    said = pattern.get("axis"), pattern.get("template")
    return {**pattern, "template": redactions.REDACTED} if said in gone.wordings else pattern
