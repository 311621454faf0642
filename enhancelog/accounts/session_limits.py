"""When a session ends by itself: ``ENHANCELOG_SESSION_IDLE`` and ``ENHANCELOG_SESSION_LIFETIME``."""

from datetime import timedelta
from typing import Final

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from enhancelog.models import Session

# A session's use is recorded at most once in this time, or in a tenth of a short idle limit.
USE_NOTED_EVERY: Final = timedelta(minutes=5)
# Programs that keep no cookies start a session with each page, so the oldest ones end.
MAX_OWNED: Final = 100


def in_force() -> "QuerySet[Session]":
    now = timezone.now()
    return Session.objects.filter(
        expire_date__gt=now,
        started__gt=now - settings.SESSION_LIFETIME,
        seen__gt=now - settings.SESSION_IDLE,
    )


def ended() -> "QuerySet[Session]":
    now = timezone.now()
    return Session.objects.filter(Q(expire_date__lte=now) | Q(seen__lte=now - settings.SESSION_IDLE))


def noted_every() -> timedelta:
    return min(USE_NOTED_EVERY, settings.SESSION_IDLE / 10)
