"""Rows of the content pages: texts and links, no markup except rendered Markdown."""

import re
from datetime import UTC, datetime
from typing import Final, NamedTuple

import msgspec

from content import links
from content.kinds import KINDS, Kind
from content.queries import Change, Story
from content.store import Item
from enhancelog.domain import diffs
from enhancelog.domain.diffs import Diff
from enhancelog.domain.origin import Origin
from enhancelog.domain.redactions import Tombstone, tombstones
from enhancelog.domain.telling_lines import shown_line
from enhancelog.domain.terminal import without_terminal_codes
from enhancelog.links import with_query
from enhancelog.web.markdown import markdown

FOLDED_CHARS: Final = 4_000  # longer texts start folded

FLAT_CHARS: Final = 80  # longer JSON is indented

_MARKS: Final = re.compile(r"^[#>*+\-\s]+|[*_`]+")


class KindRow(NamedTuple):
    story_id: str
    kind: Kind
    item: Item | None  # a tombstone if the kind was removed

    @property
    def is_set(self) -> bool:
        return self.item is not None and self.item.value is not None

    @property
    def value(self) -> str:
        return (self.item.value or "") if self.item else ""

    @property
    def shown(self) -> str:
        return without_terminal_codes(self.value)

    @property
    def version(self) -> int:
        """The version that a change expects; 0 if it is not set."""
        return self.item.version if self.item and self.is_set else 0

    @property
    def removed_version(self) -> int:
        """The version before the removal; 0 if it was not removed."""
        return self.item.version - 1 if self.item and not self.is_set else 0

    @property
    def changed_at(self) -> datetime | None:
        return to_datetime(self.item.updated_ms) if self.item else None

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
    def removed_url(self) -> str:
        """The story's page, which offers to undo the removal."""
        return with_query(self.story_url, [("removed", self.kind.name)])

    @property
    def codec(self) -> str:
        return self.kind.codec.name

    @property
    def is_long(self) -> bool:
        return len(self.value) > FOLDED_CHARS

    @property
    def html(self) -> str:
        return markdown(self.value)

    @property
    def pretty(self) -> str:
        flat = msgspec.json.format(self.value, indent=0)
        return flat if len(flat) <= FLAT_CHARS else msgspec.json.format(self.value)

    @property
    def lines(self) -> list[str]:
        return self.shown.split("\n") if self.value else []

    @property
    def can_decrement(self) -> bool:
        return self.is_set and int(self.value) > int(getattr(self.kind.codec, "minimum", 0))

    @property
    def summary(self) -> str:
        match self.codec:
            case "flag":
                return f"set: {self.value}" if self.value else "set"
            case "lines":
                count = len(self.lines)
                return f"{count} line{'' if count == 1 else 's'}"
            case "counter":
                return self.value
            case "markdown":
                return title(self.value) or "empty"
        return shown_line(self.value) or "empty"


class ChangeRow(NamedTuple):
    item: Item
    kind: Kind
    verb: str  # "edited"
    detail: str  # "2 lines"; may be empty
    diff: Diff
    redacted: Tombstone | None = None

    @property
    def changed_at(self) -> datetime:
        return to_datetime(self.item.updated_ms)

    @property
    def history_url(self) -> str:
        return f"{links.history(self.item.story_id, self.kind.name)}#version-{self.item.version}"

    @property
    def no_difference(self) -> str:
        if self.redacted is not None:
            return f"The value was redacted: {self.redacted.why}"
        if self.item.value is None:
            return "The value was removed."
        return "Set to an empty text." if self.item.value == "" else "The text is unchanged."


class LastChange(NamedTuple):
    changed_at: datetime
    origin: Origin


class StoryRow(NamedTuple):
    story_id: str
    title: str
    kinds: list[Kind]
    changed_at: datetime
    changed_by: str

    @property
    def url(self) -> str:
        return links.story(self.story_id)


def kind_rows(story_id: str, items: dict[str, Item]) -> list[KindRow]:
    """In table order, set or not."""
    return [KindRow(story_id, kind, items.get(name)) for name, kind in KINDS.items()]


def story_row(story: Story) -> StoryRow:
    return StoryRow(
        story.story_id,
        title(story.beginning),
        [KINDS[name] for name in story.kinds],
        to_datetime(story.updated_ms),
        story.origin.actor_name,
    )


def change_row(change: Change) -> ChangeRow:
    item, before, redacted = change
    kind = KINDS[item.kind]
    diff = diffs.compare(before, item.value)
    verb, detail = "edited", f"{diff.changed} line{'' if diff.changed == 1 else 's'}"
    if redacted is not None:
        return ChangeRow(item, kind, "wrote", "what was redacted", Diff([], 0, 0), tombstones(redacted)[0])
    if item.value is None:
        verb, detail = ("took" if kind.consumed else "removed"), ""
    elif before is None:
        verb = "set" if kind.counts or kind.codec.name == "flag" else "wrote"
        detail = f"to {item.value}" if kind.counts else ""
    elif before == item.value:
        verb, detail = "wrote", "again, unchanged"
    elif kind.counts:
        verb, detail = ("raised" if int(item.value) > int(before) else "lowered"), f"{before} → {item.value}"
    return ChangeRow(item, kind, verb, detail, diff)


def to_datetime(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def title(beginning: str) -> str:
    """The line that stands for a text, without its Markdown marks."""
    return _MARKS.sub("", shown_line(beginning)).strip()


def last_change(items: dict[str, Item]) -> LastChange | None:
    if not items:
        return None
    newest = max(items.values(), key=lambda item: item.updated_ms)
    return LastChange(to_datetime(newest.updated_ms), newest.origin)
