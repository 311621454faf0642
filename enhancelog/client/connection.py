"""HTTP connection to one server, with timeouts and retries. No Django. Threads may share it."""

import logging
import os
import random
import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, Self
from urllib.parse import urlsplit

import httpx
import msgspec

from enhancelog.client.decoding import ACCEPT_ENCODING, DecodingError, decoded
from enhancelog.domain import strict_json
from enhancelog.domain.errors import Invalid, Other

DEFAULT_URL: Final = "http://127.0.0.1:8000"
TIMEOUT_S: Final = 10.0  # to connect, and between two reads of an answer
TOTAL_S: Final = 30.0  # for one request with all retries and pauses
MAX_ANSWER_BYTES: Final = 1 << 28  # after decompression

# Retried, as failed connections are, with growing random pauses and at least the time in ``Retry-After``.
_RETRIED: Final = (429, 502, 503, 504, 507)
_FIRST_PAUSE_S: Final = 0.2
_LONGEST_PAUSE_S: Final = 5.0
_TOKEN: Final = re.compile(r"[\x21-\x7e]+")
_SECONDS: Final = re.compile(r"\d{1,6}", re.ASCII)
_LONGEST_DETAIL: Final = 300

# Errors and log lines never contain the token.
logger = logging.getLogger(__name__)


class Request(NamedTuple):
    """``path`` is percent-encoded. ``if_arrived``: after an attempt without an answer that the server may have
    processed, repeat it, stop with ``Other``, or send another request."""

    method: str
    path: str
    params: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    if_arrived: "IfArrived" = "repeat"


IfArrived = Literal["repeat", "stop"] | Request


class Answer(NamedTuple):
    """``next``: the address in ``Link: rel="next"``."""

    status: int
    headers: httpx.Headers
    body: bytes
    next: str | None = None


class _Failure(NamedTuple):
    """``arrived``: the server may have processed the request. ``final``: do not retry."""

    reason: str
    arrived: bool
    wait_s: float = 0.0
    final: bool = False


