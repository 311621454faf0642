"""The audit in words: who did what to what, with links to what is still there."""

from collections.abc import Callable, Collection, Sequence
from typing import Any, Final, NamedTuple

import msgspec
from django.urls import reverse

from enhancelog import links
from enhancelog.domain.audit import AuditAct, AuditRecord, AuditSubject

MOST_DETAILS: Final = 12
LONGEST_DETAIL: Final = 300  # characters

WORDS: Final[dict[AuditAct, str]] = {
    "pattern.state": "set the state of",
    "pattern.split": "split",
    "pattern.merge": "merged",
    "pattern.undo": "undid a split or merge of",
    "note.add": "wrote a note on",
    "note.edit": "edited a note on",
    "note.withdraw": "withdrew a note on",
    "review.set": "reviewed a denial of",
    "entry.link": "linked a work item to",
    "entry.unlink": "unlinked a work item from",
    "entry.redact": "redacted",
    "content.redact": "redacted",
    "document.redact": "redacted",
    "marker.make": "made",
    "marker.edit": "edited",
    "marker.hide": "hid",
    "marker.show": "showed again",
    "view.make": "saved",
    "view.change": "changed",
    "view.delete": "deleted",
    "feed.make": "made a feed address for",
    "feed.revoke": "revoked the feed address of",
    "token.make": "made",
    "token.revoke": "revoked",
    "token.delete": "deleted",
    "user.make": "made",
    "user.change": "changed",
    "user.delete": "deleted",
    "session.end": "ended sessions of",
    "group.make": "made",
    "group.change": "changed",
    "group.delete": "deleted",
    "address.verify": "verified an address of",
    "address.remove": "removed an address of",
    "alert.make": "made",
    "alert.change": "changed",
    "alert.delete": "deleted",
    "alert.rotate": "rotated the secret of",
    "alert.off": "switched off",
    "delivery.retry": "sent again",
    "triage.import": "imported triage from",
    "source.rename": "renamed",
    "source.merge": "merged with another",
    "source.restore": "gave its recorded name back to",
    "key.make": "made",
    "key.rotate": "added a key to",
    "key.retire": "retired older keys of",
    "key.replace": "replaced, because it was lost,",
}
NOUNS: Final[dict[AuditSubject, str]] = {
    "pattern": "the pattern",
    "entry": "the entry",
    "content": "the content",
    "document": "the document",
    "blueprint": "the Blueprint",
    "source": "the source",
    "marker": "the marker",
    "view": "the view",
    "token": "the token",
    "user": "the user",
    "group": "the group",
    "alert": "the alert",
    "delivery": "the delivery",
    "file": "the file",
    "key": "the evidence key of the log",
}
_LABELS: Final = ("name", "title")  # details that name it better than its id

_LINKS: Final[dict[str, Callable[[str], str]]] = {
    **links.NOTED,
    "view": lambda _: reverse("saved_view_list"),
    "token": lambda _: reverse("tokens"),
    "user": lambda name: links.audit([("actor", name)]),
    "alert": links.alert,
    "delivery": lambda _: links.deliveries(),
    "document": links.document,
    "source": lambda _: links.sources(),
}
_ALWAYS: Final = ("blueprint", "source", "marker", "delivery", "document")  # whose pages exist without a look


class Row(NamedTuple):
    """``url``: empty if it is gone or has no page. ``details``: names and texts."""

    record: AuditRecord
    act: str
    noun: str
    label: str
    url: str
    about_url: str
    actor_url: str
    details: Sequence[tuple[str, str]]
    left_out: int


def rows_of(records: Sequence[AuditRecord], existing: Collection[tuple[str, str]]) -> list[Row]:
    return [_row(each, each.about in _ALWAYS or (each.about, each.about_id) in existing) for each in records]


def _row(record: AuditRecord, is_there: bool) -> Row:
    label = next((str(record.detail[name]) for name in _LABELS if record.detail.get(name)), record.about_id)
    details = [(name, _shown(value)) for name, value in record.detail.items() if name not in _LABELS]
    return Row(
        record=record,
        act=WORDS.get(record.act, record.act),
        noun=NOUNS.get(record.about, record.about),
        label=label,
        url=_LINKS[record.about](record.about_id) if is_there and record.about in _LINKS else "",
        about_url=links.audit([("about", f"{record.about}:{record.about_id}")]),
        actor_url=links.audit([("actor", record.actor_name)]),
        details=details[:MOST_DETAILS],
        left_out=max(0, len(details) - MOST_DETAILS),
    )


def _shown(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        text = ", ".join(value) or "none"
    elif isinstance(value, dict):
        parts = (f"{name.replace('_', ' ')} {_shown(part)}" for name, part in value.items() if part not in (None, ""))
        text = ", ".join(parts) or "none"
    elif value is None:
        text = "none"
    else:
        text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= LONGEST_DETAIL else f"{text[:LONGEST_DETAIL]}…"
