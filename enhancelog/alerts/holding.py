"""Which one of the server's processes evaluates and sends: it holds the row of progress, and renews its hold."""

from typing import Final

from django.db.models import Q

from enhancelog.backends import faults
from enhancelog.domain.times import now_ms
from enhancelog.models import AlertProgress

HELD_FOR_MS: Final = 15_000
ROW: Final = 1


def take(holder: str) -> bool:
    # Whether ``holder`` is the one from now on, for at least half of ``HELD_FOR_MS``.
    now = now_ms()
    # After a jump of the clock, nothing is held for longer than it can be.
    is_free = Q(holder=holder) | Q(held_until_ms__lte=now) | Q(held_until_ms__gt=now + HELD_FOR_MS)
    with faults():
        found = progress()
        if found.holder == holder and HELD_FOR_MS / 2 < found.held_until_ms - now <= HELD_FOR_MS:
            return True
        if found.holder != holder and now < found.held_until_ms <= now + HELD_FOR_MS:
            return False
        return AlertProgress.objects.filter(is_free, pk=ROW).update(holder=holder, held_until_ms=now + HELD_FOR_MS) == 1


def release(holder: str) -> None:
    with faults():
        AlertProgress.objects.filter(pk=ROW, holder=holder).update(held_until_ms=0)


def locked() -> AlertProgress:
    """Until the end of the transaction. Who writes the outbox from the log holds it, and a redaction that looks
    through the outbox, so that neither misses the other. The row is there after ``progress``.
    """
    return AlertProgress.objects.select_for_update().get(pk=ROW)


def progress() -> AlertProgress:
    nothing = {"log_position": 0, "audit_position": 0, "time_ms": 0}  # each alert has its own beginning
    return AlertProgress.objects.get_or_create(pk=ROW, defaults={**nothing, "holder": "", "held_until_ms": 0})[0]
