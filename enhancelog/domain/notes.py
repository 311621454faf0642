"""Notes: what people and programs write about a pattern, an entry, a Blueprint or a marker."""

from typing import Annotated, Final, Literal, NamedTuple, cast, get_args

import msgspec
from msgspec import Meta, Struct

from enhancelog.domain import records, strict_json
from enhancelog.domain.decoding_errors import named
from enhancelog.domain.errors import Invalid, StoreError

NoteAbout = Literal["pattern", "entry", "blueprint", "marker"]
ABOUT: Final = get_args(NoteAbout)

MAX_TEXT: Final = 10_000  # characters
MAX_MENTIONS: Final = 20
MAX_BYTES: Final = 64 << 10  # of JSON

# JSON Schema's words for what ``check_text`` enforces: not empty, nor white space alone
_TEXT_SCHEMA: Final = {"pattern": r"^[^\u0000]*[^\s\u0000][^\u0000]*$", "minLength": 1, "maxLength": MAX_TEXT}
NoteText = Annotated[str, Meta(extra_json_schema=_TEXT_SCHEMA)]


class NoteSubject(NamedTuple):
    """A Blueprint's id may be empty."""

    about: NoteAbout
    id: str

    def __str__(self) -> str:
        return f"{self.about}:{self.id}"


class NoteAuthor(Struct, frozen=True):
    kind: str
    name: str


class NoteState(Struct, frozen=True, kw_only=True):
    """`version` grows with each edit, and with the withdrawal. `mentions`: users' names."""

    id: str
    about: NoteAbout
    about_id: str
    author: NoteAuthor
    text: str
    mentions: list[str]
    version: int
    made_ms: int
    edited_ms: int | None = None
    withdrawn_ms: int | None = None
    withdrawn_by: str | None = None

    @property
    def subject(self) -> NoteSubject:
        return NoteSubject(self.about, self.about_id)


class WrittenNote(Struct, frozen=True, kw_only=True):
    text: NoteText


class NoteRevision(Struct, frozen=True, kw_only=True):
    version: int
    text: str
    mentions: list[str]
    made_ms: int


class NoteWithRevisions(NoteState, frozen=True, kw_only=True):
    """`revisions`: the newest, newest first; none of a withdrawn note."""

    revisions: list[NoteRevision]


class Withdrawn(StoreError):
    """The note cannot be edited any more."""


def subject_of(text: str) -> NoteSubject:
    """Reads ``entry:h-1``. Raises ``Invalid``."""
    about, colon, about_id = text.partition(":")
    if not colon or about not in ABOUT:
        kinds = ", ".join(ABOUT)
        raise Invalid("about", "about", f'must be one of {kinds}, then ":" and an id, not "{text[:80]}"')
    records.check_id(about_id, "about", may_be_empty=about == "blueprint")
    return NoteSubject(cast(NoteAbout, about), about_id)


def decode_text(data: bytes) -> str:
    """Drops unknown fields. Raises ``Invalid``."""
    if not isinstance(strict_json.loads(data), dict):
        raise Invalid("", "type", "must be a JSON object")
    try:
        text = _text.decode(data).text
    except msgspec.ValidationError as error:
        raise named(error, {}) from None
    check_text(text)
    return text


def check_text(text: str) -> None:
    """Raises ``Invalid``."""
    strict_json.check_text(text, "text")
    if not text.strip():
        raise Invalid("text", "length", "must not be empty")
    if len(text) > MAX_TEXT:
        raise Invalid("text", "size", f"has {len(text):,} characters, the limit is {MAX_TEXT:,}")


def check_mentions(names: list[str]) -> None:
    """Raises ``Invalid``."""
    if len(names) > MAX_MENTIONS:
        raise Invalid("text", "mentions", f"mentions {len(names):,} people, the limit is {MAX_MENTIONS}")


_text = msgspec.json.Decoder(WrittenNote)
