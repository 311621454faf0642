"""Forwarded headers count only from a trusted proxy; all others are removed."""

import logging
from collections.abc import Callable
from functools import lru_cache
from ipaddress import ip_address
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from enhancelog.accounts.networks import is_address
from enhancelog.observing.first_seen import FirstSeen

FORWARDED = (
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PORT",
    "HTTP_X_REQUEST_ID",
)
PROXIES_SAY: Final = ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO")

NOT_NAMED: Final = (
    "This request came through a proxy that ENHANCELOG_TRUSTED_PROXIES does not name, so it does not count as HTTPS. "
    "The server's log names the proxy's address."
)
SCHEME_MISSING: Final = (
    "This request came through a proxy that does not send X-Forwarded-Proto, so it does not count as HTTPS. "
    "The proxy must set that header."
)

_PROBLEM: Final = "enhancelog.proxy_problem"
_log = logging.getLogger(__name__)


def problem_of(request: HttpRequest) -> str:
    """Why a request that a proxy received by HTTPS counts as plain; empty if no proxy is known to be there."""
    return str(request.META.get(_PROBLEM, ""))


# ``ENHANCELOG_TRUSTED_PROXIES`` lists addresses or networks. From those, REMOTE_ADDR becomes the last address in
# X-Forwarded-For that is not a trusted proxy.
class TrustedProxiesMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.networks = settings.TRUSTED_PROXIES
        self.is_trusted = lru_cache(maxsize=1024)(self._is_trusted)
        self._not_named = FirstSeen()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        peer = request.META.get("REMOTE_ADDR", "")
        if self.networks and self.is_trusted(peer):
            self._read(request)
        else:
            self._remove(request, peer)
        return self.get_response(request)

    def _read(self, request: HttpRequest) -> None:
        hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
        client = next((hop for hop in reversed(hops) if not self.is_trusted(hop)), None)
        if client and is_address(client):
            request.META["REMOTE_ADDR"] = client
        if hops and "HTTP_X_FORWARDED_PROTO" not in request.META:
            request.META[_PROBLEM] = SCHEME_MISSING

    def _remove(self, request: HttpRequest, peer: str) -> None:
        if any(header in request.META for header in PROXIES_SAY) and self._not_named.accepts(peer):
            _log.warning(
                "the X-Forwarded headers of %s are ignored; if it is your proxy, name it in ENHANCELOG_TRUSTED_PROXIES",
                peer,
            )
        # It says so of this request alone, so that a stranger who lies is the only one who gets no redirect.
        if request.META.get("HTTP_X_FORWARDED_PROTO", "").partition(",")[0].strip().lower() == "https":
            request.META[_PROBLEM] = NOT_NAMED
        for header in (*FORWARDED, settings.REMOTE_USER_HEADER):
            request.META.pop(header, None)

    def _is_trusted(self, text: str) -> bool:
        if not is_address(text):
            return False
        address = ip_address(text)
        # A socket for both versions shows IPv4 peers as ::ffff:192.0.2.1.
        address = getattr(address, "ipv4_mapped", None) or address
        return any(address in network for network in self.networks)
