"""Rate limits for reads, single writes and bulk writes. Bursts are allowed up to the limit; beyond it: 429 with
Retry-After. Responses say in RateLimit fields (draft-ietf-httpapi-ratelimit-headers) what is left."""

import math
from typing import Any, Final, Literal

from django.conf import settings
from django.http import HttpRequest
from rest_framework.exceptions import Throttled
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from enhancelog.accounts.networks import network_of
from enhancelog.accounts.permissions import token_of
from enhancelog.api.allowances import Balance, Rate, allowances
from enhancelog.api.exchange import exchange_of
from enhancelog.transfer.formats import FORMATS

Act = Literal["read", "append", "bulk"]
BULK_TYPE: Final = FORMATS["ndjson"].media_type

_BALANCES: Final = "enhancelog.balances"


class Throttle(BaseThrottle):
    """``throttled_as`` of the view replaces the default by method and media type."""

    def __init__(self) -> None:
        self._wait_s = 0.0

    def allow_request(self, request: Request, view: Any) -> bool:
        self._wait_s = _wait_s(request, _act(request, view))
        return self._wait_s == 0

    def wait(self) -> float:
        return self._wait_s


def count(request: Request, act: Act) -> None:
    """Count what only the body shows, such as an array. Raises ``Throttled`` (429)."""
    if wait_s := _wait_s(request, act):
        raise Throttled(wait=wait_s)


def rate_limit_fields(request: HttpRequest) -> dict[str, str]:
    """Of the limits that the request was counted against; empty if there are none."""
    balances = _balances(request)
    if not balances:
        return {}
    policies = [f'"{act}";q={rate[0]};w={rate[1]}' for act in balances if (rate := _rate(act))]
    left = [f'"{act}";r={each.remaining};t={max(1, math.ceil(each.reset_s))}' for act, each in balances.items()]
    return {"RateLimit-Policy": ", ".join(policies), "RateLimit": ", ".join(left)}


def _act(request: Request, view: Any) -> Act:
    if request.method in SAFE_METHODS:
        return "read"
    act: Act | None = getattr(view, "throttled_as", None)
    return act or ("bulk" if request._request.content_type == BULK_TYPE else "append")


def _wait_s(request: Request, act: Act) -> float:
    balances = _balances(request._request)
    rate = _rate(act)
    if rate is None or act in balances:
        return 0.0
    balances[act] = allowances.ask((act, *caller(request)), rate)
    return balances[act].wait_s


def _rate(act: str) -> Rate | None:
    rate: Rate | None = getattr(settings, f"THROTTLE_{act.upper()}")
    return rate


def _balances(request: HttpRequest) -> dict[str, Balance]:
    exchange = exchange_of(request)
    if exchange is not None:
        return exchange.balances  # a request that runs again is counted once
    found: dict[str, Balance] = request.META.setdefault(_BALANCES, {})
    return found


def caller(request: Request) -> tuple[str, Any]:
    """The token, user or network that a limit applies to."""
    if token := token_of(request):
        return "token", token.pk
    if request.user.is_authenticated:
        return "user", request.user.pk
    address = request.META.get("REMOTE_ADDR", "")
    return "address", network_of(address) or address
