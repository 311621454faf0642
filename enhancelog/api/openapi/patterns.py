from typing import Any, Final

from enhancelog.api.openapi.log import FILTERS, SIZE
from enhancelog.api.openapi.parts import (
    NOT_MODIFIED,
    PROMPT_EXAMPLE,
    PROMPT_FORMAT,
    READ_ERRORS,
    WRITE_ERRORS,
    Part,
    answer,
    array_of,
    as_text,
    content,
    header,
    in_path,
    operation,
    query,
    ref,
    schemas_of,
)
from enhancelog.domain.pattern_states import STATE_FILTERS, PatternStateChange, StateOfPattern, StateRequest
from enhancelog.queries.pattern_states import MOST_CHANGES
from enhancelog.queries.patterns.detail import PatternDetail
from enhancelog.queries.patterns.listing import MOST, Pattern

SCHEMAS = schemas_of(Pattern, PatternDetail, StateRequest, StateOfPattern, PatternStateChange)

_STATE: Final[dict[str, Any]] = {
    "change": 17,
    "state": "fixed",
    "cause": "prompt",
    "assignee": "ada",
    "note": "The prompt cites the budget.",
    "most_a_day": None,
    "changed_by": "ada",
    "changed_by_kind": "user",
    "changed_ms": 1795195016455,
    "returned_ms": None,
    "returned_by": None,
    "conflict": False,
}
_CHANGE: Final = {
    **{name: _STATE[name] for name in PatternStateChange.__struct_fields__ if name in _STATE},
    "undoes": None,
    "restores": None,
}

EXAMPLE: Final[dict[str, Any]] = {
    "id": "5f2b8c1d9e3a7046",
    "axis": "prompt-budget",
    "template": "prompt of ⟨name⟩ is ⟨n⟩ tokens, budget is ⟨n⟩",
    "count": 23,
    "first_ts_ms": 1793789620993,
    "last_ts_ms": 1795195016455,
    "blueprints": {"code-review": 14, "main": 9},
    "state": _STATE,
}
_NUMBERS: Final = {"kind": "n", "rule": "a number", "count": 23, "others": 0}
_DETAIL: Final[dict[str, Any]] = {
    **EXAMPLE,
    "holes": [
        {
            "kind": "name",
            "rule": "quoted in the text",
            "count": 23,
            "values": {"reader": 14, "critic": 9},
            "others": 0,
            "median": None,
            "least": None,
            "greatest": None,
        },
        {**_NUMBERS, "values": {"1,264": 12, "3,269": 11}, "median": 1264, "least": 1264, "greatest": 3269},
        {**_NUMBERS, "values": {"1,200": 23}, "median": 1200, "least": 1200, "greatest": 1200},
    ],
    "issue_ids": ["h-42"],
    "next": {"applied": 11, "same": 2, "other": 3, "none": 7},
}
_WITHOUT_PATTERN: Final = [each for each in FILTERS if not each["name"].endswith("pattern")]
_ID: Final = in_path("pattern_id", {"type": "string", "minLength": 1}, EXAMPLE["id"])
_SEEN: Final = (
    "The `change` of the state that the caller knows, in quotes; 412 if it is another. Without it, the last wins."
)

OPERATIONS: Final[dict[str, Part]] = {
    "/v1/enhance/patterns": {
        "get": operation(
            "list_patterns",
            "log",
            "Deny patterns of the entries that match a filter, most denials first",
            {
                "200": answer(
                    f"At most {MOST:,} patterns. If the filter names a denied axis, only those of that axis.",
                    content(array_of(ref("Pattern")), [EXAMPLE]),
                    "Counted",
                    "DerivedTo",
                    "ETag",
                ),
                "304": NOT_MODIFIED,
            },
            parameters=[
                *FILTERS,
                SIZE,
                query("state", array_of({"type": "string", "enum": list(STATE_FILTERS)}), "Patterns in these states."),
            ],
        )
    },
    "/v1/enhance/patterns/{pattern_id}": {
        "get": operation(
            "get_pattern",
            "log",
            "One deny pattern, its variable values, its newest issue ids and what came next",
            {
                "200": answer(
                    "The pattern with this id; `id` is its current one, even if an older id was requested.",
                    {**content(ref("PatternDetail"), _DETAIL), **as_text(PROMPT_EXAMPLE)},
                    "Counted",
                    "DerivedTo",
                    "ETag",
                ),
                "304": NOT_MODIFIED,
            },
            parameters=[
                _ID,
                *_WITHOUT_PATTERN,
                PROMPT_FORMAT,
            ],
            errors=[*READ_ERRORS, "404"],
        ),
        "patch": operation(
            "set_pattern_state",
            "log",
            "Say what a pattern is, what should change, and who takes care of it; or undo the latest change",
            {
                "200": answer(
                    "The pattern's state, as it is now.",
                    content(ref("StateOfPattern"), {"id": EXAMPLE["id"], "state": _STATE}),
                    "ETag",
                )
            },
            parameters=[_ID, header("If-Match", {"type": "string"}, _SEEN)],
            body=content(ref("StateRequest"), {"state": "fixed", "cause": "prompt", "note": _STATE["note"]}),
            errors=[*WRITE_ERRORS, "404", "409", "412"],
        ),
    },
    "/v1/enhance/patterns/history/{pattern_id}": {
        "get": operation(
            "list_pattern_changes",
            "log",
            "Changes of a pattern's state, newest first",
            {
                "200": answer(
                    f"The newest {MOST_CHANGES} at most.",
                    content(array_of(ref("PatternStateChange")), [_CHANGE]),
                    "ETag",
                ),
                "304": NOT_MODIFIED,
            },
            parameters=[_ID],
            errors=[*READ_ERRORS, "404"],
        )
    },
}
