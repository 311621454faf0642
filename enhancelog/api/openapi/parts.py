"""Shared parameters, headers, error responses and builders."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from enhancelog.transfer.formats import FORMATS

Part = dict[str, Any]

JSON: Final = FORMATS["json"].media_type
NDJSON: Final = FORMATS["ndjson"].media_type
CSV: Final = FORMATS["csv"].media_type
ATOM: Final = FORMATS["atom"].media_type

PROBLEM: Final[Part] = {
    "type": "object",
    "description": "What went wrong (RFC 9457). `errors` says which field breaks which rule.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "rule", "detail"],
                "properties": {name: {"type": "string"} for name in ("field", "rule", "detail")},
            },
        },
        "identical": {"type": ["boolean", "null"], "description": "409 of an append: the same record is stored."},
        "differs": {"type": "array", "items": {"type": "string"}, "description": "409 of an append: in these fields."},
        "stored": {
            "type": "array",
            "items": {"type": "string"},
            "maxItems": 1000,
            "description": "503 and 507 of a bulk append: ids that it has stored.",
        },
        "stored_count": {"type": "integer", "description": "503 and 507 of a bulk append: how many it has stored."},
    },
}

HEADERS: Final[Part] = {
    "DerivedTo": {
        "schema": {"type": "integer", "minimum": 0},
        "description": "Where deny patterns were asked for: the position up to which they are grouped and were read. "
        "Whoever just appended a new wording waits for that, 2 s at most.",
    },
    "Counted": {"schema": {"type": "string"}, "description": "Only where the newest entries alone were counted."},
    "ETag": {
        "schema": {"type": "string"},
        "description": "The entry's digest, the content item's version, or a hash of a page.",
    },
    "Location": {"schema": {"type": "string"}, "description": "Where the new resource is."},
    "Next": {"schema": {"type": "string"}, "description": 'Where to go on: `<…>; rel="next"`.'},
    "RateLimit": {
        "schema": {"type": "string"},
        "description": "Where a throttle applies: how many more requests are granted at once (`r`), and in how many "
        "seconds (`t`) that is the whole allowance again or, if none is left, one.",
    },
    "RateLimitPolicy": {
        "schema": {"type": "string"},
        "description": "Where a throttle applies: requests (`q`) allowed in a number of seconds (`w`).",
    },
    "RetryAfter": {"schema": {"type": "string"}, "description": "Seconds to wait before another try."},
    "WWWAuthenticate": {"schema": {"type": "string"}, "description": "How to authenticate."},
}

_ERRORS: Final = {
    "400": ("BadRequest", "A parameter, field or body breaks a rule.", {}),
    "401": ("Unauthorized", "Nobody is signed in.", {"WWW-Authenticate": "WWWAuthenticate"}),
    "403": ("Forbidden", "The scope or limit that `detail` names is missing.", {}),
    "404": ("NotFound", "There is nothing under this id.", {}),
    "408": ("TooSlow", "The body did not come in time.", {}),
    "411": ("LengthRequired", "A body that is all or nothing needs its length.", {}),
    "409": ("Conflict", "What is stored stays as it is.", {}),
    "412": ("PreconditionFailed", "The item is at another version.", {}),
    "413": ("TooLarge", "The body or a part of it is larger than the limit.", {}),
    "415": ("UnsupportedMediaType", "The body has another media type, or is compressed.", {}),
    "429": (
        "TooMany",
        "Too many requests.",
        {"Retry-After": "RetryAfter", "RateLimit": "RateLimit", "RateLimit-Policy": "RateLimitPolicy"},
    ),
    "503": (
        "Unavailable",
        "The database does not answer, its disk fails, or too many long answers run.",
        {"Retry-After": "RetryAfter"},
    ),
    "507": ("NoSpace", "The disk is full, or a quota is reached.", {"Retry-After": "RetryAfter"}),
}


def _response(status: str, description: str, headers: Mapping[str, str]) -> Part:
    example = {"type": "about:blank", "title": description, "status": int(status), "detail": description}
    return {
        "description": description,
        "headers": {name: {"$ref": f"#/components/headers/{header}"} for name, header in headers.items()},
        "content": {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}
        },
    }


RESPONSES: Final[Part] = {
    name: _response(status, description, headers) for status, (name, description, headers) in _ERRORS.items()
}

READ_ERRORS: Final = ("400", "401", "403", "429", "503", "507")
WRITE_ERRORS: Final = ("400", "401", "403", "408", "413", "415", "429", "503", "507")


def ref(name: str) -> Part:
    return {"$ref": f"#/components/schemas/{name}"}


def array_of(schema: Part) -> Part:
    return {"type": "array", "items": schema}


def content(schema: Part, example: Any, media_type: str = JSON) -> Part:
    return {media_type: {"schema": schema, "example": example}}


def answer(description: str, shown: Part, *headers: str) -> Part:
    """A successful response; ``headers`` are names in ``components``."""
    names = {"Next": "Link", "Counted": "Enhancelog-Counted", "DerivedTo": "Enhancelog-Derived-To"}
    return {
        "description": description,
        "headers": {names.get(name, name): {"$ref": f"#/components/headers/{name}"} for name in headers},
        "content": shown,
    }


def operation(
    name: str,
    tag: str,
    summary: str,
    answers: Mapping[str, Part],
    *,
    parameters: Sequence[Part] = (),
    body: Part | None = None,
    errors: Sequence[str] = READ_ERRORS,
    body_required: bool = True,
) -> Part:
    """``errors`` are the statuses answered with a problem."""
    problems = {status: {"$ref": f"#/components/responses/{_ERRORS[status][0]}"} for status in errors}
    made: Part = {"operationId": name, "tags": [tag], "summary": summary, "parameters": list(parameters)}
    if body is not None:
        made["requestBody"] = {"required": body_required, "content": body}
    return made | {"responses": {**answers, **{status: problems[status] for status in errors if status not in answers}}}


def query(name: str, schema: Part, description: str, *, required: bool = False) -> Part:
    return {"name": name, "in": "query", "required": required, "schema": schema, "description": description}


def in_path(name: str, schema: Part, example: str) -> Part:
    return {"name": name, "in": "path", "required": True, "schema": schema, "example": example}


def header(name: str, schema: Part, description: str) -> Part:
    return {"name": name, "in": "header", "required": False, "schema": schema, "description": description}
