"""Which failures are retried, and when: with growing random pauses and at least the time in ``Retry-After``."""

import logging
import random
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, NamedTuple

import httpx

from enhancelog.client.decoding import DecodingError
from enhancelog.client.endpoint import Endpoint
from enhancelog.client.exchange import Answer, Request, Unavailable, one_line
from enhancelog.domain import strict_json
from enhancelog.domain.errors import Invalid, Other

# Retried, as failed connections are.
STATUSES: Final = (429, 502, 503, 504, 507)
FAILURES: Final = (httpx.TransportError, httpx.InvalidURL, DecodingError)

_FIRST_PAUSE_S: Final = 0.2
_LONGEST_PAUSE_S: Final = 5.0
_MOST_DIGITS: Final = 6
_NOT_CONNECTED: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)

logger = logging.getLogger(__name__)


class Failure(NamedTuple):
    reason: str
    arrived: bool  # the server may have processed the request
    wait_s: float = 0.0
    final: bool = False  # do not retry


class Retries:
    """Of one request. Raises ``Invalid`` if it cannot be sent."""

    def __init__(self, endpoint: Endpoint, request: Request) -> None:
        for name, value in request.params:
            if not strict_json.is_text(value):
                raise Invalid(name, "surrogate", "contains a lone surrogate, which is not a character; remove it")
        self.request = request
        self.deadline = endpoint.deadline(request)
        self._endpoint = endpoint
        self._pause_s = _FIRST_PAUSE_S

    def after(self, failure: Failure) -> float:
        """Seconds to wait before sending ``request``, which may be another one now. Raises ``Other``."""
        url = self._endpoint.url
        if failure.final:
            raise Other(f"{url}: {failure.reason}")
        if failure.arrived and self.request.if_arrived != "repeat":
            if self.request.if_arrived == "stop":
                raise Other(f"{url}: {failure.reason}; it is not known whether the request was processed")
            self.request = self.request.if_arrived
        wait_s = failure.wait_s + random.uniform(self._pause_s / 2, self._pause_s)  # noqa: S311  not a secret
        if self._endpoint.clock() + wait_s >= self.deadline:
            reason = f"{url}: {failure.reason}; gave up after {self._endpoint.total_s:g} s"
            raise Unavailable(reason, failure.wait_s, arrived=failure.arrived)
        logger.warning("%s: %s; trying again", url, failure.reason)
        self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)
        return wait_s


def turned_away(response: httpx.Response) -> Failure | None:
    status = response.status_code
    if status not in STATUSES:
        return None
    # Only 429 guarantees that nothing was done.
    return Failure(f"answered {status}", status != 429, _seconds(response.headers.get("Retry-After", "")))


def answered(url: str, outcome: Answer | Failure) -> Answer:
    """Of the only attempt. Raises ``Unavailable`` where another one could succeed, else ``Other``."""
    if isinstance(outcome, Answer):
        return outcome
    if outcome.final:
        raise Other(f"{url}: {outcome.reason}")
    raise Unavailable(f"{url}: {outcome.reason}", outcome.wait_s, arrived=outcome.arrived)


def failure_of(error: Exception) -> Failure:
    if isinstance(error, _NOT_CONNECTED):
        return Failure(f"cannot be reached: {_said(error)}", False, final="CERTIFICATE_VERIFY" in str(error))
    if isinstance(error, httpx.TransportError):
        return Failure(f"the connection failed: {_said(error)}", True)
    return Failure(_said(error), True, final=True)


def _seconds(retry_after: str) -> float:
    # Seconds or a date.
    if retry_after.isascii() and retry_after.isdigit() and len(retry_after) <= _MOST_DIGITS:
        return float(retry_after)
    try:
        return max(0.0, (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return 0.0


def _said(error: Exception) -> str:
    return one_line(str(error)) or type(error).__name__
