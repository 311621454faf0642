from typing import Any, Final

from enhancelog.api.openapi.log import BETWEEN
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
from enhancelog.domain.marker_figures import KnownMarker
from enhancelog.domain.markers import KINDS, Marker, MarkerEdit, NewMarker
from enhancelog.queries.markers.listing import MOST
from enhancelog.queries.markers.selecting import HIDDEN

SCHEMAS = schemas_of(Marker, KnownMarker, NewMarker, MarkerEdit)

_MARKER: Final[dict[str, Any]] = {
    "id": "14177383a777048f",
    "ts_ms": 1794528000000,
    "kind": "axis_started",
    "title": "secrets started",
    "note": "The first day on which it judged.",
    "axis": "secrets",
    "source": "log",
}
_RATE: Final = {"n": 12, "of": 60, "low": 0.118, "high": 0.318}
_COMPARED: Final = {
    "before": _RATE,
    "after": {"n": 30, "of": 60, "low": 0.377, "high": 0.623},
    "difference": {"low": 0.132, "high": 0.446},
    "effect": "worse",
}
_COMPARISON: Final = {
    "before": {"since_ms": 1794355200000, "until_ms": 1794528000000, "runs": 60},
    "after": {"since_ms": 1794528000000, "until_ms": 1794700800000, "runs": 60},
    **dict.fromkeys(("rejected", "first_attempts_applied", "unfinished"), _COMPARED),
    "axes": {"noop": _COMPARED},
    "mix_changed": False,
    "blueprints": {"main": _COMPARED},
    "gone": {},
    "new": {"8e1f0a6d3b5c7a90": 4},
}
_NEW: Final = {"title": "prompt v12", "note": "Cites the file and line.", "blueprint_id": "main"}
_ID: Final = in_path("marker_id", {"type": "string", "minLength": 1}, _MARKER["id"])
_SHOWN: Final = content(ref("Marker"), {**_MARKER, "kind": "manual", "title": "prompt v12", "source": "token ci"})


def _names(name: str, description: str) -> Part:
    return query(name, array_of({"type": "string"}), description)


OPERATIONS: Final[dict[str, Part]] = {
    "/v1/enhance/markers": {
        "get": operation(
            "list_markers",
            "log",
            "When something changed, newest first",
            {
                "200": answer(
                    f"Of the newest {MOST} set by hand, and the newest {MOST} others.",
                    content(array_of(ref("Marker")), [_MARKER]),
                    "ETag",
                ),
                "304": NOT_MODIFIED,
            },
            parameters=[
                query("kind", array_of({"type": "string", "enum": list(KINDS)}), "What changed."),
                _names("blueprint_id", "Markers of these Blueprints alone."),
                _names("axis", "Markers of these axes alone."),
                query("hidden", {"type": "string", "enum": list(HIDDEN)}, "`true`: those that staff hid, instead."),
                *BETWEEN,
            ],
        ),
        "post": operation(
            "create_marker",
            "log",
            "Say that something changed",
            {"201": answer("The marker.", _SHOWN, "Location")},
            body=content(ref("NewMarker"), _NEW),
            errors=WRITE_ERRORS,
        ),
    },
    "/v1/enhance/markers/{marker_id}": {
        "get": operation(
            "get_marker",
            "log",
            "One marker, and what was different after it",
            {
                "200": answer(
                    "The marker with its comparison.",
                    content(ref("KnownMarker"), {**_MARKER, "comparison": _COMPARISON}),
                    "ETag",
                ),
                "304": NOT_MODIFIED,
            },
            parameters=[_ID],
            errors=[*READ_ERRORS, "404"],
        ),
        "patch": operation(
            "edit_marker",
            "log",
            "Edit a marker that was set by hand; staff may hide any",
            {"200": answer("The marker, as it is now.", _SHOWN)},
            parameters=[_ID],
            body=content(ref("MarkerEdit"), {"note": "Cites the file and the line."}),
            errors=[*WRITE_ERRORS, "404"],
        ),
    },
}
