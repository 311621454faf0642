"""What the tools of the MCP server return. Their JSON Schema is each tool's ``outputSchema``."""

from typing import Annotated, Any, Final, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

MAX_ANSWER_BYTES: Final = 25_000  # of an answer as JSON; texts in it are cut to fit

# Docstrings here become descriptions in the schema.


class Actor(TypedDict):
    kind: str
    name: str


class Verdict(TypedDict):
    """What one axis said: the evidence of a pass, or the reason of a deny, as ``detail``."""

    axis: str
    status: Literal["pass", "deny"]
    detail: str


class Appended(TypedDict):
    """``identical``: the same entry was stored before; there is nothing left to do."""

    issue_id: str
    result: Literal["created", "identical"]
    digest: str


class EntryFields(TypedDict, total=False):
    """Times are epoch milliseconds. An item of ``ops`` that is too long is its JSON text."""

    blueprint_id: str
    prev_hash: str
    new_hash: str
    intent: str
    rationale: str
    verdicts: list[Verdict]
    status: Literal["applied", "rejected"]
    reasons: list[str]
    ts_ms: int
    ops: list[dict[str, Any] | str] | None
    bump: Literal["major", "minor", "patch"] | None
    candidate_hash: str | None
    meta: dict[str, str | int | float | bool] | None


class Continued(TypedDict):
    """``field`` continues at ``offset``; ``length`` is the whole."""

    field: str
    offset: int
    length: int


class ObservedPatch(TypedDict):
    """The patch of the run by its host's own store. ``candidate_hash``: of the document that it would have made."""

    ops: list[dict[str, Any] | str] | None
    bump: Literal["major", "minor", "patch"] | None
    candidate_hash: str | None
    prev_hash: str
    source: str


class Tombstone(TypedDict):
    """The fields whose texts were taken out, when (epoch ms) and why."""

    fields: list[str]
    redacted_ms: int
    why: str


class KnownEntry(EntryFields):
    """An entry, or the fields asked for. ``continued`` names the fields that are shown in part."""

    notice: str
    issue_id: str
    redacted: NotRequired[list[Tombstone]]
    position: NotRequired[int]
    recorded_ms: NotRequired[int]
    actor: NotRequired[Actor]
    source: NotRequired[str]
    shown_as: NotRequired[str]
    digest: NotRequired[str]
    envelope: NotRequired[str | None]
    patterns: NotRequired[dict[str, str]]
    observed: NotRequired[ObservedPatch | None]
    continued: list[Continued]


class ListedEntry(EntryFields):
    """``denied``: axis to reason. ``left_out``: how many items of a field are not shown."""

    issue_id: str
    denied: NotRequired[dict[str, str]]
    left_out: NotRequired[dict[str, int]]


class EntryPage(TypedDict):
    """``next_cursor`` is null on the last page only; another page may have no entries."""

    notice: str
    entries: list[ListedEntry]
    next_cursor: str | None


class Sample(TypedDict):
    issue_id: str
    reason: str
    actor: Actor
    pointers: NotRequired[list[str]]
    found_wrong: NotRequired[bool]


class GroupPattern(TypedDict):
    """A deny pattern and what its team decided about it."""

    id: Annotated[str, Field(description="for set_pattern_state")]
    state: Literal["new", "acknowledged", "expected", "fixed"]
    cause: NotRequired[str]
    assignee: NotRequired[str]
    note: NotRequired[str]
    returned: NotRequired[Annotated[bool, Field(description="denied again since")]]
    conflict: NotRequired[Annotated[bool, Field(description="joined patterns have different states")]]


class DeniedGroup(TypedDict):
    """Denials of one axis with one message template. ``found_wrong``: of them, those that reviewers found wrong."""

    axis: str
    template: str
    count: int
    last_ts_ms: int
    samples: list[Sample]
    issue_ids: list[str]
    patterns: NotRequired[list[GroupPattern]]
    found_wrong: NotRequired[int]


class SimilarApplied(TypedDict):
    """An applied run whose intent is similar (0.5 to 1)."""

    issue_id: str
    similarity: float
    ts_ms: int
    intent: str
    rationale: str
    actor: Actor


class Why(TypedDict):
    """``runs``: runs considered. ``groups_left_out``: omitted for size."""

    notice: str
    blueprint_id: str
    runs: int
    applied: int
    rejected: int
    denied: list[DeniedGroup]
    groups_left_out: int
    similar_applied: list[SimilarApplied]


class DeniedAxis(TypedDict):
    """``found_wrong``: reviewers found that it should have passed."""

    axis: str
    reason: str
    found_wrong: NotRequired[bool]


class CameNext(TypedDict):
    outcome: Literal["applied", "same", "other", "none"]
    issue_id: str | None


class PastAttempt(TypedDict):
    """Long texts end in an ellipsis; get_entry has them whole."""

    issue_id: str
    blueprint_id: str
    ts_ms: int
    status: Literal["applied", "rejected"]
    intent: str
    rationale: str
    actor: Actor
    pointers: list[str]
    pointers_left_out: int
    denied: list[DeniedAxis]
    denied_left_out: int
    next: CameNext


class TriedBefore(TypedDict):
    """``left_out``: attempts omitted for size."""

    notice: str
    prev_hash: str
    runs: int
    applied: int
    rejected: int
    attempts: list[PastAttempt]
    left_out: int


class ContentValue(TypedDict):
    """``value`` null and ``version`` 0: no value. ``continued``: the value is shown in part."""

    notice: str
    story_id: str
    kind: str
    value: str | None
    version: int
    continued: list[Continued]


class DocumentText(TypedDict):
    """``left_out``: characters of the document after this part."""

    notice: str
    hash: str
    form: Literal["yaml", "json"]
    text: str
    left_out: int
    continued: list[Continued]


class WrittenContent(TypedDict):
    story_id: str
    kind: str
    version: int
    created: bool
