from typing import Any, Final

import msgspec

from enhancelog.alerts.samples import SAMPLES
from enhancelog.api.openapi.notes import IF_MATCH
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
    ref,
    schemas_of,
)
from enhancelog.domain.alert_events import KINDS
from enhancelog.domain.alerts import (
    AlertEdit,
    AlertRule,
    AlertWithSecret,
    AxisOptions,
    DigestOptions,
    NewAlert,
    NoOptions,
    RateOptions,
    SilenceOptions,
    TestMessage,
)

SCHEMAS = schemas_of(AlertRule, AlertWithSecret, NewAlert, AlertEdit, TestMessage, *KINDS.values())
_OPTIONS: Final = (RateOptions, AxisOptions, SilenceOptions, DigestOptions, NoOptions)
_OF_OPTIONS = schemas_of(*_OPTIONS)
SCHEMAS |= _OF_OPTIONS
for _name in ("AlertRule", "AlertWithSecret", "NewAlert", "AlertEdit"):
    SCHEMAS[_name]["properties"]["options"] = {
        "description": "What the event needs.",
        "anyOf": [ref(kind.__name__) for kind in _OPTIONS],
    }

_RULE: Final[dict[str, Any]] = {
    "id": "9f2c4a1be07d5538",
    "name": "writer is rejected",
    "owner": "ada",
    "event": "rate.high",
    "view": {"id": 3, "name": "writer", "url": "/rejections/?blueprint_id=writer"},
    "channel": "webhook",
    "url": "https://hooks.example.org/enhancelog",
    "address": None,
    "options": {"runs": 100, "percent": 60, "twice": False},
    "on": True,
    "off_why": "",
    "snoozed_until_ms": None,
    "failing_since_ms": None,
    "stuck_since_ms": None,
    "stuck_why": "",
    "made_ms": 1795000000000,
    "version": 1,
}
_MADE: Final = {**_RULE, "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwO2LaLaSwO2I="}
_NEW: Final = {
    "name": "writer is rejected",
    "event": "rate.high",
    "view": 3,
    "channel": "webhook",
    "url": "https://hooks.example.org/enhancelog",
    "options": {"runs": 100, "percent": 60},
}
_ID: Final = in_path("alert_id", {"type": "string", "minLength": 1}, _RULE["id"])

OPERATIONS: Final[dict[str, Part]] = {
    "/v1/alerts": {
        "get": operation(
            "list_alerts",
            "alerts",
            "Alerts, newest first: your own; for staff and tokens, all",
            {
                "200": answer("Without secrets.", content(array_of(ref("AlertRule")), [_RULE]), "ETag"),
                "304": NOT_MODIFIED,
            },
        ),
        "post": operation(
            "create_alert",
            "alerts",
            "Make an alert",
            {
                "201": answer(
                    "The alert. Its secret is shown this once.", content(ref("AlertWithSecret"), _MADE), "Location"
                )
            },
            body=content(ref("NewAlert"), _NEW),
            errors=WRITE_ERRORS,
        ),
    },
    "/v1/alerts/{alert_id}": {
        "get": operation(
            "get_alert",
            "alerts",
            "One alert",
            {"200": answer("Without its secret.", content(ref("AlertRule"), _RULE), "ETag"), "304": NOT_MODIFIED},
            parameters=[_ID],
            errors=[*READ_ERRORS, "404"],
        ),
        "patch": operation(
            "edit_alert",
            "alerts",
            "Change an alert, snooze it, switch it on or off, or rotate its secret",
            {
                "200": answer(
                    "The alert, as it is now. `secret` is empty unless it is new.",
                    content(ref("AlertWithSecret"), {**_MADE, "secret": ""}),
                )
            },
            parameters=[_ID, IF_MATCH],
            body=content(ref("AlertEdit"), {"on": False}),
            errors=[*WRITE_ERRORS, "404", "412"],
        ),
        "delete": operation(
            "delete_alert",
            "alerts",
            "Delete an alert, with its deliveries",
            {"204": {"description": "It is gone."}},
            parameters=[_ID],
            errors=[*READ_ERRORS, "404"],
        ),
    },
    "/v1/alerts/test/{alert_id}": {
        "post": operation(
            "send_test_message",
            "alerts",
            "Send a message with made-up data, at most one a minute",
            {"202": answer("It is on its way.", content(ref("TestMessage"), {"id": f"msg_{'0' * 32}"}))},
            parameters=[_ID],
            errors=[*READ_ERRORS, "404"],
        ),
    },
}


_MORE: Final = {
    "type": "object",
    "description": "Other messages that were folded into this one: how many, and where they are listed.",
    "required": ["count", "url"],
    "properties": {"count": {"type": "integer", "minimum": 1}, "url": {"type": "string"}},
}
_IN_EACH: Final = {
    "type": "object",
    "properties": {
        "more": _MORE,
        "test": {"type": "boolean", "description": "Whether it is a test message, whose data are made up."},
    },
}


def _webhook(event: str) -> Part:
    schema = {
        "type": "object",
        "required": ["type", "timestamp", "data"],
        "properties": {
            "type": {"type": "string", "const": event},
            "timestamp": {"type": "string", "format": "date-time"},
            "data": {"allOf": [ref(KINDS[event].__name__), _IN_EACH]},
        },
    }
    example = {
        "type": event,
        "timestamp": "2026-11-18T09:46:40.000Z",
        "data": msgspec.to_builtins(SAMPLES[event]),
    }
    return {
        "post": {
            "operationId": f"receive_{event.replace('.', '_')}",
            "tags": ["alerts"],
            "summary": f"The event {event}",
            "parameters": _HEADERS,
            "requestBody": {"required": True, "content": content(schema, example)},
            "responses": {"2XX": {"description": "It arrived. Any other answer is tried again."}},
        }
    }


def _header(name: str, description: str) -> Part:
    return {"name": name, "in": "header", "required": True, "schema": {"type": "string"}, "description": description}


_HEADERS: Final = [
    _header("webhook-id", "The message's id, the same each time it is sent."),
    _header("webhook-timestamp", "When it was sent, in seconds since 1970."),
    _header("webhook-signature", "Signatures of Standard Webhooks, `v1,…`; two while a secret is rotated."),
]
WEBHOOKS: Final[dict[str, Part]] = {event: _webhook(event) for event in KINDS}
