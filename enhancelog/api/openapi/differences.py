from typing import Any, Final

from enhancelog.api.differences import MOST
from enhancelog.api.openapi.log import FILTERS
from enhancelog.api.openapi.parts import (
    NOT_MODIFIED,
    PROMPT_EXAMPLE,
    PROMPT_FORMAT,
    READ_ERRORS,
    Part,
    answer,
    as_text,
    content,
    operation,
    query,
    ref,
    schemas_of,
)
from enhancelog.domain.comparisons import AGAINST
from enhancelog.domain.difference_figures import DifferenceResult

SCHEMAS = schemas_of(DifferenceResult)

_EXAMPLE: Final[dict[str, Any]] = {
    "inside": {"entries": 130, "since_ms": None},
    "outside": {"entries": 198, "since_ms": None},
    "tested": 61,
    "left_out": [],
    "differences": [
        {
            "filter": "rationale_length",
            "value": "0-119",
            "inside": {"n": 87, "of": 130, "low": 0.5846, "high": 0.744},
            "outside": {"n": 0, "of": 198, "low": 0.0, "high": 0.019},
            "difference": {"low": 0.5799, "high": 0.744},
            "p": 1.44e-46,
        }
    ],
}
_AGAINST: Final = query(
    AGAINST,
    {"type": "string", "minLength": 1},
    "The filter to compare with, as a query string, percent-encoded; without it, all other entries of the same times.",
)

OPERATIONS: Final[dict[str, Part]] = {
    "/v1/enhance/differences": {
        "get": operation(
            "list_differences",
            "log",
            "Which features are more or less frequent among the entries of a filter than among others",
            {
                "200": answer(
                    f"At most {MOST} features, strongest first.",
                    {**content(ref("DifferenceResult"), _EXAMPLE), **as_text(PROMPT_EXAMPLE)},
                    "ETag",
                ),
                "304": NOT_MODIFIED,
            },
            parameters=[*FILTERS, _AGAINST, PROMPT_FORMAT],
            errors=READ_ERRORS,
        )
    },
}
