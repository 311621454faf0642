from typing import Any, Final

from enhancelog.api.openapi.parts import (
    NOT_MODIFIED,
    PROMPT_EXAMPLE,
    PROMPT_FORMAT,
    Part,
    answer,
    as_text,
    content,
    operation,
    query,
    ref,
)
from enhancelog.domain import prompts
from enhancelog.domain.text import DATA_NOTICE
from enhancelog.queries import why
from enhancelog.queries.tried_before import DEFAULT_ATTEMPTS, MOST_ATTEMPTS

_ACTOR: Final = {"kind": "token", "name": "agent-7"}
_WHY: Final[dict[str, Any]] = {
    "notice": DATA_NOTICE,
    "blueprint_id": "main",
    "runs": 79,
    "applied": 47,
    "rejected": 32,
    "denied": [
        {
            "axis": "noop",
            "template": "patch is no-op (new_hash == prev_hash)",
            "count": 11,
            "last_ts_ms": 1795000000000,
            "samples": [
                {
                    "issue_id": "h-42",
                    "reason": "patch is no-op (new_hash == prev_hash)",
                    "actor": _ACTOR,
                    "pointers": [],
                    "found_wrong": True,
                }
            ],
            "issue_ids": ["h-42"],
            "patterns": [{"id": "5f2b8c1d9e3a7046", "state": "expected", "note": "By design."}],
            "found_wrong": 1,
        }
    ],
    "groups_left_out": 0,
    "similar_applied": [],
}

OPERATIONS: Final[dict[str, Part]] = {
    "/v1/enhance/why": {
        "get": operation(
            "why_rejected",
            "log",
            "Recent denials of a Blueprint and similar applied intents, or the attempts made from a document",
            {
                "200": answer(
                    f"At most {why.MOST_GROUPS} groups or {MOST_ATTEMPTS} attempts, and {why.MOST_BYTES:,} bytes of "
                    "JSON. With `prev_hash` a `TriedBefore`, otherwise a `Why`.",
                    {
                        **content({"anyOf": [ref("Why"), ref("TriedBefore")]}, _WHY),
                        **as_text(PROMPT_EXAMPLE),
                    },
                    "ETag",
                ),
                "304": NOT_MODIFIED,
            },
            parameters=[
                query("blueprint_id", {"type": "string"}, "The Blueprint; may be empty. Needed without `prev_hash`."),
                query("intent", {"type": "string"}, "The intended change, in words. Not with `prev_hash`."),
                query("prev_hash", {"type": "string"}, "Instead, the attempts made from this document, newest first."),
                query(
                    "limit",
                    {"type": "integer", "minimum": 1, "maximum": MOST_ATTEMPTS},
                    f"The number of attempts, {DEFAULT_ATTEMPTS} by default. Needs `prev_hash`.",
                ),
                PROMPT_FORMAT,
                query(
                    "max_chars",
                    {"type": "integer", "minimum": prompts.LEAST, "maximum": prompts.MOST},
                    f"The most characters of a text, {prompts.DEFAULT:,} by default. Needs `format=text`.",
                ),
            ],
        )
    },
}
