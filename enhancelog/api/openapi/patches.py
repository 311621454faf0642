"""RFC 6902 operations: one schema for each set of members, so that a generated client has a type for each."""

from typing import Any, Final

from enhancelog.api.openapi.parts import Part, ref

_POINTER: Final[Part] = {"type": "string", "pattern": r"^(/[\s\S]*)?$", "description": "A JSON Pointer (RFC 6901)."}
_ANY: Final[Part] = {"description": "Any JSON value."}


def _operation(*operators: str, **members: Any) -> Part:
    return {
        "type": "object",
        "required": ["op", "path", *members],
        "properties": {"op": {"type": "string", "enum": list(operators)}, "path": _POINTER, **members},
    }


SCHEMAS: Final[dict[str, Part]] = {
    "Operation": {"oneOf": [ref("ValueOperation"), ref("MoveOperation"), ref("RemoveOperation")]},
    "ValueOperation": _operation("add", "replace", "test", value=_ANY),
    "MoveOperation": _operation("move", "copy", **{"from": _POINTER}),
    "RemoveOperation": _operation("remove"),
}
