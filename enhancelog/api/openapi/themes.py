from typing import Any, Final

from enhancelog.api.openapi.log import FILTERS
from enhancelog.api.openapi.parts import (
    NOT_MODIFIED,
    READ_ERRORS,
    Part,
    answer,
    content,
    in_path,
    operation,
    ref,
    schemas_of,
)
from enhancelog.domain.theme_figures import AxisThemes
from enhancelog.queries.themes.listing import MOST, RARE

SCHEMAS = schemas_of(AxisThemes)

_EXAMPLE: Final[dict[str, Any]] = {
    "axis": "critic",
    "kind": "prose",
    "denials": 310,
    "themes": [
        {
            "theme": "critic:4",
            "words": ["promise", "guarantee", "delivery", "date"],
            "denied": {"n": 31, "of": 310, "low": 0.0713, "high": 0.1386},
            "newest": "h-42",
        }
    ],
    "rest": 279,
    "to_come": 0,
}

OPERATIONS: Final[dict[str, Part]] = {
    "/v1/enhance/themes/{axis}": {
        "get": operation(
            "get_themes",
            "log",
            "What the denials of an axis in prose say, by words that they share",
            {
                "200": answer(
                    f"Most denials first: at most {MOST} themes, and as many of fewer than {RARE} denials.",
                    content(ref("AxisThemes"), _EXAMPLE),
                    "DerivedTo",
                    "ETag",
                ),
                "304": NOT_MODIFIED,
            },
            parameters=[
                in_path("axis", {"type": "string", "minLength": 1}, "critic"),
                *(each for each in FILTERS if each["name"] in ("since", "until", "period")),
            ],
            errors=(*READ_ERRORS, "404"),
        )
    }
}
