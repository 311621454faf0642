"""Shared parameters, headers, error responses and builders."""

from collections.abc import Mapping, Sequence
from inspect import cleandoc
from typing import Any, Final

import msgspec

from enhancelog.api.derivation import GROUPING_PATIENCE_S
from enhancelog.api.negotiation import PROMPT_TYPES
from enhancelog.domain.text import DATA_NOTICE
from enhancelog.transfer.bulk import Stored
from enhancelog.transfer.formats import FORMATS

Part = dict[str, Any]

JSON: Final = FORMATS["json"].media_type
NDJSON: Final = FORMATS["ndjson"].media_type
CSV: Final = FORMATS["csv"].media_type
ATOM: Final = FORMATS["atom"].media_type

BROKEN_RULE: Final[Part] = {
    "type": "object",
    "description": "Which field (empty: the whole body) breaks which rule.",
    "required": ["field", "rule", "detail"],
    "properties": {name: {"type": "string"} for name in ("field", "rule", "detail")},
}
PROBLEM: Final[Part] = {
    "type": "object",
    "description": "What went wrong (RFC 9457). `errors` says which field breaks which rule.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {"type": "array", "items": {"$ref": "#/components/schemas/BrokenRule"}},
        "request_id": {"type": "string", "description": "5xx: finds the request in the server's log."},
        "identical": {
            "type": ["boolean", "null"],
            "description": "409 of an append: whether the stored entry is identical.",
        },
        "differs": {
            "type": "array",
            "items": {"type": "string"},
            "description": "409 of an append: the fields that differ.",
        },
        "redacted": {
            "type": "boolean",
            "description": "409 of an append: true if the stored entry was redacted; then nothing was compared.",
        },
        "redacted_ms": {"type": "integer", "description": "410 of a document: when its text was taken out, epoch ms."},
        "why": {"type": "string", "description": "410 of a document: why."},
        "state": {
            "$ref": "#/components/schemas/PatternState",
            "description": "409 and 412 of a change of a pattern's state: the present one.",
        },
        "stored": {
            "type": "array",
            "items": {"type": "string"},
            "maxItems": Stored.LISTED,
            "description": "503 and 507 of a bulk append: ids of stored entries.",
        },
        "stored_count": {
            "type": "integer",
            "description": "503 and 507 of a bulk append: the number of stored entries.",
        },
    },
}
ACTOR: Final[Part] = {
    "type": "object",
    "description": "Who recorded it.",
    "required": ["kind", "name"],
    "properties": {"kind": {"type": "string", "enum": ["user", "token", "command"]}, "name": {"type": "string"}},
}


def _header(pattern: str, description: str) -> Part:
    return {"schema": {"type": "string", "pattern": pattern}, "description": description}


def _listed(item: str) -> str:
    return f"^{item}(, {item})*$"


HEADERS: Final[Part] = {
    "Allow": _header(_listed("[A-Z]+"), "The methods of this path."),
    "DerivedTo": {
        "schema": {"type": "integer", "minimum": 0},
        "description": "For requests about deny patterns or patches: the position up to which they are derived and "
        f"were read. For what the caller has just appended, the response waits at most {GROUPING_PATIENCE_S:g} s.",
    },
    "Counted": _header("^newest [1-9][0-9]*$", "Present if only the newest entries were counted."),
    "ETag": _header(
        '^(W/)?"[0-9a-f]{1,64}(-[0-9]+)?"$',
        "The entry's digest (and the number of its redactions), the content item's version, or a digest of the answer; "
        "weak (`W/`) if compressed.",
    ),
    "Location": _header("^/v1/", "The URL of the new resource."),
    "Next": _header('^<[^<>]+>; rel="next"$', 'The next page: `<…>; rel="next"`.'),
    "RateLimit": _header(
        _listed('"[a-z]+";r=[0-9]+;t=[0-9]+'),
        "Where a throttle applies: how many more requests are allowed now (`r`), and in how many seconds (`t`) the "
        "whole allowance is restored or, if nothing is left, one request is allowed.",
    ),
    "RateLimitPolicy": _header(
        _listed('"[a-z]+";q=[0-9]+;w=[0-9]+'),
        "Where a throttle applies: requests (`q`) allowed in a number of seconds (`w`).",
    ),
    "RetryAfter": {"schema": {"type": "integer", "minimum": 1}, "description": "Seconds to wait before retrying."},
    "WWWAuthenticate": _header("^Bearer", "How to authenticate."),
}

