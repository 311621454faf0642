"""The content store in words that pages show: a kind of a story as it is now, and what a revision did."""

import re
from datetime import UTC, datetime
from typing import Final, NamedTuple

import msgspec
from django.utils.safestring import SafeString

from content import links
from content.kinds import KINDS, Kind
from content.queries import Change
from content.store import Item
from enhancelog.domain import diffs
from enhancelog.domain.diffs import Diff
from enhancelog.domain.origin import Origin
from enhancelog.web.html import markdown

FOLDED_CHARS: Final = 4_000
"""Longer texts start folded."""

FLAT_CHARS: Final = 80
LINES_SHOWN: Final = 500

_MARKS: Final = re.compile(r"^[#>*+\-\s]+|[*_`]+")


class Shown(NamedTuple):
    """One kind of one story; ``item`` is ``None`` or a tombstone where it is not set."""

    story_id: str
    kind: Kind
    item: Item | None

    @property
    def is_set(self) -> bool:
        return self.item is not None and self.item.value is not None

    @property
    def value(self) -> str:
        return (self.item.value or "") if self.item else ""

    @property
    def version(self) -> int:
        """What a change of this page expects: 0 while it is not set."""
        return self.item.version if self.item and self.is_set else 0

    @property
    def has_history(self) -> bool:
        return self.item is not None

    @property
    def edit_url(self) -> str:
        return links.edit(self.story_id, self.kind.name)

    @property
    def history_url(self) -> str:
        return links.history(self.story_id, self.kind.name)

    @property
    def story_url(self) -> str:
        return links.story(self.story_id)

    @property
    def long(self) -> bool:
        return len(self.value) > FOLDED_CHARS

    @property
    def html(self) -> SafeString:
        return markdown(self.value)

    @property
    def pretty(self) -> str:
        """JSON laid out for reading: only white space differs from what is stored."""
        flat = msgspec.json.format(self.value, indent=0)
        return flat if len(flat) <= FLAT_CHARS else msgspec.json.format(self.value)

    @property
    def lines(self) -> list[str]:
        return self.value.split("\n") if self.value else []

    @property
    def one_less(self) -> bool:
        """Whether the counter can go down."""
        return self.is_set and int(self.value) > int(getattr(self.kind.codec, "minimum", 0))


class Told(NamedTuple):
    """A revision as a sentence: who ``did`` what to which kind; ``detail`` is counted out where it can be."""

    item: Item
    kind: Kind
    did: str
    detail: str
    diff: Diff

    @property
    def moment(self) -> datetime:
        return moment(self.item.updated_ms)

    @property
    def history_url(self) -> str:
        return f"{links.history(self.item.story_id, self.kind.name)}#version-{self.item.version}"


def shown(story_id: str, items: dict[str, Item]) -> list[Shown]:
    """Every kind there is, set or not, in table order."""
    return [Shown(story_id, kind, items.get(name)) for name, kind in KINDS.items()]


def tell(change: Change) -> Told:
    item, before = change
    kind = KINDS[item.kind]
    diff = diffs.compare(before, item.value)
    did, detail = "edited", f"{diff.changed} line{'' if diff.changed == 1 else 's'}"
    if item.value is None:
        did, detail = ("took" if kind.consumed else "removed"), ""
    elif before is None:
        did, detail = ("set" if kind.counts or kind.codec.name == "flag" else "wrote"), ""
        detail = f"to {item.value}" if kind.counts else ""
    elif before == item.value:
        did, detail = "wrote", "again, unchanged"
    elif kind.counts:
        did, detail = _counted(before, item.value)
    return Told(item, kind, did, detail, diff)


def moment(ms: int) -> datetime:
    """Our own clock's epoch milliseconds as a time."""
    return datetime.fromtimestamp(ms / 1000, UTC)


def title(beginning: str) -> str:
    """The first line of a main body that says something, without its Markdown marks."""
    return next((line for line in (_MARKS.sub("", part).strip() for part in beginning.splitlines()) if line), "")


def last_change(items: dict[str, Item]) -> tuple[datetime, Origin] | None:
    """When and by whom anything of a story was changed last."""
    if not items:
        return None
    newest = max(items.values(), key=lambda item: item.updated_ms)
    return moment(newest.updated_ms), newest.origin


def as_typed(text: str, base: str) -> str:
    """What a browser sent, with the newlines of the text that it was given: forms turn every one into CRLF."""
    text = text.replace("\r\n", "\n")
    only_crlf = "\r\n" in base and base.count("\n") == base.count("\r\n")
    return text.replace("\n", "\r\n") if only_crlf else text


def _counted(before: str, after: str) -> tuple[str, str]:
    return ("raised" if int(after) > int(before) else "lowered"), f"{before} → {after}"
