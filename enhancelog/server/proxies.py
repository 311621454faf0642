"""Forwarded headers count only from a trusted proxy; all others are removed."""

from collections.abc import Callable
from functools import lru_cache
from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest, HttpResponse

FORWARDED = (
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PORT",
    "HTTP_X_REQUEST_ID",
)


# ``ENHANCELOG_TRUSTED_PROXIES`` lists addresses or networks. From those, REMOTE_ADDR becomes the last address in
# X-Forwarded-For that is not a trusted proxy.
class TrustedProxiesMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.networks = settings.TRUSTED_PROXIES
        self.is_trusted = lru_cache(maxsize=1024)(self._is_trusted)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if self.networks and self.is_trusted(request.META.get("REMOTE_ADDR", "")):
            hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
            client = next((hop for hop in reversed(hops) if not self.is_trusted(hop)), None)
            if client and _is_address(client):
                request.META["REMOTE_ADDR"] = client
        else:
            for header in FORWARDED:
                request.META.pop(header, None)
        return self.get_response(request)

    def _is_trusted(self, address: str) -> bool:
        return _is_address(address) and any(ip_address(address) in network for network in self.networks)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
