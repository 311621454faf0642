from typing import Any, Final

from enhancelog.api.observed import DOCUMENT_TYPES, EntryPatches, KnownUnfinishedRun
from enhancelog.api.openapi.log import CURSOR, ISSUE_ID, SIZE
from enhancelog.api.openapi.parts import (
    NOT_MODIFIED,
    READ_ERRORS,
    WRITE_ERRORS,
    Part,
    answer,
    array_of,
    content,
    in_path,
    operation,
    query,
    ref,
    schemas_of,
)
from enhancelog.domain import periods
from enhancelog.domain.causes import CAUSES
from enhancelog.domain.unfinished_reports import UnfinishedReport
from enhancelog.queries.unfinished import STATUSES, UNKNOWN_DAY, UnfinishedRun

SCHEMAS = schemas_of(EntryPatches, UnfinishedRun, KnownUnfinishedRun, UnfinishedReport)
_OPERATIONS: Final = array_of(ref("Operation"))
SCHEMAS["Patch"]["properties"]["ops"] = {"anyOf": [_OPERATIONS, {"type": "null"}]}
for name in ("KnownUnfinishedRun", "UnfinishedReport"):
    SCHEMAS[name]["properties"]["ops"] = _OPERATIONS

_HASHES: Final = {"prev": "efb306dfd0ec1f8e5a1c7b0a9d3f4e6c8b2a1d0f9e8c7b6a5d4f3e2c1b0a9d8e", "candidate": "0" * 64}
_PATCH: Final[dict[str, Any]] = {
    "ops": [{"op": "replace", "path": "/agents/0/profile/system_prompt", "value": "Cite the file and line."}],
    "bump": "patch",
    "candidate_hash": _HASHES["candidate"],
    "prev_hash": _HASHES["prev"],
    "source": "host",
}
_RUN: Final[dict[str, Any]] = {
    "issue_id": "h-43",
    "blueprint_id": "main",
    "intent": "writer should cite the file and line",
    "reason": "dispatch failed: … path not found at part 3: tools",
    "cause": "pointer",
    "status": "died",
    "ts_ms": None,
    "not_before_ms": 1793640135493,
    "not_after_ms": 1793647956128,
    "source": "host",
    "recorded_ms": 1795000000123,
}
_REPORT: Final = {
    "issue_id": "agent-7-12",
    "blueprint_id": "main",
    "intent": "writer should cite the file and line",
    "reason": "out of memory",
    "status": "died",
    "ts_ms": 1793640135493,
}
_CHANGE: Final = {"status": "died", "cause": "pointer", "reason": _RUN["reason"], "changed_ms": 1795000000123}
_KNOWN: Final = content(ref("KnownUnfinishedRun"), {**_RUN, "ops": _PATCH["ops"], "changes": [_CHANGE]})
_DOCUMENT: Final[Part] = {
    **content({"type": "string"}, "id: main\nagents: []\n", DOCUMENT_TYPES["yaml"]),
    **content({}, {"id": "main", "agents": []}, DOCUMENT_TYPES["json"]),
}


def _choices(name: str, values: tuple[str, ...], description: str) -> Part:
    return query(name, array_of({"type": "string", "enum": list(values)}), description)


_ANY_TEXT: Final = array_of({"type": "string"})
_DATE: Final[Part] = {"type": "string", "pattern": rf"^\d{{4}}-\d\d-\d\d$|{periods.RFC3339_SCHEMA}"}
_DAY: Final[Part] = {"type": "string", "pattern": rf"^(\d{{4}}-\d\d-\d\d|{UNKNOWN_DAY})$"}

OPERATIONS: Final[dict[str, Part]] = {
    "/v1/enhance/patches/{issue_id}": {
        "get": operation(
            "get_patches",
            "log",
            "The patch of an entry: as recorded with it, and as a host's store says",
            {
                "200": answer(
                    "Both patches; `null` where there is none.",
                    content(ref("EntryPatches"), {"issue_id": "h-42", "recorded": None, "observed": _PATCH}),
                    "ETag",
                ),
                "304": NOT_MODIFIED,
            },
            parameters=[ISSUE_ID],
            errors=[*READ_ERRORS, "404"],
        )
    },
    "/v1/enhance/documents/{hash}": {
        "get": operation(
            "get_document",
            "log",
            "A Blueprint's document",
            {
                "200": answer(
                    "YAML, whose BLAKE3 hash it is; or JSON, where only a host's `head` showed it.", _DOCUMENT, "ETag"
                ),
                "304": NOT_MODIFIED,
            },
            parameters=[in_path("hash", {"type": "string", "minLength": 1}, _HASHES["candidate"])],
            errors=[*READ_ERRORS, "404", "410"],
        )
    },
    "/v1/enhance/unfinished": {
        "get": operation(
            "list_unfinished_runs",
            "log",
            "Runs that never came into the log, newest first",
            {
                "200": answer(
                    "A page; `ops` are left out.", content(array_of(ref("UnfinishedRun")), [_RUN]), "Next", "ETag"
                ),
                "304": NOT_MODIFIED,
            },
            parameters=[
                query("blueprint_id", _ANY_TEXT, "The Blueprint; an empty value means the empty id."),
                query("blueprint_prefix", _ANY_TEXT, "The beginning of the Blueprint's id."),
                query("source", _ANY_TEXT, "The source."),
                _choices("cause", CAUSES, "Why it died."),
                _choices("status", STATUSES, "Unless given, `pending` and `died`."),
                query("day", array_of(_DAY), "UTC day, as far as a run's time is known; `unknown` if it is not."),
                query("since", array_of(_DATE), "Of this UTC day or moment (RFC 3339) or later, as far as known."),
                query("until", array_of(_DATE), "Of an earlier UTC day or moment, as far as known."),
                SIZE,
                CURSOR,
            ],
        )
    },
    "/v1/enhance/unfinished/{issue_id}": {
        "get": operation(
            "get_unfinished_run",
            "log",
            "One unfinished run, with its patch and its history",
            {
                "200": answer(
                    "The run. If several sources know it, the one that is not resolved.",
                    _KNOWN,
                    "ETag",
                ),
                "304": NOT_MODIFIED,
            },
            parameters=[ISSUE_ID],
            errors=[*READ_ERRORS, "404"],
        ),
        "put": operation(
            "put_unfinished_run",
            "log",
            "Report an unfinished run, or what became of it; safe to repeat",
            {
                "201": answer("The run, reported for the first time.", _KNOWN),
                "200": answer("The run, as it is now.", _KNOWN),
            },
            parameters=[ISSUE_ID],
            body=content(ref("UnfinishedReport"), _REPORT),
            errors=[*WRITE_ERRORS, "409"],
        ),
    },
}
