from datetime import timedelta
from typing import Any, Final

from axes.attempts import get_cool_off_threshold
from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt, AccessLog
from django.conf import settings
from django.db.models import Model, QuerySet, Sum
from django.http import HttpRequest
from django.utils import timezone

from enhancelog.accounts import session_limits
from enhancelog.accounts.events import MAX_NAME
from enhancelog.accounts.lockout_limits import NETWORK_FAILURE_LIMIT
from enhancelog.accounts.networks import network_of

SIGN_INS_KEPT: Final = timedelta(days=90)
# Rows per table. A sign-in adds one, so this catches up with any backlog.
PRUNED_AT_ONCE: Final = 200


class Handler(AxesDatabaseHandler):  # type: ignore[misc, unused-ignore]
    """axes' handler with a limit per network and bounded cleanup."""

    def get_failures(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        """Failures of this name from this network; the limit itself if the network is locked."""
        recent = AccessAttempt.objects.filter(
            ip_address=request.axes_ip_address,  # type: ignore[attr-defined]
            attempt_time__gte=get_cool_off_threshold(request),
        )
        of_network = recent.aggregate(failures=Sum("failures_since_start"))["failures"] or 0
        if of_network >= NETWORK_FAILURE_LIMIT:
            return int(settings.AXES_FAILURE_LIMIT)
        return int(super().get_failures(request, credentials))

    # axes calls this at every sign-in, successful or not, and at every sign-out.
    def clean_expired_user_attempts(
        self, request: HttpRequest | None = None, credentials: dict[str, Any] | None = None
    ) -> int:
        threshold = timezone.now() - settings.AXES_COOLOFF_TIME
        return _delete_some(AccessAttempt.objects.filter(attempt_time__lte=threshold))

    def user_logged_in(self, sender: Any, request: HttpRequest, user: Any, **kwargs: Any) -> None:
        super().user_logged_in(sender, request, user, **kwargs)
        prune()


def network_of_client(request: HttpRequest) -> str | None:
    return network_of(request.META.get("REMOTE_ADDR", ""))


def name_of(request: HttpRequest, credentials: dict[str, Any] | None) -> str:
    """The name as sent, cut to the longest possible name: PostgreSQL refuses longer ones."""
    sent = (credentials or request.POST).get("username")
    return str(sent or "")[:MAX_NAME]


def prune() -> None:
    now = timezone.now()
    _delete_some(session_limits.ended())
    oldest = AccessLog.objects.order_by("pk").values_list("pk", "attempt_time")[:PRUNED_AT_ONCE]
    expired = [pk for pk, recorded in oldest if recorded < now - SIGN_INS_KEPT]  # there is no index by time
    AccessLog.objects.filter(pk__in=expired).delete()


def _delete_some(rows: "QuerySet[Any]") -> int:
    model: type[Model] = rows.model
    keys = list(rows.order_by("pk").values_list("pk", flat=True)[:PRUNED_AT_ONCE])
    deleted, _ = model._default_manager.filter(pk__in=keys).delete()
    return deleted