class Connection:
    """Raises ``Invalid`` for a malformed address or token."""

    def __init__(
        self,
        url: str = DEFAULT_URL,
        token: str = "",
        *,
        timeout_s: float = TIMEOUT_S,
        total_s: float = TOTAL_S,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.url = _checked_url(url)
        self.timeout_s = timeout_s
        self.total_s = total_s
        self.clock = clock
        self._sleep = sleep
        self._has_token = bool(token)
        self._client = httpx.Client(headers=_headers(token), transport=transport, follow_redirects=False)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ, **options: Any) -> Self:
        """Reads ``ENHANCELOG_URL``, and ``ENHANCELOG_TOKEN`` or ``ENHANCELOG_TOKEN_FILE``."""
        return cls(environ.get("ENHANCELOG_URL") or DEFAULT_URL, _token(environ), **options)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._client.close()

    def send(self, request: Request) -> Answer:
        """Returns an answer of any status that is not retried. Raises ``Other`` if there is none in time."""
        for name, value in request.params:
            if not strict_json.is_text(value):
                raise Invalid(name, "surrogate", "contains a lone surrogate, which is not a character; remove it")
        deadline = self.clock() + self.total_s
        pause_s = _FIRST_PAUSE_S
        while True:
            outcome = self._try(request, deadline)
            if isinstance(outcome, Answer):
                return outcome
            if outcome.final:
                raise Other(f"{self.url}: {outcome.reason}")
            if outcome.arrived:
                request = self._after(request, outcome)
            wait_s = outcome.wait_s + random.uniform(pause_s / 2, pause_s)  # noqa: S311  not a secret
            if self.clock() + wait_s >= deadline:
                raise Other(f"{self.url}: {outcome.reason}; gave up after {self.total_s:g} s")
            logger.warning("%s: %s; trying again", self.url, outcome.reason)
            self._sleep(wait_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def expect(self, answer: Answer, *statuses: int) -> Answer:
        """Returns ``answer`` if its status is expected. Raises ``Invalid`` for a broken rule, else ``Other``."""
        if answer.status in statuses:
            return answer
        detail, broken = _problem(answer)
        if broken and answer.status in (400, 413, 422):
            raise broken
        raise Other(f"{self.url} answered {answer.status}: {detail or self._hint(answer.status)}")

    def _after(self, request: Request, failure: _Failure) -> Request:
        if request.if_arrived == "repeat":
            return request
        if request.if_arrived == "stop":
            raise Other(f"{self.url}: {failure.reason}; it is not known whether the request was processed")
        return request.if_arrived

    def _try(self, request: Request, deadline: float) -> Answer | _Failure:
        left_s = max(0.001, min(self.timeout_s, deadline - self.clock()))
        try:
            with self._client.stream(
                request.method,
                self.url + request.path,
                params=request.params or None,
                content=request.body or None,
                headers=list(request.headers),
                timeout=left_s,
            ) as response:
                if response.status_code in _RETRIED:
                    return _turned_away(response)
                return Answer(
                    response.status_code,
                    response.headers,
                    self._read(response, deadline),
                    response.links.get("next", {}).get("url"),
                )
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as error:
            return _Failure(f"cannot be reached: {_said(error)}", False, final="CERTIFICATE_VERIFY" in str(error))
        except httpx.TransportError as error:
            return _Failure(f"the connection failed: {_said(error)}", True)
        except (httpx.InvalidURL, DecodingError) as error:
            return _Failure(_said(error), True, final=True)

    def _read(self, response: httpx.Response, deadline: float) -> bytes:
        parts: list[bytes] = []
        size = 0
        for part in decoded(response.iter_raw(), response.headers.get("Content-Encoding", "")):
            parts.append(part)
            size += len(part)
            if size > MAX_ANSWER_BYTES:
                raise Other(f"{self.url}: the response is larger than {MAX_ANSWER_BYTES:,} bytes")
            if self.clock() > deadline:
                raise httpx.ReadTimeout("the response takes too long")
        return b"".join(parts)

    def _hint(self, status: int) -> str:
        if status == 401:
            return (
                "the server does not accept the token; check ENHANCELOG_TOKEN"
                if self._has_token
                else "set ENHANCELOG_TOKEN to an API token"
            )
        if 300 <= status < 400:
            return "a redirect, which is not followed; set ENHANCELOG_URL to the server's own address"
        return "is ENHANCELOG_URL the address of an Enhancelog server?"


def one_line(text: str, length: int = _LONGEST_DETAIL) -> str:
    """``text`` for a terminal: one line, printable, at most ``length`` characters."""
    shown = "".join(character if character.isprintable() else " " for character in text)
    shown = " ".join(shown.split())
    return shown if len(shown) <= length else shown[: length - 1] + "…"


def _checked_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        valid = False
    if not valid or not url.isprintable() or " " in url or parts.query or parts.fragment:
        raise Invalid("ENHANCELOG_URL", "url", "must be a URL like https://log.example.org")
    if "@" in parts.netloc:
        raise Invalid("ENHANCELOG_URL", "url", "must not contain a user or password; use ENHANCELOG_TOKEN")
    return url.rstrip("/")


def _token(environ: Mapping[str, str]) -> str:
    if path := environ.get("ENHANCELOG_TOKEN_FILE"):
        try:
            return Path(path).read_text().strip()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is not text"
            raise Invalid("ENHANCELOG_TOKEN_FILE", "file", f"cannot read {path}: {reason}") from None
    return environ.get("ENHANCELOG_TOKEN", "").strip()


def _headers(token: str) -> dict[str, str]:
    from enhancelog import __version__

    headers = {
        "User-Agent": f"enhancelog/{__version__}",
        "Accept": "application/json",
        "Accept-Encoding": ACCEPT_ENCODING,
    }
    if token:
        if not _TOKEN.fullmatch(token):
            raise Invalid("ENHANCELOG_TOKEN", "token", "contains characters that never occur in a token")
        headers["Authorization"] = f"Bearer {token}"
    return headers


def _turned_away(response: httpx.Response) -> _Failure:
    # Only 429 guarantees that nothing was done.
    status = response.status_code
    return _Failure(f"answered {status}", status != 429, _seconds(response.headers.get("Retry-After", "")))


def _seconds(retry_after: str) -> float:
    """Accepts seconds or a date."""
    if _SECONDS.fullmatch(retry_after):
        return float(retry_after)
    try:
        return max(0.0, (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return 0.0


def _said(error: Exception) -> str:
    return one_line(str(error)) or type(error).__name__


def _problem(answer: Answer) -> tuple[str, Invalid | None]:
    """The detail of a problem+json, and the first broken rule."""
    if answer.headers.get("Content-Type", "").partition(";")[0] != "application/problem+json":
        return "", None
    try:
        problem = msgspec.json.decode(answer.body, type=_Problem)
    except msgspec.MsgspecError:
        return "", None
    return one_line(problem.detail), next((error.as_invalid() for error in problem.errors), None)


class _Broken(msgspec.Struct):
    field: str = ""
    rule: str = ""
    detail: str = ""

    def as_invalid(self) -> Invalid:
        return Invalid(one_line(self.field), one_line(self.rule), one_line(self.detail))


class _Problem(msgspec.Struct):
    detail: str = ""
    errors: list[_Broken] = []
