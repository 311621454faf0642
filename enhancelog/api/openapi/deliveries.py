from typing import Any, Final

from enhancelog.api.openapi.log import CURSOR, SIZE
from enhancelog.api.openapi.parts import (
    NOT_MODIFIED,
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
from enhancelog.domain.deliveries import STATES, Delivery

SCHEMAS = schemas_of(Delivery)

_ID: Final = {"type": "string", "minLength": 1}
_DELIVERY: Final[dict[str, Any]] = {
    "id": f"msg_{'0b1d6a3c8f2e4a57' * 2}",
    "alert": "5b0c7a2f9d3e1846",
    "alert_name": "New patterns",
    "event": "pattern.new",
    "state": "waiting",
    "caused_ms": 1794528000000,
    "made_ms": 1794528000250,
    "folded_into": None,
    "folds": 14,
    "attempts": 2,
    "next_ms": 1794528036000,
    "ended_ms": None,
    "last": {"started_ms": 1794528005600, "took_ms": 412, "status": 500, "answer": "Internal Server Error"},
}

OPERATIONS: Final[dict[str, Part]] = {
    "/v1/deliveries": {
        "get": operation(
            "list_deliveries",
            "alerts",
            "Messages of alerts, newest first; kept for 30 days after they ended",
            {
                "200": answer(
                    "Of your own alerts; staff and tokens with `triage:write` get all.",
                    content(array_of(ref("Delivery")), [_DELIVERY]),
                    "ETag",
                    "Next",
                ),
                "304": NOT_MODIFIED,
            },
            parameters=[
                query("alert", {"type": "string"}, "The id of an alert."),
                query("state", {"type": "string", "enum": list(STATES)}, "`dead`: it is not tried again."),
                query("folded_into", {"type": "string"}, "The id of a message: those that it took along."),
                SIZE,
                CURSOR,
            ],
        ),
    },
    "/v1/deliveries/retry/{delivery_id}": {
        "post": operation(
            "retry_delivery",
            "alerts",
            "Send a message again, with the same id and body",
            {"200": answer("The delivery, which is due now.", content(ref("Delivery"), _DELIVERY))},
            parameters=[in_path("delivery_id", _ID, _DELIVERY["id"])],
            errors=("400", "401", "403", "404", "409", "429", "503", "507"),
        ),
    },
}
