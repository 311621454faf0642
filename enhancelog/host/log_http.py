"""Reads a running engine host over HTTP: its log and its Blueprints' heads."""

import re
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http import HTTPStatus
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import quote, urlencode

import httpx
import msgspec

from enhancelog.client.exchange import BRIEF_BYTES, BRIEF_S, Answer, Request
from enhancelog.domain import records, strict_json
from enhancelog.domain.errors import Invalid
from enhancelog.domain.observed import Settings
from enhancelog.host import host_settings
from enhancelog.transfer.items import Unreadable

# Only the named host is contacted: redirects are not followed, and proxies from the environment are not used. Every
# exchange has a cap on bytes and total time. Every error is ``Unreadable``, one line that names only host and port.
MAX_LOG_BYTES: Final = 512 << 20
MAX_DOCUMENT_BYTES: Final = 4 << 20
MAX_BLUEPRINTS: Final = 1000
MAX_SETTINGS: Final = 20
MAX_VERSION: Final = 100  # characters
LOG_TIME_S: Final = 120.0
SMALL_TIME_S: Final = 20.0
_CONNECT_S: Final = 10.0

_VERSION: Final = re.compile(r"BlueprintVersion\(ContentHash\(\[((?:\d{1,3}, ?){31}\d{1,3})\]\)\)")


class Head(NamedTuple):
    """A Blueprint's latest version: its hash (hex) and document (JSON text)."""

    blueprint_id: str
    version: str
    document: str


class _HeadAnswer(msgspec.Struct):
    id: str
    version: str
    blueprint: msgspec.Raw


class Doctor(msgspec.Struct):
    """What the host says of itself: registered Blueprints, and its version (empty: not said)."""

    registered_blueprint_ids: list[str] = []
    server_version: str = ""


_Shape = TypeVar("_Shape", _HeadAnswer, Doctor, list[str])


class Missing(Unreadable):
    """The host responds, but does not have this."""


class NotUnderstood(Unreadable):
    """An unexpected response; other requests may work."""


def parse_url(text: str) -> httpx.URL:
    """The base URL. Raises ``Invalid`` without repeating a password."""
    try:
        url = httpx.URL(text)
        valid_port = 0 < (url.port or 80) < 65536
    except (httpx.InvalidURL, ValueError, TypeError):
        raise Invalid("URL", "url", "must be an address like http://127.0.0.1:7777") from None
    if url.userinfo:
        raise Invalid("URL", "url", "must not contain a user name or password; reading the host's log needs none")
    if url.scheme not in ("http", "https") or not url.host or not valid_port:
        raise Invalid("URL", "url", "must be an http or https address like http://127.0.0.1:7777")
    if url.query or url.fragment:
        raise Invalid("URL", "url", "must not contain ? or #; give only the host's address")
    return url


def host_and_port(url: httpx.URL) -> str:
    """Like ``127.0.0.1:7777``, always with the port."""
    host = f"[{url.host}]" if ":" in url.host else url.host
    return f"{host}:{url.port or {'https': 443}.get(url.scheme, 80)}"


def hex_of(version: str) -> str | None:
    """64 hex digits from Rust's debug output of a version (32 decimal bytes); ``None`` if malformed."""
    found = _VERSION.fullmatch(version)
    numbers = [int(number) for number in found[1].split(",")] if found else []
    return bytes(numbers).hex() if numbers and max(numbers) < 256 else None


