"""One POST to a receiver, within limits of time and size. What it answers is not interpreted here."""

import socket
import ssl
import time
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Final, NamedTuple

import httpcore

from enhancelog.alerts.addresses import PORTS, Receiver, Refused, reason_of, resolved

TOTAL_S: Final = 10.0  # from the look-up to the end of the answer
MAX_ANSWER_BYTES: Final = 64 << 10
KEPT_CHARACTERS: Final = 1_000  # of the answer
_PIECE: Final = 16 << 10


class Answer(NamedTuple):
    # ``status``: ``None`` without an answer; then ``text`` says why. ``body``: empty unless it came whole.
    status: int | None
    text: str
    body: bytes = b""

    @property
    def is_success(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def post(receiver: Receiver, headers: Mapping[str, str], body: bytes) -> Answer:
    """Never raises for what a receiver does. Redirects are not followed, proxies of the environment not used."""
    deadline = time.monotonic() + TOTAL_S
    try:
        with httpcore.ConnectionPool(
            ssl_context=_tls(), network_backend=_Network(receiver, deadline), max_keepalive_connections=0
        ) as pool:
            return _exchange(pool, receiver, headers, body)
    except Refused as refused:
        return Answer(None, str(refused))
    except httpcore.TimeoutException:
        return Answer(None, f"no complete answer within {TOTAL_S:g} s")
    except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
        return Answer(None, reason_of(error))


def _exchange(pool: httpcore.ConnectionPool, receiver: Receiver, headers: Mapping[str, str], body: bytes) -> Answer:
    url = httpcore.URL(
        scheme=receiver.scheme, host=_bracketed(receiver.host), port=receiver.port, target=receiver.target.encode()
    )
    own = {"Host": _authority(receiver), "Connection": "close", "Content-Length": str(len(body))}
    sent: Sequence[tuple[bytes | str, bytes | str]] = [*own.items(), *headers.items()]
    with pool.stream("POST", url, headers=sent, content=body) as response:
        status, read, is_whole = response.status, bytearray(), True
        try:
            for piece in response.iter_stream():
                read += piece
                if len(read) > MAX_ANSWER_BYTES:
                    is_whole = False
                    break
        except httpcore.TimeoutException:
            return Answer(None, f"status {status}, but no complete answer within {TOTAL_S:g} s")
    if not is_whole:
        return Answer(None, f"status {status}, but the answer is longer than {MAX_ANSWER_BYTES >> 10} kB")
    return Answer(status, shown(bytes(read)), bytes(read))


def shown(answer: bytes) -> str:
    """The beginning, as text that any page and database can hold."""
    text = answer[: 4 * KEPT_CHARACTERS].decode("utf-8", "replace")
    return "".join(char if char.isprintable() or char == "\n" else " " for char in text)[:KEPT_CHARACTERS].strip()


def _authority(receiver: Receiver) -> str:
    host = _bracketed(receiver.host)
    return host if receiver.port == PORTS[receiver.scheme] else f"{host}:{receiver.port}"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


class _Network(httpcore.NetworkBackend):
    # Connects to the very addresses that were checked. TLS and the Host header keep the receiver's name.

    def __init__(self, receiver: Receiver, deadline: float) -> None:
        self._receiver = receiver
        self._deadline = deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        failure: OSError = OSError(f"{self._receiver.host} has no address")
        for address in resolved(self._receiver, _left(self._deadline)):
            try:
                opened = socket.create_connection((address, self._receiver.port), timeout=_left(self._deadline))
            except TimeoutError:
                raise httpcore.ConnectTimeout("connecting takes too long") from None
            except OSError as error:
                failure = error
            else:
                opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return _Stream(opened, self._deadline)
        raise failure


class _Stream(httpcore.NetworkStream):
    # Every wait ends at the deadline, so that a receiver that sends a byte a second ends there, too.

    def __init__(self, opened: socket.socket, deadline: float) -> None:
        self._socket = opened
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self._socket.settimeout(_left(self._deadline))
        try:
            return self._socket.recv(min(max_bytes, _PIECE))
        except TimeoutError:
            raise httpcore.ReadTimeout("reading takes too long") from None

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._socket.settimeout(_left(self._deadline))
        try:
            self._socket.sendall(buffer)
        except TimeoutError:
            raise httpcore.WriteTimeout("writing takes too long") from None

    def close(self) -> None:
        self._socket.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        self._socket.settimeout(_left(self._deadline))
        try:
            wrapped = ssl_context.wrap_socket(self._socket, server_hostname=server_hostname)
        except TimeoutError:
            raise httpcore.ConnectTimeout("TLS takes too long") from None
        finally:
            self._socket.close()  # wrapped, it was detached
        return _Stream(wrapped, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return None


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise httpcore.TimeoutException("out of time")
    return left
