from typing import Any, Final

from enhancelog.api.openapi.parts import READ_ERRORS, WRITE_ERRORS, Part, answer, content, operation, ref, schemas_of
from enhancelog.domain.triage_files import MAX_BYTES, TriageFile, TriageImported

SCHEMAS = schemas_of(TriageFile, TriageImported)

_FILE: Final[dict[str, Any]] = {
    "format": "enhancelog-triage",
    "version": 1,
    "states": [
        {
            "axis": "noop",
            "state": "acknowledged",
            "cause": "prompt",
            "assignee": "ada",
            "actor_kind": "user",
            "actor_name": "ada",
            "made_ms": 1795000000000,
            "seen": 350,
            "templates": ["5f2b8c1d9e3a7046"],
            "holds_for": ["5f2b8c1d9e3a7046"],
        }
    ],
    "notes": [],
    "reviews": [],
    "views": [{"owner": "ada", "name": "Noop", "url": "/rejections/?axis=noop"}],
    "alerts": [],
}
_NONE: Final = {"made": 0, "changed": 0, "unchanged": 0, "skipped": 0}
_DONE: Final = {
    **dict.fromkeys(("notes", "reviews", "alerts"), _NONE),
    "states": {**_NONE, "made": 1},
    "views": {**_NONE, "skipped": 1},
    "skipped": [{"place": "views[0]", "why": "there is no user ada"}],
    "unknown_templates": 0,
    "unknown_users": ["ada"],
}

OPERATIONS: Final[dict[str, Part]] = {
    "/v1/triage/export": {
        "get": operation(
            "export_triage",
            "triage",
            "States, notes, reviews, saved views and alerts as one file, without secrets",
            {"200": answer("An item a line.", content(ref("TriageFile"), _FILE))},
            errors=READ_ERRORS,
        )
    },
    "/v1/triage/import": {
        "post": operation(
            "import_triage",
            "triage",
            f"Import such a file, of at most {MAX_BYTES >> 20} MiB: all or nothing, and safe to repeat",
            {"200": answer("What became of it.", content(ref("TriageImported"), _DONE))},
            body=content(ref("TriageFile"), _FILE),
            errors=WRITE_ERRORS,
        )
    },
}
