"""Address, token and time limits of a server. Errors and log lines never contain the token."""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlsplit

import httpx

from enhancelog.client.decoding import ACCEPT_ENCODING, Decoder
from enhancelog.client.exchange import BRIEF_BYTES, BRIEF_S, Answer, Request, problem_of
from enhancelog.domain.errors import Invalid, Other

DEFAULT_URL: Final = "http://127.0.0.1:8000"
TIMEOUT_S: Final = 10.0  # to connect, and between two reads of an answer
TOTAL_S: Final = 30.0  # for one request with all retries and pauses
MAX_ANSWER_BYTES: Final = 1 << 28  # after decompression

_TOKEN: Final = re.compile(r"[\x21-\x7e]+")


class Endpoint:
    """Raises ``Invalid`` for a malformed address or token."""

    def __init__(
        self,
        url: str,
        token: str,
        *,
        timeout_s: float,
        total_s: float,
        clock: Callable[[], float],
    ) -> None:
        self.url = _checked_url(url)
        self.timeout_s = timeout_s
        self.total_s = total_s
        self.clock = clock
        self._has_token = bool(token)
        self._headers = _headers(token)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ, **options: Any) -> Self:
        """Reads ``ENHANCELOG_URL``, and ``ENHANCELOG_TOKEN`` or ``ENHANCELOG_TOKEN_FILE``."""
        return cls(environ.get("ENHANCELOG_URL") or DEFAULT_URL, _token(environ), **options)

    def expect(self, answer: Answer, *statuses: int) -> Answer:
        """Returns ``answer`` if its status is expected. Raises ``Invalid`` for a broken rule, else ``Other``."""
        if answer.status in statuses:
            return answer
        detail, broken = problem_of(answer)
        if broken and answer.status in (400, 413, 422):
            raise broken
        raise Other(f"{self.url} answered {answer.status}: {detail or self._hint(answer.status)}")

    def deadline(self, request: Request) -> float:
        return self.clock() + (min(self.total_s, BRIEF_S) if request.is_brief else self.total_s)

    def _options(self, request: Request, deadline: float) -> dict[str, Any]:
        return {
            "method": request.method,
            "url": self.url + request.path,
            "params": request.params or None,
            "content": request.body or None,
            "headers": list(request.headers),
            "timeout": max(0.001, min(self.timeout_s, deadline - self.clock())),
        }

    def _hint(self, status: int) -> str:
        if status == 401:
            if self._has_token:
                return "the server does not accept the token; check ENHANCELOG_TOKEN"
            return "set ENHANCELOG_TOKEN to an API token"
        if 300 <= status < 400:
            return "a redirect, which is not followed; set ENHANCELOG_URL to the server's own address"
        return "is ENHANCELOG_URL the address of an Enhancelog server?"


class Body:
    """Collects one response body in bounded memory and time."""

    def __init__(self, endpoint: Endpoint, response: httpx.Response, deadline: float, request: Request) -> None:
        self._endpoint = endpoint
        self._most = BRIEF_BYTES if request.is_brief else MAX_ANSWER_BYTES
        self._response = response
        self._deadline = deadline
        self._decoder = Decoder(response.headers.get("Content-Encoding", ""))
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, received: bytes) -> None:
        """Raises ``Other``, ``DecodingError`` or ``httpx.ReadTimeout``."""
        for part in self._decoder.feed(received):
            self._parts.append(part)
            self._size += len(part)
            if self._size > self._most:
                raise Other(f"{self._endpoint.url}: the response is larger than {self._most:,} bytes")
        if self._endpoint.clock() > self._deadline:
            raise httpx.ReadTimeout("the response takes too long")

    def answer(self) -> Answer:
        self._decoder.end()
        following = self._response.links.get("next", {}).get("url")
        return Answer(self._response.status_code, self._response.headers, b"".join(self._parts), following)


def _checked_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
        httpx.URL(url)  # a name that cannot be written in ASCII
    except (ValueError, httpx.InvalidURL):
        valid = False
    if not valid or not url.isprintable() or " " in url or parts.query or parts.fragment:
        raise Invalid("ENHANCELOG_URL", "url", "must be a URL like https://log.example.org or https://example.org/log")
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
