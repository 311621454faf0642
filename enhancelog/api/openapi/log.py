import json
from typing import Any, Final

from enhancelog.api.negotiation import LIST_TYPES
from enhancelog.api.openapi.parts import (
    ATOM,
    CSV,
    JSON,
    NOT_MODIFIED,
    READ_ERRORS,
    WRITE_ERRORS,
    Part,
    answer,
    array_of,
    content,
    in_path,
    lines_of,
    operation,
    query,
    ref,
)
from enhancelog.domain import filters, page_sizes
from enhancelog.domain.records import ID_SCHEMA
from enhancelog.domain.search_words import LONGEST_PHRASE
from enhancelog.domain.text import DATA_NOTICE

EXAMPLE: Final[dict[str, Any]] = {
    "issue_id": "h-42",
    "blueprint_id": "main",
    "prev_hash": "efb306dfd0ec1f8e5a1c7b0a9d3f4e6c8b2a1d0f9e8c7b6a5d4f3e2c1b0a9d8e",
    "new_hash": "",
    "intent": "writer should cite the file and line",
    "rationale": "Adds one sentence to the `writer` prompt.",
    "verdicts": [
        {"axis": "des", "status": "pass", "detail": "blueprint shape ok (id/flow/agents present)"},
        {"axis": "noop", "status": "deny", "detail": "patch is no-op (new_hash == prev_hash)"},
    ],
    "status": "rejected",
    "reasons": ["noop: patch is no-op (new_hash == prev_hash)"],
    "ts_ms": 1795000000000,
}
LINE: Final = json.dumps(EXAMPLE) + "\n"
RESULT: Final = '{"line":1,"issue_id":"h-42","result":"created","error":null}\n'

_NAMED: Final = {
    "blueprint_id": "Of this Blueprint; the empty value is the empty id.",
    "status": "Ended so.",
    "axis": "Denied by this axis; repeated: by all of them.",
    "axis_passed": "This axis passed.",
    "axis_absent": "This axis did not judge.",
    "only": "The sole axis that denied.",
    "axes": "How many axes denied.",
    "pattern": "Denied in this deny pattern, by its id or that of a template joined into it.",
    "has": "A recorded patch, a gap before it, or something that is off.",
    "afterwards": "A later try of its retry thread was applied; there are such, all rejected; there is none.",
    "text": "A substring of intent, rationale, reasons or a verdict's detail.",
    "phrase": "Words in a row in intent, rationale, a reason or a verdict's detail; the last may end in *.",
    "source": "From this source.",
}
_PLAUSIBLE_ONLY: Final = "Leaves out entries without a plausible time; to copy the whole log, use `after`."
_INSTANT: Final = {"since": "Inclusive", "until": "Exclusive", "not_since": "Before", "not_until": "From"}


def _filters() -> list[Part]:
    found = []
    for name in filters.VALUES:
        one: Part = {"type": "string"}
        if name in filters.CHOICES:
            one = ref(name.capitalize())
        elif name == "phrase":
            one["maxLength"] = LONGEST_PHRASE
        for prefix, words in (("", _NAMED[name]), ("not_", f"Not: {_NAMED[name][0].lower()}{_NAMED[name][1:]}")):
            found.append(query(prefix + name, {**array_of(one), "maxItems": filters.MAX_VALUES}, words))
    instant = {
        "type": "string",
        "pattern": r"^(-?[0-9]{1,18}|[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|[1-9][0-9]{0,4}[mhdw])$",
    }
    what = "epoch ms, RFC 3339, YYYY-MM-DD (UTC) or an age like 90m, 24h, 7d, 2w"
    found += [query(name, instant, f"{words}: {what}. {_PLAUSIBLE_ONLY}") for name, words in _INSTANT.items()]
    period = ref("Period")
    return [
        *found,
        query("period", period, f"Whole UTC days, today included. {_PLAUSIBLE_ONLY}"),
        query("not_period", period, f"Before those days. {_PLAUSIBLE_ONLY}"),
    ]


FILTERS: Final = tuple(_filters())  # the parameters of everything that takes a filter

_ORDER: Final = query(
    "order", {"type": "string", "enum": ["asc", "desc"]}, "By time; `asc` unless given. Not with `after`."
)
SIZE: Final = query(
    "page_size", {"type": "integer", "minimum": 1, "maximum": page_sizes.LARGEST}, "A page instead of the whole."
)
_FORMAT: Final = query(
    "format",
    {"type": "string", "enum": list(LIST_TYPES)},
    "Wins over Accept. `spreadsheet`: CSV as Excel opens it. `atom`: the 50 stored last.",
)
_TAIL: Final = [
    query("after", {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}, "What was stored after this position."),
    query(
        "wait",
        {"type": "integer", "minimum": 0, "maximum": filters.MAX_WAIT_S},
        "Seconds to wait for something; only with `after`.",
    ),
]
_CURSOR: Final = query(
    "cursor", {"type": "string"}, "From the `next` link; another filter needs another reading. Not with `after`."
)
_ATOMIC: Final = query("atomic", {"type": "string", "enum": ["true", "false"]}, "Of many: all or nothing.")
_ISSUE_ID: Final = in_path("issue_id", {"type": "string", **ID_SCHEMA}, "h-42")

