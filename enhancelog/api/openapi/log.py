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
from enhancelog.api.streams_and_polls import LONGEST_WAIT_S
from enhancelog.domain import features, filters, meta, page_sizes, periods, places, theme_ids
from enhancelog.domain.errors import NO_SUCH_ENTRY
from enhancelog.domain.records import FIELDS, ID_SCHEMA
from enhancelog.domain.search_words import LONGEST_PHRASE

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
    "blueprint_id": "The Blueprint; an empty value means the empty id.",
    "blueprint_prefix": "The beginning of the Blueprint's id.",
    "status": "The outcome of the run.",
    "axis": "Denied by this axis; if repeated, by all of them.",
    "axis_passed": "This axis passed the run.",
    "axis_absent": "This axis did not judge the run.",
    "only": "Denied by this axis alone.",
    "axes": "The number of axes that denied.",
    "pattern": "Denied by this deny pattern: its id, or the id of a pattern merged into it.",
    "theme": "Denied by this axis in prose, with this theme: the number of any of its wordings, as in `tone:7`.",
    "is": "`new`: denied by a pattern whose first denial is within the filter's times; needs `since` or `period`.",
    "has": "A patch (recorded, or known from a host), a recorded patch (`ops`), the hash of its candidate, a gap "
    "before the entry, an inconsistency, or another run in which an axis judged its candidate differently (`flip`).",
    "touches": "The patch touches this place of the Blueprint or one inside it: a JSON pointer, where the name of a "
    "list item may stand for its index.",
    "without": "Denied by this axis or by several of these, and by no other: what would have passed without them.",
    "afterwards": "What followed in the retry thread: an applied attempt, only rejected ones, or none.",
    "next": "The next attempt at the same intent within 7 days: applied, denied by the same, by others, or not made. "
    "The same is the filter's `pattern` or `axis`; without one, any axis that denied the run.",
    "attempt": "Which attempt at its intent it was: the first, the second, the third, a further one, or any but the "
    "first. Attempts at an intent are at most 7 days apart, and end with an applied one.",
    "text": "A substring of intent, rationale, reasons or a verdict's detail.",
    "phrase": "A phrase in intent, rationale, a reason or a verdict's detail; its last word may end in *.",
    "source": "The source of the entry.",
    "word": "A word of the intent's beginning.",
    "intent_length": "Characters of the intent: a number or a range, 40-79 or 480-.",
    "rationale_length": "Characters of the rationale.",
    "patch_length": "Characters of the patch's operations as JSON, recorded or known from a host.",
    "operations": "How many operations the patch has.",
    "op": "The patch has an operation of this kind.",
    "bump": "The bump of the patch.",
    "actor": "Who appended the entry: a kind such as `token`, or a kind and a name, `token:ci`.",
    "hour": "The hour of the run, UTC.",
    "weekday": "The weekday of the run, UTC.",
    "matching": "Matches this whole filter: a query string without times. `not_matching` is the rest of any filter.",
}
_PLAUSIBLE_ONLY: Final = "Leaves out entries without a plausible time; to copy the whole log, use `after`."
_BOUNDS: Final = {"since": "Inclusive", "until": "Exclusive", "not_since": "Before", "not_until": "From"}
_INSTANT: Final[Part] = {"type": "string", "pattern": periods.INSTANT_SCHEMA}
_INSTANT_WORDS: Final = (
    "epoch ms, RFC 3339, YYYY-MM-DD (UTC, or with an offset), today, yesterday, or an age like 90m, 24h, 7d, 2w"
)
# Of lists that are not of entries
BETWEEN: Final = [query(name, _INSTANT, f"{_BOUNDS[name]}: {_INSTANT_WORDS}.") for name in ("since", "until")]


# Its properties are parameters of their own: ?meta.model=m-large&not_meta.seed=7.
_META: Final = {
    **query(
        "meta",
        {
            "type": "object",
            "propertyNames": {"pattern": f"^(not_)?meta\\.{meta.KEY_SCHEMA[1:]}"},
            "additionalProperties": {"type": "string"},
        },
        "`meta.KEY`: `meta` has this value under the key, as text; `not_meta.KEY` excludes it. "
        "Numbers are found in any spelling.",
    ),
    "style": "form",
    "explode": True,
}


