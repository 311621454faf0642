"""Probes call by any name, other names keep their scheme, and the public name's plain requests go to HTTPS."""

import logging
from collections.abc import Callable
from typing import Final

from django.conf import settings
from django.core.exceptions import BadRequest, DisallowedHost
from django.http import HttpRequest, HttpResponseBase, HttpResponsePermanentRedirect
from django.http.request import split_domain_port, validate_host

from enhancelog.observing.first_seen import FirstSeen
from enhancelog.server import proxies

# Orchestrators and scrapers call by an address that nobody knows beforehand, and without TLS.
PROBED: Final = ("/health/live", "/health/ready", "/metrics")
MOST_CHARACTERS: Final = 100  # of a name in the log

_log = logging.getLogger(__name__)


class HostNamesMiddleware:
    """Directly inside ``SecurityMiddleware``. A name that is not ours is refused further inside."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self._refused = FirstSeen()

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info in PROBED:
            request.META["HTTP_HOST"] = settings.PUBLIC_HOST  # nothing of the one that was sent is used
            return self.get_response(request)
        try:
            name = split_domain_port(request.get_host())[0]
        except DisallowedHost:
            self._report(request)
            return self.get_response(request)
        if not settings.SECURE_SSL_REDIRECT or request.is_secure() or validate_host(name, settings.OTHER_HOSTS):
            return self.get_response(request)
        # A redirect would come back through the proxy, as the same request.
        if problem := proxies.problem_of(request):
            raise BadRequest(problem)
        return HttpResponsePermanentRedirect(f"https://{settings.PUBLIC_HOST}{request.get_full_path()}")

    def _report(self, request: HttpRequest) -> None:
        name = request.META.get("HTTP_HOST", "")[:MOST_CHARACTERS]
        if self._refused.accepts(name.lower()):
            accepted = ", ".join(
                each.replace(".", "*.", 1) if each[0] == "." else each for each in settings.ALLOWED_HOSTS
            )
            _log.warning(
                'refused a request for the host "%s"; answers to %s; add names with ENHANCELOG_HOSTS', name, accepted
            )
