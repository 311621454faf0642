"""Standard Webhooks: the body and its signed headers. https://www.standardwebhooks.com"""

from datetime import UTC, datetime
from typing import Any

import msgspec
from standardwebhooks import Webhook

from enhancelog import __version__
from enhancelog.alerts.messages import is_test
from enhancelog.alerts.outbox import Leased
from enhancelog.alerts.outgoing import data_of, folded_url
from enhancelog.domain.times import now_ms


def body_of(leased: Leased) -> bytes:
    # The same bytes at each attempt: all of it is fixed by the first lease.
    delivery = leased.delivery
    data: dict[str, Any] = data_of(leased)
    if is_test(delivery, leased.alert):
        data["test"] = True
    if delivery.folds:
        data["more"] = {"count": delivery.folds, "url": folded_url(delivery.pk)}
    caused = datetime.fromtimestamp(delivery.caused_ms / 1000, UTC).isoformat(timespec="milliseconds")
    return msgspec.json.encode({"type": delivery.event, "timestamp": caused.replace("+00:00", "Z"), "data": data})


def headers_of(leased: Leased, body: bytes) -> dict[str, str]:
    # While a new secret overlaps with the former one, both sign.
    delivery, alert = leased
    now = datetime.now(UTC)
    is_overlap = alert.former_secret and (alert.former_until_ms or 0) > now_ms()
    secrets = [alert.secret, *([alert.former_secret] if is_overlap else [])]
    signatures = [Webhook(secret).sign(delivery.pk, now, body.decode()) for secret in secrets]
    return {
        **plain_headers(),
        "webhook-id": delivery.pk,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def plain_headers() -> dict[str, str]:
    return {"Content-Type": "application/json", "User-Agent": f"enhancelog/{__version__}"}
