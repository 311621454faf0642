"""HTTP requests and answers without the network, for every kind of client."""

from collections.abc import Generator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, Literal, NamedTuple, TypeVar

import httpx
import msgspec

from enhancelog.client.decoding import DecodingError
from enhancelog.domain.errors import Invalid, Other

T = TypeVar("T")

# Retried, as failed connections are, with growing random pauses and at least the time in ``Retry-After``.
_RETRIED: Final = (429, 502, 503, 504, 507)
_LONGEST_DETAIL: Final = 300
_MOST_DIGITS: Final = 6
_NOT_CONNECTED: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)

FAILURES: Final = (httpx.TransportError, httpx.InvalidURL, DecodingError)


class Request(NamedTuple):
    method: str
    path: str  # percent-encoded
    params: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    # After an attempt without an answer that the server may have processed: repeat it, stop with ``Other``, or send
    # another request.
    if_arrived: "IfArrived" = "repeat"


IfArrived = Literal["repeat", "stop"] | Request


class Answer(NamedTuple):
    status: int
    headers: httpx.Headers
    body: bytes
    next: str | None = None  # the address in ``Link: rel="next"``


# An operation yields requests, is sent their answers, and returns its result.
Call = Generator[Request, Answer, T]


class Failure(NamedTuple):
    reason: str
    arrived: bool  # the server may have processed the request
    wait_s: float = 0.0
    final: bool = False  # do not retry


class Unavailable(Other):
    """No answer in time."""

    def __init__(self, reason: str, retry_after_s: float = 0.0, *, arrived: bool = False) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s  # as the server asked, or 0
        self.arrived = arrived  # the server may have processed the request


class Problem(NamedTuple):
    detail: str = ""
    broken: Invalid | None = None  # the first broken rule


def one_line(text: str, length: int = _LONGEST_DETAIL) -> str:
    """For a terminal: one line, printable, at most ``length`` characters."""
    shown = "".join(character if character.isprintable() else " " for character in text)
    shown = " ".join(shown.split())
    return shown if len(shown) <= length else shown[: length - 1] + "…"


def turned_away(response: httpx.Response) -> Failure | None:
    status = response.status_code
    if status not in _RETRIED:
        return None
    # Only 429 guarantees that nothing was done.
    return Failure(f"answered {status}", status != 429, _seconds(response.headers.get("Retry-After", "")))


def failure_of(error: Exception) -> Failure:
    if isinstance(error, _NOT_CONNECTED):
        return Failure(f"cannot be reached: {_said(error)}", False, final="CERTIFICATE_VERIFY" in str(error))
    if isinstance(error, httpx.TransportError):
        return Failure(f"the connection failed: {_said(error)}", True)
    return Failure(_said(error), True, final=True)


def problem_of(answer: Answer) -> Problem:
    if answer.headers.get("Content-Type", "").partition(";")[0] != "application/problem+json":
        return Problem()
    try:
        found = msgspec.json.decode(answer.body, type=_Problem)
    except msgspec.MsgspecError:
        return Problem()
    return Problem(one_line(found.detail), next((error.as_invalid() for error in found.errors), None))


def json_of(answer: Answer, decoder: "msgspec.json.Decoder[T]", url: str) -> T:
    """Raises ``Other`` if the body is not what the API promises."""
    try:
        return decoder.decode(answer.body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise Other(f"{url} did not send the API's JSON") from None


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


class _Broken(msgspec.Struct):
    field: str = ""
    rule: str = ""
    detail: str = ""

    def as_invalid(self) -> Invalid:
        return Invalid(one_line(self.field), one_line(self.rule), one_line(self.detail))


class _Problem(msgspec.Struct):
    detail: str = ""
    errors: list[_Broken] = []
