from typing import Any, Final

from enhancelog.api.openapi.parts import (
    NOT_MODIFIED,
    READ_ERRORS,
    WRITE_ERRORS,
    Part,
    answer,
    array_of,
    content,
    in_path,
    operation,
    query,
    ref,
    schemas_of,
)
from enhancelog.domain.reviews import DRAWN, MAX_SEED, NUMBERS, NewReview, Review, ReviewQueue

SCHEMAS = schemas_of(Review, NewReview, ReviewQueue)

_SEED: Final = 4_812_000_017
_REVIEW: Final[dict[str, Any]] = {
    "issue_id": "h-42",
    "axis": "noop",
    "reviewer": "ada",
    "verdict": "wrong",
    "reason": "The patch changes the prompt's last line.",
    "made_ms": 1_795_000_000_000,
    "seed": _SEED,
}
_DENIAL: Final = {
    "issue_id": "h-42",
    "blueprint_id": "main",
    "ts_ms": 1_794_900_000_000,
    "intent": "writer should cite the file and line",
    "rationale": "Adds one sentence.",
    "details": ["patch is no-op (new_hash == prev_hash)"],
    "review": None,
}
_ID: Final = in_path("issue_id", {"type": "string", "minLength": 1}, "h-42")
_AXIS: Final = query("axis", {"type": "string"}, "The axis that denied the run.", required=True)


def _seed(description: str) -> Part:
    return query("seed", {"type": "integer", "minimum": 0, "maximum": MAX_SEED}, description)


_SHOWN: Final = content(ref("Review"), _REVIEW)
OPERATIONS: Final[dict[str, Part]] = {
    "/v1/enhance/reviews/{issue_id}": {
        "get": operation(
            "list_reviews",
            "triage",
            "Whether reviewers found the denials of a run right, oldest first",
            {"200": answer("The reviews.", content(array_of(ref("Review")), [_REVIEW]), "ETag"), "304": NOT_MODIFIED},
            parameters=[_ID, {**_AXIS, "required": False, "description": "Of this axis alone."}],
            errors=[*READ_ERRORS, "404"],
        ),
        "put": operation(
            "set_review",
            "triage",
            "Say whether a denial was right; safe to repeat",
            {"200": answer("The caller's review, changed.", _SHOWN), "201": answer("The caller's first.", _SHOWN)},
            parameters=[_ID, _AXIS, _seed("Of the queue that drew the denial; without it, the denial was chosen.")],
            body=content(ref("NewReview"), {"verdict": "wrong", "reason": _REVIEW["reason"]}),
            errors=[*WRITE_ERRORS, "404"],
        ),
    },
    "/v1/enhance/review-queue": {
        "get": operation(
            "draw_denials",
            "triage",
            f"{DRAWN} denials of an axis to review, drawn at random",
            {
                "200": answer(
                    "Every denial up to the seed's position is equally likely.",
                    content(ref("ReviewQueue"), {"axis": "noop", "seed": _SEED, "of": 310, "drawn": [_DENIAL]}),
                    "ETag",
                ),
                "304": NOT_MODIFIED,
            },
            parameters=[
                _AXIS,
                _seed(
                    f"Draws the same denials again. From {NUMBERS:,} on, it holds the log's last position; the answer "
                    "adds it to a smaller one. A random one unless given."
                ),
            ],
        )
    },
}
