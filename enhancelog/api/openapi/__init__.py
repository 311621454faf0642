"""The OpenAPI 3.1 document, served at ``/v1/openapi.json`` and written to ``docs/openapi.json``."""

from typing import Any

from django.conf import settings

from enhancelog import __version__
from enhancelog.api import added_operations
from enhancelog.api.openapi.alerts import OPERATIONS as ALERTS
from enhancelog.api.openapi.alerts import SCHEMAS as ALERT_SCHEMAS
from enhancelog.api.openapi.alerts import WEBHOOKS
from enhancelog.api.openapi.audit import OPERATIONS as AUDIT
from enhancelog.api.openapi.audit import SCHEMAS as AUDIT_SCHEMAS
from enhancelog.api.openapi.axes import OPERATIONS as AXES
from enhancelog.api.openapi.axes import SCHEMAS as AXIS_SCHEMAS
from enhancelog.api.openapi.deliveries import OPERATIONS as DELIVERIES
from enhancelog.api.openapi.deliveries import SCHEMAS as DELIVERY_SCHEMAS
from enhancelog.api.openapi.differences import OPERATIONS as DIFFERENCES
from enhancelog.api.openapi.differences import SCHEMAS as DIFFERENCE_SCHEMAS
from enhancelog.api.openapi.evidence import OPERATIONS as EVIDENCE
from enhancelog.api.openapi.funnel import OPERATIONS as FUNNEL
from enhancelog.api.openapi.funnel import SCHEMAS as FUNNEL_SCHEMAS
from enhancelog.api.openapi.log import OPERATIONS as LOG
from enhancelog.api.openapi.markers import OPERATIONS as MARKERS
from enhancelog.api.openapi.markers import SCHEMAS as MARKER_SCHEMAS
from enhancelog.api.openapi.notes import OPERATIONS as NOTES
from enhancelog.api.openapi.notes import SCHEMAS as NOTE_SCHEMAS
from enhancelog.api.openapi.observed import OPERATIONS as OBSERVED
from enhancelog.api.openapi.observed import SCHEMAS as OBSERVED_SCHEMAS
from enhancelog.api.openapi.parts import (
    ACTOR,
    BROKEN_RULE,
    HEADERS,
    NOT_MODIFIED,
    PROBLEM,
    RESPONSES,
    answer,
    content,
    operation,
)
from enhancelog.api.openapi.patterns import OPERATIONS as PATTERNS
from enhancelog.api.openapi.patterns import SCHEMAS as PATTERN_SCHEMAS
from enhancelog.api.openapi.reviews import OPERATIONS as REVIEWS
from enhancelog.api.openapi.reviews import SCHEMAS as REVIEW_SCHEMAS
from enhancelog.api.openapi.schemas import SCHEMAS as LOG_SCHEMAS
from enhancelog.api.openapi.standalone import DIALECT
from enhancelog.api.openapi.steadiness import OPERATIONS as STEADINESS
from enhancelog.api.openapi.steadiness import SCHEMAS as STEADINESS_SCHEMAS
from enhancelog.api.openapi.themes import OPERATIONS as THEMES
from enhancelog.api.openapi.themes import SCHEMAS as THEME_SCHEMAS
from enhancelog.api.openapi.triage import OPERATIONS as TRIAGE
from enhancelog.api.openapi.triage import SCHEMAS as TRIAGE_SCHEMAS
from enhancelog.api.openapi.why import OPERATIONS as WHY

Document = dict[str, Any]

SHARED_SCHEMAS = {"Actor": ACTOR, "BrokenRule": BROKEN_RULE, "Problem": PROBLEM}
ERRORS = ("401", "403", "429")

DESCRIPTION = """The log of enhance runs and the content store. Errors are problem+json (RFC 9457) and name the field.
Ids are percent-encoded in paths, slashes included. Single resources and pages of lists have an ETag and honor
If-None-Match."""


def document() -> Document:
    return {
        "openapi": "3.1.0",
        "info": {"title": "Enhancelog", "version": __version__, "description": DESCRIPTION, "license": {"name": "MIT"}},
        "servers": [{"url": settings.COOKIE_PATH}],
        "security": [{"token": []}, {"session": []}],
        "tags": [
            {"name": "log"},
            {"name": "evidence"},
            {"name": "content"},
            {"name": "triage"},
            {"name": "alerts"},
            {"name": "audit"},
            {"name": "description"},
        ],
        "paths": {
            **LOG,
            **WHY,
            **PATTERNS,
            **AXES,
            **THEMES,
            **DIFFERENCES,
            **FUNNEL,
            **STEADINESS,
            **MARKERS,
            **NOTES,
            **REVIEWS,
            **OBSERVED,
            **EVIDENCE,
            **AUDIT,
            **TRIAGE,
            **ALERTS,
            **DELIVERIES,
            **added_operations.paths(),
            **_own(),
        },
        "webhooks": WEBHOOKS,
        "components": {
            "schemas": {
                **LOG_SCHEMAS,
                **PATTERN_SCHEMAS,
                **AXIS_SCHEMAS,
                **THEME_SCHEMAS,
                **FUNNEL_SCHEMAS,
                **STEADINESS_SCHEMAS,
                **MARKER_SCHEMAS,
                **NOTE_SCHEMAS,
                **REVIEW_SCHEMAS,
                **DIFFERENCE_SCHEMAS,
                **OBSERVED_SCHEMAS,
                **AUDIT_SCHEMAS,
                **TRIAGE_SCHEMAS,
                **ALERT_SCHEMAS,
                **DELIVERY_SCHEMAS,
                **added_operations.schemas(),
                **SHARED_SCHEMAS,
            },
            "responses": RESPONSES,
            "headers": HEADERS,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "An API token, `enh_…`."},
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": settings.SESSION_COOKIE_NAME,
                    "description": "The session of a browser.",
                },
            },
        },
    }


def _own() -> Document:
    shown = content({"type": "object"}, {"openapi": "3.1.0"})
    answers = {"200": answer("OpenAPI 3.1.", shown, "ETag"), "304": NOT_MODIFIED}
    get = operation("get_openapi", "description", "This document", answers, errors=ERRORS)
    return {"/v1/openapi.json": {"get": get}, "/v1/schemas/entry.json": {"get": _entry_schema()}}


def _entry_schema() -> Document:
    example = {"$schema": DIALECT, "$id": "http://127.0.0.1:8000/v1/schemas/entry.json"}
    shown = content({"type": "object", "required": list(example)}, example, "application/schema+json")
    return operation(
        "get_entry_schema",
        "description",
        "The JSON Schema of an entry, with all schemas that it refers to",
        {"200": answer("JSON Schema 2020-12.", shown, "ETag"), "304": NOT_MODIFIED},
        errors=ERRORS,
    )