_ERRORS: Final = {
    "400": ("BadRequest", "A parameter, field or body breaks a rule.", {}),
    "401": ("Unauthorized", "Not authenticated.", {"WWW-Authenticate": "WWWAuthenticate"}),
    "403": ("Forbidden", "The scope or limit that `detail` names is missing.", {}),
    "404": ("NotFound", "Nothing has this id.", {}),
    "405": ("MethodNotAllowed", "The path does not support this method.", {"Allow": "Allow"}),
    "408": ("TooSlow", "The body did not arrive in time.", {}),
    "410": ("Gone", "Its text was taken out; `redacted_ms` and `why` say when and why.", {}),
    "411": ("LengthRequired", "An atomic append of NDJSON requires a Content-Length.", {}),
    "409": ("Conflict", "Conflicts with what is stored; nothing was changed.", {"ETag": "ETag"}),
    "412": ("PreconditionFailed", "`If-Match` or `If-None-Match` does not hold.", {"ETag": "ETag"}),
    "413": ("TooLarge", "The body or a part of it is larger than the limit.", {}),
    "415": ("UnsupportedMediaType", "The media type is not supported, or the body is compressed.", {}),
    "429": (
        "TooMany",
        "Too many requests.",
        {"Retry-After": "RetryAfter", "RateLimit": "RateLimit", "RateLimit-Policy": "RateLimitPolicy"},
    ),
    "503": (
        "Unavailable",
        "The database or its disk is not available, or too many long responses or large bodies are under way.",
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
} | {
    "NotModified": {
        "description": "The answer still has the ETag that `If-None-Match` names. No body.",
        "headers": {"ETag": {"$ref": "#/components/headers/ETag"}},
    },
    "UriTooLong": {"description": "The address is longer than 65,534 bytes. No body."},
    "HeadersTooLarge": {"description": "More than 100 header fields, or too large ones. No body."},
}
NOT_MODIFIED: Final[Part] = {"$ref": "#/components/responses/NotModified"}
_EVERYWHERE: Final = {"405": "MethodNotAllowed", "414": "UriTooLong", "431": "HeadersTooLarge"}

READ_ERRORS: Final = ("400", "401", "403", "429", "503", "507")
WRITE_ERRORS: Final = ("400", "401", "403", "408", "413", "415", "429", "503", "507")


def ref(name: str) -> Part:
    return {"$ref": f"#/components/schemas/{name}"}


def schemas_of(*types: Any) -> dict[str, Part]:
    """By name, with those of the types inside."""
    _, schemas = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    for schema in schemas.values():
        if "description" in schema:  # a docstring, which Python before 3.13 leaves indented
            schema["description"] = cleandoc(schema["description"])
    return schemas


def array_of(schema: Part) -> Part:
    return {"type": "array", "items": schema}


def content(schema: Part, example: Any, media_type: str = JSON) -> Part:
    return {media_type: {"schema": schema, "example": example}}


def as_text(example: str) -> Part:
    """For a prompt."""
    return content({"type": "string"}, example, "text/plain")


def lines_of(name: str, example: str) -> Part:
    """NDJSON whose lines are each a ``name``."""
    schema = {"type": "string", "contentMediaType": NDJSON, "contentSchema": array_of(ref(name))}
    return content({**schema, "description": f"One `{name}` per line, as JSON."}, example, NDJSON)


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
    """``errors`` are the statuses answered with a problem. An answer 304 adds the conditional headers and 412."""
    conditions = [IF_MATCH, IF_NONE_MATCH] if "304" in answers else []
    statuses = [*errors, "412"] if conditions else errors
    names = {status: _ERRORS[status][0] for status in statuses} | _EVERYWHERE
    problems = {
        status: {"$ref": f"#/components/responses/{names[status]}"} for status in sorted(names.keys() - answers)
    }
    made: Part = {"operationId": name, "tags": [tag], "summary": summary, "parameters": [*parameters, *conditions]}
    if body is not None:
        made["requestBody"] = {"required": body_required, "content": body}
    return made | {"responses": {**answers, **problems}}


def query(name: str, schema: Part, description: str, *, required: bool = False) -> Part:
    return {"name": name, "in": "query", "required": required, "schema": schema, "description": description}


def in_path(name: str, schema: Part, example: str) -> Part:
    return {"name": name, "in": "path", "required": True, "schema": schema, "example": example}


def header(name: str, schema: Part, description: str) -> Part:
    return {"name": name, "in": "header", "required": False, "schema": schema, "description": description}


PROMPT_FORMAT: Final = query(
    "format", {"type": "string", "enum": list(PROMPT_TYPES)}, "Overrides Accept. `text`: for a model's prompt."
)
PROMPT_EXAMPLE: Final = f'{DATA_NOTICE} They stand in lines that begin with ">".\n'
IF_MATCH: Final = header("If-Match", {"type": "string"}, "ETags; 412 if the response has none of them.")
IF_NONE_MATCH: Final = header("If-None-Match", {"type": "string"}, "ETags; 304 if the response still has one of them.")
