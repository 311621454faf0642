from datetime import timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any, Final

from axes.attempts import get_cool_off_threshold
from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt, AccessLog
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db.models import Model, QuerySet, Sum
from django.http import HttpRequest
from django.utils import timezone

from enhancelog.accounts.events import MAX_NAME

# After AXES_FAILURE_LIMIT wrong passwords for a name from one network, or NETWORK_FAILURE_LIMIT for any names, sign-in
# is locked for AXES_COOLOFF_TIME. A network is an IPv4 address or an IPv6 /64: customers get at least a /64, so
# counting single addresses would be pointless.

# High enough that typing errors do not lock out an office behind one address.
NETWORK_FAILURE_LIMIT: Final = 100

IPV6_PREFIX: Final = 64
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


def network_of(request: HttpRequest) -> str | None:
    """The client's IPv4 address, or the first address of its IPv6 /64."""
    try:
        address = ip_address(request.META.get("REMOTE_ADDR", "").partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is None:
            return str(ip_network((address, IPV6_PREFIX), strict=False).network_address)
        address = address.ipv4_mapped  # otherwise all of IPv4 would be one network
    return str(address)


def name_of(request: HttpRequest, credentials: dict[str, Any] | None) -> str:
    """The name as sent, cut to the longest possible name: PostgreSQL refuses longer ones."""
    sent = (credentials or request.POST).get("username")
    return str(sent or "")[:MAX_NAME]


def prune() -> None:
    now = timezone.now()
    _delete_some(Session.objects.filter(expire_date__lt=now))
    oldest = AccessLog.objects.order_by("pk").values_list("pk", "attempt_time")[:PRUNED_AT_ONCE]
    expired = [pk for pk, recorded in oldest if recorded < now - SIGN_INS_KEPT]  # there is no index by time
    AccessLog.objects.filter(pk__in=expired).delete()


def _delete_some(rows: "QuerySet[Any]") -> int:
    model: type[Model] = rows.model
    keys = list(rows.order_by("pk").values_list("pk", flat=True)[:PRUNED_AT_ONCE])
    deleted, _ = model._default_manager.filter(pk__in=keys).delete()
    return deleted
