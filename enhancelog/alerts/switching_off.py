"""Which alerts are switched off: their receiver keeps failing, or their owner may no longer have them."""

from typing import Final

from enhancelog.alerts import verified_addresses
from enhancelog.backends import faults
from enhancelog.domain.times import DAY_MS, now_ms
from enhancelog.models import Alert, DeliveryAttempt

FAILS_FOR_MS: Final = 3 * DAY_MS
FEWEST_ATTEMPTS: Final = 10  # a clock that jumps ahead makes days of a moment, but no attempts


def why_not(alert: Alert) -> str | None:
    # Why nothing may be sent for it, whatever its receiver says. Rights may have been taken since it was made.
    owner = alert.owner
    if not owner.is_active:
        return "its owner can no longer sign in"
    if alert.channel != "email" and not owner.is_staff:
        return "its owner is no longer staff, and only staff may use webhooks"
    usable = verified_addresses.usable(owner, owner.is_staff)
    if alert.channel == "email" and not usable.filter(address=alert.address).exists():
        return "its address is not, or no longer, a verified address"
    return None


def fails_for_too_long(alert_id: str) -> bool:
    with faults():
        rows = Alert.objects.filter(pk=alert_id, failing_since_ms__lte=now_ms() - FAILS_FOR_MS, off_ms=None)
        since_ms = rows.values_list("failing_since_ms", flat=True).first()
        if since_ms is None:
            return False
        attempts = DeliveryAttempt.objects.filter(delivery__alert=alert_id, started_ms__gte=since_ms)
        return len(attempts.values_list("pk")[:FEWEST_ATTEMPTS]) == FEWEST_ATTEMPTS
