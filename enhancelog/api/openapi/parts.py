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
        "identical": {
            "type": ["boolean", "null"],
            "description": "For 409 of an append: whether the stored entry is identical.",
        },
        "differs": {
            "type": "array",
            "items": {"type": "string"},
            "description": "409 of an append: the fields that differ.",
        },
        "stored": {
            "type": "array",
            "items": {"type": "string"},
            "maxItems": 1000,
            "description": "503 and 507 of a bulk append: ids of stored entries.",
        },
        "stored_count": {
            "type": "integer",
            "description": "503 and 507 of a bulk append: the number of stored entries.",
        },
    },
}

HEADERS: Final[Part] = {
    "DerivedTo": {
        "schema": {"type": "integer", "minimum": 0},
        "description": "For requests about deny patterns: the position up to which they are grouped and were read. "
        "A reader who just appended a new template waits for its grouping, at most 2 s.",
    },
    "Counted": {"schema": {"type": "string"}, "description": "Present if only the newest entries were counted."},
    "ETag": {
        "schema": {"type": "string"},
        "description": "The entry's digest, the content item's version, or a hash of a page.",
    },
    "Location": {"schema": {"type": "string"}, "description": "The URL of the new resource."},
    "Next": {"schema": {"type": "string"}, "description": 'The next page: `<…>; rel="next"`.'},
    "RateLimit": {
        "schema": {"type": "string"},
        "description": "Where a throttle applies: how many more requests are allowed now (`r`), and in how many "
        "seconds (`t`) the whole allowance is restored or, if nothing is left, one request is allowed.",
    },
    "RateLimitPolicy": {
        "schema": {"type": "string"},
        "description": "Where a throttle applies: requests (`q`) allowed in a number of seconds (`w`).",
    },
    "RetryAfter": {"schema": {"type": "string"}, "description": "Seconds to wait before retrying."},
    "WWWAuthenticate": {"schema": {"type": "string"}, "description": "How to authenticate."},
}

_ERRORS: Final = {
    "400": ("BadRequest", "A parameter, field or body breaks a rule.", {}),
    "401": ("Unauthorized", "Not authenticated.", {"WWW-Authenticate": "WWWAuthenticate"}),
    "403": ("Forbidden", "The scope or limit that `detail` names is missing.", {}),
    "404": ("NotFound", "Nothing has this id.", {}),
    "408": ("TooSlow", "The body did not arrive in time.", {}),
    "411": ("LengthRequired", "An atomic append requires a Content-Length.", {}),
    "409": ("Conflict", "Conflicts with what is stored; nothing was changed.", {}),
    "412": ("PreconditionFailed", "The item is at another version.", {}),
    "413": ("TooLarge", "The body or a part of it is larger than the limit.", {}),
    "415": ("UnsupportedMediaType", "The media type is not supported, or the body is compressed.", {}),
    "429": (
        "TooMany",
        "Too many requests.",
        {"Retry-After": "RetryAfter", "RateLimit": "RateLimit", "RateLimit-Policy": "RateLimitPolicy"},
    ),
    "503": (
        "Unavailable",
        "The database or its disk is not available, or too many long responses are under way.",
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
