from typing import Any, Final

import msgspec

from enhancelog.api.openapi.log import FILTERS, SIZE
from enhancelog.api.openapi.parts import (
    NOT_MODIFIED,
    PROMPT_EXAMPLE,
    PROMPT_FORMAT,
    READ_ERRORS,
    Part,
    answer,
    array_of,
    as_text,
    content,
    in_path,
    operation,
    ref,
)
from enhancelog.queries.patterns.detail import PatternDetail
from enhancelog.queries.patterns.listing import MOST, Pattern

_, SCHEMAS = msgspec.json.schema_components([Pattern, PatternDetail], ref_template="#/components/schemas/{name}")

EXAMPLE: Final[dict[str, Any]] = {
    "id": "5f2b8c1d9e3a7046",
    "axis": "prompt-budget",
    "template": "prompt of ⟨name⟩ is ⟨n⟩ tokens, budget is ⟨n⟩",
    "count": 23,
    "first_ts_ms": 1793789620993,
    "last_ts_ms": 1795195016455,
    "blueprints": {"code-review": 14, "main": 9},
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
            parameters=[*FILTERS, SIZE],
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
                in_path("pattern_id", {"type": "string", "minLength": 1}, EXAMPLE["id"]),
                *_WITHOUT_PATTERN,
                PROMPT_FORMAT,
            ],
            errors=[*READ_ERRORS, "404"],
        )
    },
}
