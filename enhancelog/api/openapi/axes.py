from typing import Any, Final

from enhancelog.api.axes import MOST
from enhancelog.api.openapi.log import FILTERS
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
    schemas_of,
)
from enhancelog.domain.axis_figures import AxisDetail, AxisFigures, WhatIfResult

SCHEMAS = schemas_of(AxisFigures, AxisDetail, WhatIfResult)

_AXIS: Final[dict[str, Any]] = {
    "axis": "agent-ref",
    "denied": {"n": 71, "of": 478, "low": 0.119, "high": 0.183},
    "alone": {"n": 56, "of": 71, "low": 0.68, "high": 0.868},
    "next": {"applied": 33, "same": 7, "other": 9, "none": 22},
}
_BLUEPRINTS: Final = {"main": {"n": 20, "of": 117, "low": 0.114, "high": 0.25}}
_REVIEWS: Final = {
    "drawn": {"wrong": {"n": 3, "of": 20, "low": 0.0524, "high": 0.3604}, "right": 16, "unclear": 1},
    "chosen": {"wrong": {"n": 0, "of": 0, "low": 0.0, "high": 1.0}, "right": 0, "unclear": 0},
}
_PASSED: Final = {"passed": {"n": 105, "of": 189, "low": 0.484, "high": 0.625}, "blueprints": _BLUEPRINTS}
TAKEN: Final = [
    each for each in FILTERS if each["name"] in ("blueprint_id", "blueprint_prefix", "since", "until", "period")
]
_WITHOUT: Final = {**next(each for each in FILTERS if each["name"] == "without"), "required": True}


def _get(name: str, summary: str, shown: Part, parameters: list[Part], *more_errors: str) -> dict[str, Part]:
    answers = {"200": answer(f"At most {MOST} axes and Blueprints.", shown, "ETag"), "304": NOT_MODIFIED}
    errors = (*READ_ERRORS, *more_errors)
    return {"get": operation(name, "log", summary, answers, parameters=parameters, errors=errors)}


OPERATIONS: Final[dict[str, Part]] = {
    "/v1/enhance/axes": _get(
        "list_axes",
        "What each axis judged and denied, and what came next, most denials first",
        content(array_of(ref("AxisFigures")), [_AXIS]),
        TAKEN,
    ),
    "/v1/enhance/axes/{axis}": _get(
        "get_axis",
        "One axis, with the axes that denied with it, and by Blueprint",
        {
            **content(
                ref("AxisDetail"),
                {**_AXIS, "together": {"tone": 2}, "blueprints": _BLUEPRINTS, "reviews": _REVIEWS},
            ),
            **as_text(PROMPT_EXAMPLE),
        },
        [in_path("axis", {"type": "string", "minLength": 1}, "agent-ref"), *TAKEN, PROMPT_FORMAT],
        "404",
    ),
    "/v1/enhance/what-if": _get(
        "what_if",
        "How many rejected runs would have passed without some axes",
        content(ref("WhatIfResult"), _PASSED),
        [_WITHOUT, *TAKEN],
    ),
}
