from typing import Any, Final

from enhancelog.api.funnel import MOST
from enhancelog.api.openapi.axes import TAKEN
from enhancelog.api.openapi.parts import NOT_MODIFIED, READ_ERRORS, Part, answer, content, operation, ref, schemas_of
from enhancelog.domain.funnel_figures import FunnelResult

SCHEMAS = schemas_of(FunnelResult)

_FIGURES: Final[dict[str, Any]] = {
    "first_attempts": {"n": 213, "of": 350, "low": 0.557, "high": 0.658},
    "applied_first": {"n": 213, "of": 350, "low": 0.557, "high": 0.658},
    "applied_later": {"n": 76, "of": 350, "low": 0.177, "high": 0.263},
    "given_up": {"n": 61, "of": 350, "low": 0.138, "high": 0.217},
    "applied_after": {"first": 213, "second": 56, "third": 16, "further": 4},
    "given_up_after": {"first": 42, "second": 13, "third": 3, "further": 3},
    "time_to_applied": {
        "intents": 76,
        "median": {"from_ms": 1_800_000, "below_ms": 2_700_000},
        "p90": {"from_ms": 86_400_000, "below_ms": 172_800_000},
    },
}
_EXAMPLE: Final = {
    **_FIGURES,
    "unfinished": 11,
    "blueprints": [{**_FIGURES, "blueprint_id": "main"}],
    "over_time": [{**_FIGURES, "since_ms": 1_795_046_400_000, "until_ms": 1_795_132_800_000}],
}

OPERATIONS: Final[dict[str, Part]] = {
    "/v1/enhance/funnel": {
        "get": operation(
            "get_funnel",
            "log",
            "How many attempts an intent takes, in all, by Blueprint and over time",
            {
                "200": answer(f"At most {MOST} Blueprints.", content(ref("FunnelResult"), _EXAMPLE), "ETag"),
                "304": NOT_MODIFIED,
            },
            parameters=TAKEN,
            errors=READ_ERRORS,
        )
    }
}