class Upstream:
    """One host; usable again after any failure."""

    def __init__(
        self,
        url: httpx.URL,
        *,
        max_log_bytes: int = MAX_LOG_BYTES,
        log_time_s: float = LOG_TIME_S,
        small_time_s: float = SMALL_TIME_S,
    ) -> None:
        self.name = host_and_port(url)
        self._base = str(url).rstrip("/")
        self._max_log_bytes = max_log_bytes
        self._log_time_s = log_time_s
        self._small_time_s = small_time_s
        self._tls = ssl.create_default_context()  # the system's CAs, including private ones

    def log(self) -> bytes:
        return self._get("/v1/enhance/log", self._max_log_bytes, self._log_time_s)

    def answer(self, request: Request) -> Answer:
        """Of any status but those of an outage."""
        path = f"{request.path}?{urlencode(request.params)}" if request.params else request.path
        with self._exchange(BRIEF_S) as client, client.stream("GET", self._base + path) as response:
            if response.status_code == HTTPStatus.TOO_MANY_REQUESTS or response.status_code > 500:
                raise Unreadable(f"{self.name}: answered {response.status_code} to {request.path}")
            return Answer(response.status_code, response.headers, self._body(response, BRIEF_BYTES))

    def doctor(self) -> Doctor:
        """Empty if the host has none."""
        try:
            answer = self._small("/v1/doctor", "/v1/doctor", Doctor)
        except Missing:
            return Doctor()
        known = records.only_ids(answer.registered_blueprint_ids)[:MAX_BLUEPRINTS]
        return Doctor(known, answer.server_version[:MAX_VERSION])

    def settings(self) -> list[Settings]:
        """Empty if the host does not list them."""
        try:
            ids = records.only_ids(self._small("/v1/enhance-settings", "its list of settings", list[str]))
        except Missing:
            return []
        return [each for settings_id in ids[:MAX_SETTINGS] for each in self._settings(settings_id)]

    def _settings(self, settings_id: str) -> list[Settings]:
        path = f"/v1/enhance-settings/{quote(settings_id, safe='')}"
        try:
            body = self._get(path, MAX_DOCUMENT_BYTES, self._small_time_s)
            return [host_settings.parse(settings_id, body.decode())]
        except Missing:
            return []
        except (Invalid, UnicodeDecodeError):  # they may hold secrets, so the reason is not repeated
            raise NotUnderstood(f"{self.name}: the settings {settings_id} are malformed") from None

    def head(self, blueprint_id: str) -> Head | None:
        what = f"the head of {blueprint_id}"
        try:
            answer = self._small(f"/v1/blueprints/{quote(blueprint_id, safe='')}/head", what, _HeadAnswer)
        except Missing:
            return None
        version = hex_of(answer.version)
        if answer.id != blueprint_id or version is None:
            raise NotUnderstood(f"{self.name}: {what} names another Blueprint or no known version")
        return Head(blueprint_id, version, bytes(answer.blueprint).decode())

    def _small(self, path: str, what: str, shape: type[_Shape]) -> _Shape:
        body = self._get(path, MAX_DOCUMENT_BYTES, self._small_time_s)
        try:
            strict_json.loads(body)  # refuses what no database can store
            return msgspec.json.decode(body, type=shape)
        except (Invalid, msgspec.DecodeError) as error:
            raise NotUnderstood(f"{self.name}: {what} is malformed: {error}") from None

    def _get(self, path: str, max_bytes: int, time_s: float) -> bytes:
        with self._exchange(time_s) as client, client.stream("GET", self._base + path) as response:
            self._check(response, path)
            return self._body(response, max_bytes)

    @contextmanager
    def _exchange(self, time_s: float) -> Iterator[httpx.Client]:
        # httpx limits each read; a slow drip is ended by closing the connection.
        watch = _Watch(time_s)
        try:
            with watch, self._client(time_s, watch) as client:
                yield client
        except (httpx.HTTPError, OSError) as error:
            if watch.over or isinstance(error, httpx.ReadTimeout):
                raise Unreadable(f"{self.name}: no complete response within {time_s:g} s") from None
            raise Unreadable(f"{self.name}: {_reason(error)}") from None

    def _client(self, time_s: float, watch: "_Watch") -> httpx.Client:
        return httpx.Client(
            event_hooks={"request": [watch.on_request]},
            verify=self._tls,
            trust_env=False,
            follow_redirects=False,
            timeout=httpx.Timeout(time_s, connect=min(time_s, _CONNECT_S)),
            headers={"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "enhancelog"},
        )

    def _check(self, response: httpx.Response, path: str) -> None:
        status = response.status_code
        if status == HTTPStatus.NOT_FOUND:
            raise Missing(f"{self.name}: has no {path}; is it an engine host?")
        if 300 <= status < 400:
            raise Unreadable(
                f"{self.name}: redirects elsewhere ({status}), which is not followed; give the final address"
            )
        if status != HTTPStatus.OK:
            raise Unreadable(f"{self.name}: answered {status} to {path}")
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise Unreadable(f"{self.name}: sent a compressed response, which was not requested")

    def _body(self, response: httpx.Response, max_bytes: int) -> bytes:
        declared = response.headers.get("Content-Length", "")
        size = int(declared) if declared.isdigit() else 0
        body = bytearray()
        if size <= max_bytes:
            for chunk in response.iter_raw():
                body += chunk
                if len(body) > max_bytes:
                    break
        if max(size, len(body)) > max_bytes:
            raise Unreadable(f"{self.name}: the response is larger than the limit of {max_bytes:,} bytes")
        return bytes(body)


class _Watch:
    def __init__(self, time_s: float) -> None:
        self.over = False
        self._sockets: list[socket.socket] = []
        self._timer = threading.Timer(time_s, self._end)
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *error: object) -> None:
        self._timer.cancel()

    def on_request(self, request: httpx.Request) -> None:
        request.extensions = {**request.extensions, "trace": self._on_event}

    def _on_event(self, event: str, info: Mapping[str, Any]) -> None:
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self._sockets.append(info["return_value"].get_extra_info("socket"))
            if self.over:
                self._end()

    def _end(self) -> None:
        self.over = True
        for open_socket in self._sockets:
            with suppress(OSError):
                open_socket.shutdown(socket.SHUT_RDWR)


def _reason(error: Exception) -> str:
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return f"cannot be reached: {' '.join(str(error).split()) or 'no connection in time'}"
    return f"the response broke off: {' '.join(str(error).split()) or type(error).__name__}"
