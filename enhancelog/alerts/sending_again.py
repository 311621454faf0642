"""A person has a message sent again, whatever became of it."""

from typing import Final

from enhancelog.backends import dialect, faults
from enhancelog.domain.errors import Invalid
from enhancelog.domain.origin import Origin
from enhancelog.domain.times import now_ms
from enhancelog.models import Delivery
from enhancelog.projections import waking
from enhancelog.store import audit

_FIELD: Final = "state"


def send_again(delivery_id: str, origin: Origin) -> None:
    """Under the same id, with a whole series of attempts, even if its alert is snoozed or off. Raises ``Invalid``."""
    with faults(), dialect().appending():
        row = Delivery.objects.select_for_update(of=("self",)).get(pk=delivery_id)
        now = now_ms()
        if row.folded_into_id:
            raise Invalid(_FIELD, "folded", f"was sent as a part of {row.folded_into_id}; send that one again")
        if row.leased_until_ms is not None and row.leased_until_ms > now:
            raise Invalid(_FIELD, "under_way", "is being sent now; wait for its answer")
        before = row.state
        row.state, row.next_ms, row.leased_until_ms, row.ended_ms, row.attempts = "waiting", now, None, None, 0
        row.folds = row.folds or 0
        row.save(update_fields=["state", "next_ms", "leased_until_ms", "ended_ms", "attempts", "folds"])
        audit.record("delivery.retry", origin, "delivery", delivery_id, alert=row.alert_id, state=before)
    waking.alerts_wait.set()
