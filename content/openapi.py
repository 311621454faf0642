"""The content store's operations and schemas. Rules of values come from kinds and codecs."""

from typing import Any, Final

from content.kinds import KINDS
from enhancelog.api.openapi.log import SIZE
from enhancelog.api.openapi.parts import (
    NOT_MODIFIED,
    READ_ERRORS,
    WRITE_ERRORS,
    Part,
    answer,
    array_of,
    content,
    header,
    in_path,
    operation,
    query,
    ref,
)
from enhancelog.domain.records import ID_SCHEMA

_ITEM: Final[dict[str, Any]] = {
    "story_id": "1089_story",
    "kind": "abort_respawn_count",
    "value": "2",
    "version": 3,
    "updated_ms": 1795000000000,
    "actor": {"kind": "token", "name": "ci-writer"},
}
_KIND: Final[Part] = {
    "type": "string",
    "enum": list(KINDS),
    "description": "\n".join(f"- `{kind.name}`: {kind.meaning}. {kind.codec.describe()}" for kind in KINDS.values()),
}
_COUNTERS: Final = [kind for kind in KINDS.values() if kind.codec.name == "counter"]
_COUNTER_KIND: Final[Part] = {
    "type": "string",
    "enum": [kind.name for kind in _COUNTERS],
    "description": "\n".join(f"- `{kind.name}`: {kind.meaning}." for kind in _COUNTERS),
}
_STORY_ID: Final[Part] = {
    "type": "string",
    **ID_SCHEMA,
    "pattern": "^[^:\\u0000-\\u001f\\u007f-\\u009f]*$",
    "description": "An id without `:`.",
}

SCHEMAS: Final[dict[str, Part]] = {
    "Kind": _KIND,
    "CounterKind": _COUNTER_KIND,
    "ContentItem": {
        "type": "object",
        "description": "One key's state. `value` is always text. Times are epoch milliseconds.",
        "required": list(_ITEM),
        "properties": {
            "story_id": {"type": "string"},
            "kind": ref("Kind"),
            "value": {"type": "string"},
            "version": {"type": "integer", "minimum": 1},
            "updated_ms": {"type": "integer"},
            "actor": ref("Actor"),
        },
    },
    "Story": {
        "type": "object",
        "description": "The kinds that a story has.",
        "required": ["story_id", "kinds"],
        "properties": {"story_id": {"type": "string"}, "kinds": array_of(ref("Kind"))},
    },
    "StoryContent": {
        "type": "object",
        "description": "All content of a story.",
        "required": ["story_id", "items"],
        "properties": {"story_id": {"type": "string"}, "items": array_of(ref("ContentItem"))},
    },
    "Imported": {
        "type": "object",
        "description": "How many keys were created, changed or unchanged, and which were quarantined.",
        "required": ["created", "changed", "unchanged", "quarantined"],
        "properties": {
            **{name: {"type": "integer"} for name in ("created", "changed", "unchanged")},
            "quarantined": array_of(ref("Quarantined")),
        },
    },
    "Quarantined": {
        "type": "object",
        "description": "A key that was not imported, and the rule it breaks.",
        "required": ["key", "rule", "detail"],
        "properties": {name: {"type": "string"} for name in ("key", "rule", "detail")},
    },
    "RawMap": {
        "type": "object",
        "description": "Raw key to text: the bare story id for `story`, `id:kind` for the others.",
        "additionalProperties": {"type": "string"},
    },
}

_KEY: Final = [in_path("kind", ref("Kind"), "abort_respawn_count"), in_path("story_id", _STORY_ID, "1089_story")]
_IF_MATCH: Final = header(
    "If-Match", {"type": "string", "pattern": '^((W/)?"[0-9]{1,9}"|\\*)$'}, "Change only this version."
)
_IF_NONE: Final = header("If-None-Match", {"type": "string", "pattern": "^\\*$"}, "`*`: only if the key is not set.")
_SHOWN: Final = content(ref("ContentItem"), _ITEM)
_CHANGE_ERRORS: Final = (*WRITE_ERRORS, "412")