_ENTRY: Final = content(ref("Entry"), EXAMPLE)
_RESULTS: Final = lines_of("AppendResult", RESULT)

OPERATIONS: Final[dict[str, Part]] = {
    "/v1/enhance/log": {
        "get": operation(
            "list_entries",
            "log",
            "Entries, ascending by time: all of them, a page, or the tail",
            {
                "200": answer(
                    "A bare array, the same entries as lines, or the 50 that were stored last as a feed.",
                    {
                        **content(array_of(ref("Entry")), [EXAMPLE]),
                        **lines_of("Entry", LINE),
                        **content({"type": "string"}, ",".join(EXAMPLE) + "\r\n", CSV),
                        **content({"type": "string"}, '<feed xmlns="http://www.w3.org/2005/Atom">…</feed>', ATOM),
                    },
                    "Next",
                    "DerivedTo",
                    "ETag",
                ),
                "304": NOT_MODIFIED,
            },
            parameters=[*FILTERS, _ORDER, SIZE, _CURSOR, _FORMAT, *_TAIL],
        ),
        "post": operation(
            "append_entries",
            "log",
            "Append one entry, or many as NDJSON or as an array",
            {
                "201": answer("The entry, stored.", _ENTRY, "Location", "ETag"),
                "200": answer("Of many: what became of each.", _RESULTS),
                "422": answer("Of many, with `atomic=true`: nothing was stored.", _RESULTS),
            },
            parameters=[_ATOMIC],
            body={
                **content({"oneOf": [ref("Entry"), array_of(ref("Entry"))]}, EXAMPLE, JSON),
                **lines_of("Entry", LINE),
            },
            errors=[*WRITE_ERRORS, "409", "411"],
        ),
    },
    "/v1/enhance/log/{issue_id}": {
        "get": operation(
            "get_entry",
            "log",
            "One entry",
            {
                "200": answer("The entry; its ETag is its digest.", _ENTRY, "ETag"),
                "304": NOT_MODIFIED,
                "404": answer(
                    "No such entry.", content({"type": "string"}, "enhance log entry not found", "text/plain")
                ),
            },
            parameters=[_ISSUE_ID],
            errors=READ_ERRORS,
        ),
        "put": operation(
            "put_entry",
            "log",
            "Append one entry; safe to repeat",
            {
                "201": answer("The entry, stored.", _ENTRY, "Location", "ETag"),
                "200": answer("The same record was stored already.", _ENTRY, "ETag"),
            },
            parameters=[_ISSUE_ID],
            body=_ENTRY,
            errors=[*WRITE_ERRORS, "409"],
        ),
    },
    "/v1/enhance/entries/{issue_id}": {
        "get": operation(
            "get_known_entry",
            "log",
            "One entry and what we know of it",
            {
                "200": answer(
                    "The entry, its position, who recorded it and when.",
                    content(
                        ref("KnownEntry"),
                        {
                            **EXAMPLE,
                            "position": 59,
                            "recorded_ms": 1795000000123,
                            "actor": {"kind": "token", "name": "ci-writer"},
                            "source": "api",
                            "digest": "0" * 64,
                            "envelope": "0" * 64,
                            "patterns": {"noop": "5f2b8c1d9e3a7046"},
                        },
                    ),
                    "ETag",
                ),
                "304": NOT_MODIFIED,
                "404": answer(
                    "No such entry.", content({"type": "string"}, "enhance log entry not found", "text/plain")
                ),
            },
            parameters=[_ISSUE_ID],
            errors=READ_ERRORS,
        )
    },
    "/v1/enhance/why": {
        "get": operation(
            "why_rejected",
            "log",
            "What was denied for a Blueprint lately, and which similar intents passed",
            {
                "200": answer(
                    "At most 20 groups and 16 kB.",
                    content(
                        ref("Why"),
                        {
                            "notice": DATA_NOTICE,
                            "blueprint_id": "main",
                            "runs": 79,
                            "applied": 47,
                            "rejected": 32,
                            "denied": [
                                {
                                    "axis": "noop",
                                    "template": "patch is no-op (new_hash == prev_hash)",
                                    "count": 11,
                                    "last_ts_ms": 1795000000000,
                                    "samples": [
                                        {
                                            "issue_id": "h-42",
                                            "reason": "patch is no-op (new_hash == prev_hash)",
                                            "actor": {"kind": "token", "name": "agent-7"},
                                        }
                                    ],
                                    "issue_ids": ["h-42"],
                                }
                            ],
                            "groups_left_out": 0,
                            "similar_applied": [],
                        },
                    ),
                    "ETag",
                ),
                "304": NOT_MODIFIED,
            },
            parameters=[
                query("blueprint_id", {"type": "string"}, "The Blueprint; may be empty.", required=True),
                query("intent", {"type": "string"}, "What is wanted, in words."),
            ],
        )
    },
}