def _filters() -> list[Part]:
    found = []
    for name in filters.VALUES:
        one: Part = {"type": "string"}
        if name in filters.CHOICES:
            one = ref(name.capitalize())
        elif name == "phrase":
            one["maxLength"] = LONGEST_PHRASE
        elif name in features.BUCKETS:
            one["pattern"] = features.RANGE_SCHEMA
        elif name == "word":
            one["pattern"] = features.WORD_SCHEMA
        elif name == "theme":
            one["pattern"] = theme_ids.SCHEMA
        elif name == "touches":
            one |= {"pattern": places.SCHEMA, "maxLength": places.LONGEST_PLACE}
        for prefix, words in (("", _NAMED[name]), ("not_", f"Excludes what `{name}` selects.")):
            found.append(query(prefix + name, {**array_of(one), "maxItems": filters.MAX_VALUES}, words))
    found += [query(name, _INSTANT, f"{words}: {_INSTANT_WORDS}. {_PLAUSIBLE_ONLY}") for name, words in _BOUNDS.items()]
    period = ref("Period")
    what = "7d, 2w: whole UTC days that end with today; 24h, 90m: that length of time up to now; today, yesterday, all"
    return [
        *found,
        _META,
        query("period", period, f"{what}. {_PLAUSIBLE_ONLY}"),
        query("not_period", period, f"Before that period. {_PLAUSIBLE_ONLY}"),
    ]


FILTERS: Final = tuple(_filters())  # the parameters of everything that takes a filter

_ORDER: Final = query(
    "order", {"type": "string", "enum": ["asc", "desc"]}, "By time; `asc` unless given. Not with `after`."
)
SIZE: Final = query(
    "page_size",
    {"type": "integer", "minimum": 1, "maximum": page_sizes.LARGEST},
    "Return a page of this size.",
)
_FORMAT: Final = query(
    "format",
    {"type": "string", "enum": list(LIST_TYPES)},
    f"Overrides Accept. `spreadsheet`: CSV as Excel opens it. `atom`: the {page_sizes.FEED} latest entries.",
)
_TAIL: Final = [
    query("after", {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}, "Only entries stored after this position."),
    query(
        "wait",
        {"type": "integer", "minimum": 0, "maximum": LONGEST_WAIT_S},
        "Seconds to wait for new entries; only with `after`.",
    ),
]
CURSOR: Final = query(
    "cursor", {"type": "string"}, "From the `next` link; valid only for the same filter and order. Not with `after`."
)
_ATOMIC: Final = query("atomic", {"type": "string", "enum": ["true", "false"]}, "For a bulk append: all or nothing.")
ISSUE_ID: Final = in_path("issue_id", {"type": "string", **ID_SCHEMA}, "h-42")

_ENTRY: Final = content(ref("Entry"), EXAMPLE)
_RESULTS: Final = lines_of("AppendResult", RESULT)

OPERATIONS: Final[dict[str, Part]] = {
    "/v1/enhance/log": {
        "get": operation(
            "list_entries",
            "log",
            "List entries by time: all of them, a page, or the tail",
            {
                "200": answer(
                    f"A JSON array, the same entries as NDJSON or CSV, or a feed of the {page_sizes.FEED} latest.",
                    {
                        **content(array_of(ref("Entry")), [EXAMPLE]),
                        **lines_of("Entry", LINE),
                        **content({"type": "string"}, ",".join((*FIELDS, "time_utc")) + "\r\n", CSV),
                        **content({"type": "string"}, '<feed xmlns="http://www.w3.org/2005/Atom">…</feed>', ATOM),
                    },
                    "Next",
                    "DerivedTo",
                    "ETag",
                ),
                "304": NOT_MODIFIED,
            },
            parameters=[*FILTERS, _ORDER, SIZE, CURSOR, _FORMAT, *_TAIL],
        ),
        "post": operation(
            "append_entries",
            "log",
            "Append one entry, or many as NDJSON or as an array",
            {
                "201": answer("The stored entry.", _ENTRY, "Location", "ETag"),
                "200": answer("Bulk append: one result per entry.", _RESULTS),
                "422": answer("Bulk append with `atomic=true`: nothing was stored.", _RESULTS),
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
                "200": answer("The entry; its ETag is its digest and, if it was redacted, how often.", _ENTRY, "ETag"),
                "304": NOT_MODIFIED,
                "404": answer("No such entry.", content({"type": "string"}, NO_SUCH_ENTRY, "text/plain")),
            },
            parameters=[ISSUE_ID],
            errors=READ_ERRORS,
        ),
        "put": operation(
            "put_entry",
            "log",
            "Append one entry; safe to repeat",
            {
                "201": answer("The stored entry.", _ENTRY, "Location", "ETag"),
                "200": answer("An identical entry was already stored.", _ENTRY, "ETag"),
            },
            parameters=[ISSUE_ID],
            body=_ENTRY,
            errors=[*WRITE_ERRORS, "409"],
        ),
    },
    "/v1/enhance/entries/{issue_id}": {
        "get": operation(
            "get_known_entry",
            "log",
            "One entry with its metadata",
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
                            "shown_as": "api",
                            "digest": "0" * 64,
                            "envelope": "0" * 64,
                            "patterns": {"noop": "5f2b8c1d9e3a7046"},
                            "observed": None,
                        },
                    ),
                    "ETag",
                ),
                "304": NOT_MODIFIED,
                "404": answer("No such entry.", content({"type": "string"}, NO_SUCH_ENTRY, "text/plain")),
            },
            parameters=[ISSUE_ID],
            errors=READ_ERRORS,
        )
    },
}