OPERATIONS: Final[dict[str, Part]] = {
    "/v1/content": {
        "get": operation(
            "list_stories",
            "content",
            "List story ids with their kinds: all of them, or a page",
            {
                "200": answer(
                    "An array; with `raw=1`, of raw keys.",
                    content(
                        array_of({"oneOf": [{"type": "string"}, ref("Story")]}),
                        [{"story_id": "1089_story", "kinds": ["story", "gate_output"]}],
                    ),
                    "Next",
                    "ETag",
                ),
                "304": NOT_MODIFIED,
            },
            parameters=[
                query(
                    "raw",
                    {"type": "string", "enum": ["0", "1"]},
                    "Raw keys instead of stories; the other parameters apply to them.",
                ),
                query("text", {"type": "string"}, "A substring of the id."),
                query("kind", ref("Kind"), "Stories that have this kind; with `raw=1` its keys."),
                SIZE,
                query("cursor", {"type": "string"}, "From the `next` link."),
            ],
        )
    },
    "/v1/content/stories/{story_id}": {
        "get": operation(
            "get_story",
            "content",
            "Every kind of one story",
            {
                "200": answer(
                    "The kinds that are set.",
                    content(
                        ref("StoryContent"),
                        {"story_id": "1089_story", "items": [_ITEM]},
                    ),
                    "ETag",
                ),
                "304": NOT_MODIFIED,
            },
            parameters=[_KEY[1]],
            errors=(*READ_ERRORS, "404"),
        )
    },
    "/v1/content/kinds/{kind}/{story_id}": {
        "get": operation(
            "read_content",
            "content",
            "One key",
            {"200": answer("The key's state; its version is the ETag.", _SHOWN, "ETag"), "304": NOT_MODIFIED},
            parameters=_KEY,
            errors=(*READ_ERRORS, "404"),
        ),
        "put": operation(
            "write_content",
            "content",
            "Set one key",
            {
                "200": answer("Changed.", _SHOWN, "ETag"),
                "201": answer("Created.", _SHOWN, "ETag", "Location"),
            },
            parameters=[*_KEY, _IF_MATCH, _IF_NONE],
            body=content(
                {"type": "object", "required": ["value"], "properties": {"value": {"type": "string"}}}, {"value": "2"}
            ),
            errors=_CHANGE_ERRORS,
        ),
        "delete": operation(
            "delete_content",
            "content",
            "Remove one key; safe to repeat",
            {"204": {"description": "The key is not set now."}},
            parameters=[*_KEY, _IF_MATCH, _IF_NONE],
            errors=("400", "401", "403", "412", "429", "503", "507"),
        ),
    },
    "/v1/content/take/{kind}/{story_id}": {
        "post": operation(
            "take_content",
            "content",
            "Read and remove one key atomically; exactly one caller gets it",
            {"200": answer("The state that was removed.", _SHOWN)},
            parameters=[*_KEY, _IF_MATCH, _IF_NONE],
            errors=("400", "401", "403", "404", "412", "429", "503", "507"),
        )
    },
    "/v1/content/increment/{kind}/{story_id}": {
        "post": operation(
            "increment_content",
            "content",
            "Increment a counter atomically",
            {"200": answer("The new state.", _SHOWN, "ETag")},
            parameters=[in_path("kind", ref("CounterKind"), "abort_respawn_count"), _KEY[1], _IF_MATCH, _IF_NONE],
            body=content(
                {
                    "type": "object",
                    "properties": {
                        "by": {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1, "not": {"const": 0}}
                    },
                },
                {"by": 1},
            ),
            body_required=False,
            errors=(*_CHANGE_ERRORS, "409"),
        )
    },
    "/v1/content/import": {
        "post": operation(
            "import_content",
            "content",
            "Import a raw map into an empty store, or with merge=1 into any store",
            {
                "200": answer(
                    "What was created, changed, unchanged and quarantined.",
                    content(
                        ref("Imported"),
                        {"created": 2, "changed": 0, "unchanged": 0, "quarantined": []},
                    ),
                )
            },
            parameters=[query("merge", {"type": "string", "enum": ["0", "1"]}, "Import into any store.")],
            body=content(
                {"type": "object", "description": "A `RawMap`; invalid entries are quarantined."},
                {"1089_story": "# Title", "1089_story:abort_respawn_count": "2"},
            ),
            errors=(*WRITE_ERRORS, "409"),
        )
    },
    "/v1/content/export": {
        "get": operation(
            "export_content",
            "content",
            "Export everything as a raw map",
            {"200": answer("Raw key to text.", content(ref("RawMap"), {"1089_story": "# Title"}))},
        )
    },
}
