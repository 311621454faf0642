from typing import Any, Final

from enhancelog.api.openapi.log import FILTERS
from enhancelog.api.openapi.parts import NOT_MODIFIED, Part, answer, content, operation, query, ref, schemas_of
from enhancelog.api.steadiness import MOST
from enhancelog.domain.steadiness_figures import SteadinessResult

SCHEMAS = schemas_of(SteadinessResult)

_TONE: Final[dict[str, Any]] = {"axis": "tone", "before": "deny", "after": "pass", "evidence": "hash"}
_TWICE: Final = {**_TONE, "earlier": "h-41", "later": "h-42"}
_EXAMPLE: Final = {
    "axes": [{"axis": "tone", "flips": {"n": 1, "of": 3, "low": 0.0615, "high": 0.7923}, "to_deny": 0, "to_pass": 1}],
    "capped": False,
    "flips": [_TWICE],
    "applied_later": [_TWICE],
    "made_by_hand": [{"axis": "tone", "issue_id": "h-41", "candidate_hash": "0" * 64, "ts_ms": 1_795_000_000_000}],
}

OPERATIONS: Final[dict[str, Part]] = {
    "/v1/enhance/steadiness": {
        "get": operation(
            "get_steadiness",
            "log",
            "How often each axis judged the same candidate differently, and denials that may have been wrong",
            {
                "200": answer(
                    f"Most flips first; at most {MOST} of each, the newest first.",
                    content(ref("SteadinessResult"), _EXAMPLE),
                    "DerivedTo",
                    "ETag",
                ),
                "304": NOT_MODIFIED,
            },
            parameters=[
                query("axis", {"type": "string"}, "Only this axis."),
                *(each for each in FILTERS if each["name"] in ("since", "until", "period")),
            ],
        )
    }
}
