"""Rate limits for reads, single writes and bulk writes, counted in each worker's memory. A worker grants the limit
divided by the workers and allows bursts up to that share. Beyond it: 429 with Retry-After."""

import threading
import time
from collections.abc import Callable
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Any, Final, Literal

from django.conf import settings
from rest_framework.exceptions import Throttled
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from enhancelog.accounts.permissions import token_of
from enhancelog.api.exchange import exchange_of
from enhancelog.transfer.formats import FORMATS

Act = Literal["read", "append", "bulk"]
Key = tuple[str, str, Any]

MAX_KEYS: Final = 10_000
BULK_TYPE: Final = FORMATS["ndjson"].media_type


class Allowances:
    """Leaky buckets. A bucket is the moment at which it is empty."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.whole_at: dict[Key, float] = {}
        self.lock = threading.Lock()

    def wait_s(self, key: Key, requests: float, period_s: float, *, use: bool = True) -> float:
        """Count one request against ``requests`` per ``period_s``. Returns 0, or the seconds to wait, and then nothing
        is counted. ``use=False`` only checks."""
        each_s = period_s / requests
        room_s = max(period_s, each_s)  # a share of less than one request is still one, only rarer
        with self.lock:
            now = self.clock()
            used_up_to = max(self.whole_at.get(key, now), now) + each_s
            if used_up_to - now > room_s + 1e-9:
                return used_up_to - now - room_s
            if not use:
                return 0.0
            self.whole_at[key] = used_up_to
            if len(self.whole_at) > MAX_KEYS:
                self._forget(now)
            return 0.0

    def clear(self) -> None:
        with self.lock:
            self.whole_at.clear()

    def _forget(self, now: float) -> None:
        # In a flood of new callers, the oldest keys go too.
        self.whole_at = {key: moment for key, moment in self.whole_at.items() if moment > now}
        while len(self.whole_at) > MAX_KEYS:
            del self.whole_at[next(iter(self.whole_at))]


allowances = Allowances()


class Throttle(BaseThrottle):
    """``throttled_as`` of the view replaces the default by method and media type."""

    waits_s = 0.0

    def allow_request(self, request: Request, view: Any) -> bool:
        self.waits_s = _wait_s(request, _act(request, view))
        return self.waits_s == 0

    def wait(self) -> float:
        return self.waits_s


def count(request: Request, act: Act) -> None:
    """Count what only the body shows, such as an array. Raises ``Throttled`` (429)."""
    if wait_s := _wait_s(request, act):
        raise Throttled(wait=wait_s)


def _act(request: Request, view: Any) -> Act:
    if request.method in SAFE_METHODS:
        return "read"
    act: Act | None = getattr(view, "throttled_as", None)
    return act or ("bulk" if request._request.content_type == BULK_TYPE else "append")


def _wait_s(request: Request, act: Act) -> float:
    exchange = exchange_of(request._request)
    if exchange is not None and act in exchange.counted_as:
        return 0.0
    rate: tuple[int, int] | None = getattr(settings, f"THROTTLE_{act.upper()}")
    if rate is None:
        return 0.0
    requests, period_s = rate
    seconds = allowances.wait_s((act, *caller(request)), requests / settings.WORKERS, period_s)
    if exchange is not None and not seconds:
        exchange.counted_as.add(act)
    return seconds


def caller(request: Request) -> tuple[str, Any]:
    """The token, user or address (IPv6: its /64) that a limit applies to."""
    if token := token_of(request):
        return "token", token.pk
    if request.user.is_authenticated:
        return "user", request.user.pk
    return "address", _network(request.META.get("REMOTE_ADDR", ""))


@lru_cache(maxsize=1024)
def _network(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    return str(ip_network((parsed, 64), strict=False)) if parsed.version == 6 else address
