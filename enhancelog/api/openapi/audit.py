from typing import Any, Final

import msgspec

from enhancelog.api.audit import AUDIT_TYPES
from enhancelog.api.openapi.log import BETWEEN, CURSOR, SIZE
from enhancelog.api.openapi.parts import (
    CSV,
    NOT_MODIFIED,
    READ_ERRORS,
    Part,
    answer,
    array_of,
    content,
    lines_of,
    operation,
    query,
    ref,
    schemas_of,
)
from enhancelog.domain.audit import ACTS, SUBJECTS, AuditRecord
from enhancelog.queries.audit import MOST_VALUES
from enhancelog.transfer.audit_exports import COLUMNS

SCHEMAS = schemas_of(AuditRecord)

_RECORD: Final[dict[str, Any]] = {
    "position": 41,
    "recorded_ms": 1795000000123,
    "actor_kind": "user",
    "actor_name": "ada",
    "act": "token.make",
    "about": "token",
    "about_id": "7",
    "detail": {"name": "ci-writer", "owner": "ada", "scopes": ["log:append"]},
}


def _values(name: str, of: Part, description: str) -> Part:
    return query(name, {**array_of(of), "maxItems": MOST_VALUES}, description)


OPERATIONS: Final[dict[str, Part]] = {
    "/v1/audit": {
        "get": operation(
            "list_audit",
            "audit",
            "Who did what in this system, newest first; for staff, not for tokens",
            {
                "200": answer(
                    "A JSON array, or the same as NDJSON or CSV.",
                    {
                        **content(array_of(ref("AuditRecord")), [_RECORD]),
                        **lines_of("AuditRecord", msgspec.json.encode(_RECORD).decode() + "\n"),
                        **content({"type": "string"}, ",".join(COLUMNS) + "\r\n", CSV),
                    },
                    "Next",
                    "ETag",
                ),
                "304": NOT_MODIFIED,
            },
            parameters=[
                _values("act", {"type": "string", "enum": list(ACTS)}, "What was done; any of them if repeated."),
                _values(
                    "about",
                    {"type": "string", "pattern": f"^({'|'.join(SUBJECTS)})(:.*)?$"},
                    "What it was done to: a kind, or a kind and an id, `pattern:5f2b8c1d9e3a7046`.",
                ),
                _values("actor", {"type": "string"}, "The name of the user, token or command that did it."),
                *BETWEEN,
                SIZE,
                CURSOR,
                query("format", {"type": "string", "enum": list(AUDIT_TYPES)}, "Overrides Accept."),
            ],
            errors=READ_ERRORS,
        )
    }
}
