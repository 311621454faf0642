"""Schemas of the log: an entry, its patch, its metadata, and answers about it."""

from typing import Any, Final

from enhancelog.api.openapi.parts import Part, array_of, ref, schemas_of
from enhancelog.domain import filters, meta
from enhancelog.domain.periods import PERIOD_SCHEMA
from enhancelog.domain.records import TEXT_SCHEMA, Entry
from enhancelog.domain.why import TriedBefore, Why
from enhancelog.projections.patterns.details import MOST_AXES
from enhancelog.transfer.bulk import Result

_POINTER: Final[Part] = {"type": "string", "pattern": r"^(/[\s\S]*)?$", "description": "A JSON Pointer (RFC 6901)."}
_ANY: Final[Part] = {"description": "Any JSON value."}


def _operation(*operators: str, **members: Any) -> Part:
    return {
        "type": "object",
        "required": ["op", "path", *members],
        "properties": {"op": {"type": "string", "enum": list(operators)}, "path": _POINTER, **members},
    }


SCHEMAS = schemas_of(Entry, Result, Why, TriedBefore)
# A generated client has a variable named after the schema, which a property of the same name would replace.
SCHEMAS["AppendResult"] = {**SCHEMAS.pop("Result"), "title": "AppendResult"}
SCHEMAS |= {name.capitalize(): {"type": "string", "enum": list(values)} for name, values in filters.CHOICES.items()}
SCHEMAS["Period"] = {"type": "string", "pattern": PERIOD_SCHEMA}
SCHEMAS["Entry"]["properties"] |= {"status": ref("Status"), "ops": array_of(ref("Operation")), "meta": ref("Meta")}
SCHEMAS["Entry"]["properties"]["redacted"] = {
    **array_of(ref("Tombstone")),
    "readOnly": True,
    "description": "Only where texts were taken out of the entry: each redaction, the first one first.",
}
SCHEMAS["Tombstone"] = {
    "type": "object",
    "description": "Which fields were redacted, when (epoch ms) and why. Texts are now `[redacted]`, operations `[]`.",
    "required": ["fields", "redacted_ms", "why"],
    "properties": {
        "fields": array_of({"type": "string"}),
        "redacted_ms": {"type": "integer"},
        "why": {"type": "string"},
    },
}
SCHEMAS["Meta"] = {
    "type": "object",
    "description": f"What the caller notes about the run; at most {meta.MAX_BYTES:,} bytes of JSON.",
    "maxProperties": meta.MAX_KEYS,
    "propertyNames": {"pattern": meta.KEY_SCHEMA},
    "additionalProperties": {"anyOf": [{"type": "string", **TEXT_SCHEMA}, {"type": "number"}, {"type": "boolean"}]},
}
# RFC 6902: one schema for each set of members, so that a generated client has a type for each.
SCHEMAS |= {
    "Operation": {"oneOf": [ref("ValueOperation"), ref("MoveOperation"), ref("RemoveOperation")]},
    "ValueOperation": _operation("add", "replace", "test", value=_ANY),
    "MoveOperation": _operation("move", "copy", **{"from": _POINTER}),
    "RemoveOperation": _operation("remove"),
}
SCHEMAS["Recorded"] = {
    "type": "object",
    "description": "An entry's metadata. Times are epoch milliseconds.",
    "required": [
        *("position", "recorded_ms", "actor", "source", "shown_as"),
        *("digest", "envelope", "patterns", "observed"),
    ],
    "properties": {
        "position": {"type": "integer", "minimum": 1},
        "recorded_ms": {"type": "integer"},
        "actor": ref("Actor"),
        "source": {"type": "string", "description": "As it was recorded."},
        "shown_as": {"type": "string", "description": "The source's name now, which differs if it was renamed."},
        "digest": {
            "type": "string",
            "pattern": "^[0-9a-f]{64}$",
            "description": "SHA-256 of the record; of a redacted entry, the inner hash of the original.",
        },
        "envelope": {
            "type": "string",
            "pattern": "^[0-9a-f]{64}$",
            "description": "SHA-256 over position, digest, recorded_ms, actor and source.",
        },
        "patterns": {
            "type": "object",
            "description": f"The deny pattern's id for each axis that denied, up to {MOST_AXES} axes.",
            "additionalProperties": {"type": "string"},
        },
        "observed": {
            "anyOf": [ref("Patch"), {"type": "null"}],
            "description": "The patch that a host's store says was tried.",
        },
    },
}
SCHEMAS["KnownEntry"] = {
    "description": "An entry with its metadata.",
    "allOf": [ref("Entry"), ref("Recorded")],
}
