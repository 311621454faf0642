"""What a team decided about a pattern."""

from typing import Annotated, Final, Literal, get_args

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from enhancelog.domain import strict_json
from enhancelog.domain.decoding_errors import named
from enhancelog.domain.errors import Invalid
from enhancelog.domain.records import TEXT_SCHEMA

# ``expected``: the verifier is right and nobody needs to act.
State = Literal["new", "acknowledged", "expected", "fixed"]
STATES: Final = get_args(State)
# Of lists; one that returned keeps its state.
StateFilter = Literal["new", "acknowledged", "expected", "fixed", "returned", "conflict"]
STATE_FILTERS: Final = get_args(StateFilter)
# What should change: the patch-writer's prompt, a verifier that is too strict, the wording of issues, infrastructure.
Cause = Literal["prompt", "verifier", "issue", "infrastructure", "other"]
CAUSES: Final = get_args(Cause)

MAX_NOTE: Final = 4_000  # characters
MAX_ASSIGNEE: Final = 150  # characters, as in a user's name
MAX_A_DAY: Final = 1_000_000_000
MAX_CHANGE: Final = 2**63 - 1
MAX_BYTES: Final = 64 << 10  # of JSON

_MOST_A_DAY: Final = "An expected pattern returns on a day with more denials; null: never."
StateNote = Annotated[
    str, Meta(description="About this change.", extra_json_schema={**TEXT_SCHEMA, "maxLength": MAX_NOTE})
]
Assignee = Annotated[str, Meta(extra_json_schema={**TEXT_SCHEMA, "minLength": 1, "maxLength": MAX_ASSIGNEE})]
ChangeId = Annotated[int, Meta(ge=1, le=MAX_CHANGE)]


MostADay = Annotated[int, Meta(ge=1, le=MAX_A_DAY, description=_MOST_A_DAY)]


class StateEdit(Struct, frozen=True, kw_only=True):
    # What is left out stays, except the note.
    state: State | UnsetType = UNSET
    cause: Cause | UnsetType | None = UNSET
    assignee: Assignee | UnsetType | None = UNSET
    note: StateNote = ""
    most_a_day: MostADay | UnsetType | None = UNSET


class StateRequest(StateEdit, frozen=True, kw_only=True):
    undo: Annotated[ChangeId, Meta(description="The latest change. No other field can be given.")] | UnsetType = UNSET


class PatternState(Struct, frozen=True, kw_only=True):
    change: Annotated[int, Meta(description="Its id, which is its ETag; 0: nobody changed it yet.")] = 0
    state: State = "new"
    cause: Cause | None = None
    assignee: Annotated[str | None, Meta(description="A user's name.")] = None
    note: Annotated[str, Meta(description="About this change.")] = ""
    most_a_day: Annotated[int | None, Meta(description=_MOST_A_DAY)] = None
    changed_by: str | None = None
    changed_by_kind: str | None = None
    changed_ms: int | None = None
    returned_ms: Annotated[int | None, Meta(description="When a fixed pattern was denied again, or the day.")] = None
    returned_by: Annotated[str | None, Meta(description="The entry of that denial, of a fixed pattern.")] = None
    conflict: Annotated[bool, Meta(description="A template that joined by the rules has another state.")] = False

    @property
    def is_hidden(self) -> bool:
        return self.state == "expected" and self.returned_ms is None


NEW: Final = PatternState()


class StateOfPattern(Struct, frozen=True, kw_only=True):
    id: Annotated[str, Meta(description="Of the pattern that now has the requested one.")]
    state: PatternState


class PatternStateChange(Struct, frozen=True, kw_only=True):
    change: int
    state: State
    cause: Cause | None
    assignee: str | None
    note: str
    most_a_day: int | None
    changed_by: str
    changed_by_kind: str
    changed_ms: int
    undoes: Annotated[int | None, Meta(description="The change that it undoes.")]
    restores: Annotated[int | None, Meta(description="The change whose values hold again.")]


_request = msgspec.json.Decoder(StateRequest)


def decode(data: bytes) -> StateRequest:
    """Drops unknown fields. Raises ``Invalid``."""
    if not isinstance(strict_json.loads(data), dict):
        raise Invalid("", "type", "must be a JSON object")
    try:
        found = _request.decode(data)
    except msgspec.ValidationError as error:
        raise named(error, {"state": STATES, "cause": CAUSES}) from None
    check(found)
    others = {**msgspec.structs.asdict(found), "undo": UNSET, "note": found.note or UNSET}
    is_edit = any(value is not UNSET for value in others.values())
    if found.undo is not UNSET and is_edit:
        raise Invalid("undo", "combination", "must be the only field")
    if found.undo is UNSET and not is_edit:
        raise Invalid("", "combination", "must have one of state, cause, assignee, note, most_a_day and undo")
    return found


def check(edit: StateEdit) -> None:
    """Raises ``Invalid``."""
    strict_json.check_text(edit.note, "note")
    if len(edit.note) > MAX_NOTE:
        raise Invalid("note", "size", f"has {len(edit.note):,} characters, the limit is {MAX_NOTE:,}")
    if isinstance(edit.assignee, str):
        strict_json.check_text(edit.assignee, "assignee")
        if not 1 <= len(edit.assignee) <= MAX_ASSIGNEE:
            raise Invalid("assignee", "length", f"must have 1 to {MAX_ASSIGNEE} characters, or be null")
    if isinstance(edit.state, str) and edit.state not in STATES:
        raise Invalid("state", "choice", f'must be one of {", ".join(STATES)}, not "{edit.state[:40]}"')
    if isinstance(edit.cause, str) and edit.cause not in CAUSES:
        raise Invalid("cause", "choice", f'must be one of {", ".join(CAUSES)}, not "{edit.cause[:40]}"')
    if isinstance(edit.most_a_day, int) and not 1 <= edit.most_a_day <= MAX_A_DAY:
        raise Invalid("most_a_day", "range", f"must be between 1 and {MAX_A_DAY:,}, or null")
