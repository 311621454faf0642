"""The ASGI application in front of Django."""

import asyncio
import contextvars
import gc
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, TypeVar

from enhancelog.accounts import passwords
from enhancelog.api.exchange import KEY, Exchange, Poll, Refusal
from enhancelog.backends.permit import permit
from enhancelog.observing import metrics
from enhancelog.server.bodies import Body, Message, Pending, Receive, Receiving, Refused
from enhancelog.server.environ import environ_of
from enhancelog.server.mounting import mount
from enhancelog.server.polls import Polls
from enhancelog.server.request_limits import Lane, Treatment
from enhancelog.server.responses import Application, Response

# Django runs as a WSGI application in a small thread pool, only while there is something to compute. A request runs
# again when it needs more of its body, or when its long poll ends. Health checks, password checks and polls that run
# again have their own threads.

# When stopping, clients that have not read for so long are not waited for.
STALLED_S: Final = 1.0

# What most systems give a thread. Others give less (musl, or 2 MiB with an unlimited stack), which deep JSON overflows
# on Python 3.13: its C code recurses without asking how much is left.
STACK_BYTES: Final = 8 << 20

# Bytes sent at once.
PART: Final = 128 << 10

# Every append can make all polls run again; in the shared pool, other requests would queue behind them.
POLL_THREADS: Final = 2

# Python before 3.11.10 and 3.12.6 parses cookies in quadratic time.
MAX_COOKIE_BYTES: Final = 8 << 10

CLOSES: Final = (b"connection", b"close")

Send = Callable[[Message], Awaitable[None]]
TreatmentOf = Callable[[str, str], Treatment]
T = TypeVar("T")

_log = logging.getLogger(__name__)


class ClientGone(Exception):
    pass


class Front:
    """Runs a WSGI application in ``threads`` threads; large bodies go to files in ``folder``, at most
    ``max_in_files`` bytes at once. ``path``: of the public address."""

    def __init__(
        self,
        application: Application,
        threads: int,
        treatment_of: TreatmentOf,
        folder: Path,
        max_in_files: int,
        path: str = "",
    ) -> None:
        self.application = application
        self.treatment_of = treatment_of
        self.path = path
        threading.stack_size(STACK_BYTES)
        self.pools: dict[Lane, ThreadPoolExecutor] = {
            "live": ThreadPoolExecutor(1, "live"),
            "ready": ThreadPoolExecutor(1, "ready"),
            "password": ThreadPoolExecutor(passwords.AT_ONCE, "password"),
            "poll": ThreadPoolExecutor(POLL_THREADS, "poll"),
            "other": ThreadPoolExecutor(threads, "request"),
        }
        self.password_checks = asyncio.Semaphore(passwords.AT_ONCE)
        self.receiving = Receiving(folder, self.pools["other"], max_in_files)
        self.polls = Polls(ThreadPoolExecutor(1, "log-watcher"))
        self.sending: dict[_Request, float] = {}
        self._active = 0

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        self._active += 1
        request = _Request(self, scope, receive, send)
        try:
            await request.run()
        except ClientGone:
            pass
        except Exception:
            _log.exception("a request failed outside the application")
            raise  # breaks the connection, so that half a response does not look complete
        finally:
            await request.close()
            self._active -= 1

    def stop(self) -> None:
        self.polls.stop()
        self.receiving.stop()

    def close(self) -> None:
        for pool in (*self.pools.values(), self.polls.pool):
            pool.shutdown(cancel_futures=True)
        gc.collect()  # a thread's connections form reference cycles

    @property
    def is_idle(self) -> bool:
        """Whether no request is served, except to clients that do not read."""
        now = time.monotonic()
        stalled = sum(now - since > STALLED_S for since in self.sending.values())
        return self._active <= stalled


class _Request:
    def __init__(self, front: Front, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        self._front = front
        self._receive = receive
        self._send = send
        self._environ = environ_of(scope)
        mount(self._environ, front.path)
        self._exchange = self._environ[KEY] = Exchange()
        treatment = front.treatment_of(scope["method"], self._environ["PATH_INFO"])
        self._lane = treatment.lane
        self._body = Body(receive, _declared(self._environ), treatment.limits, front.receiving)
        self._context = contextvars.copy_context()
        self._response: Response | None = None
        self._gone: asyncio.Task[None] | None = None

    async def run(self) -> None:
        self._exchange.refusal = _refusal_of_head(self._environ)
        if self._exchange.refusal is None:
            await self._receive_body(self._body.receive_first())
        else:
            self._body.discard()
        if self._lane == "password":
            response, piece = await self._checked_password()
        else:
            response, piece = await self._first_piece()
        headers = [*response.headers]
        if not self._body.has_arrived and CLOSES not in headers:
            # granian closes the connection then. A client that is not told would send its next request on it.
            headers.append(CLOSES)
        await self._pass_on({"type": "http.response.start", "status": response.status, "headers": headers})
        if not response.is_over:
            self._watch_client()
        while not response.is_over:
            await self._pass_on_piece(piece, is_last=False)
            piece = await self._in_pool(response.pull)
        await self._pass_on_piece(piece, is_last=True)

    async def close(self) -> None:
        if self._gone is not None:
            self._gone.cancel()
        if self._exchange.poll is not None:
            self._exchange.poll.slot.release()
        if self._response is not None and not self._response.is_over:
            await self._in_pool(self._response.close)
        self._body.close()

    # Waits here, not in a thread, for one of the few checks that may run at once.
    async def _checked_password(self) -> tuple[Response, bytes]:
        checks = self._front.password_checks
        try:
            async with asyncio.timeout(passwords.WAIT_S):
                await checks.acquire()
        except TimeoutError:
            metrics.limited("password_checks")
            self._exchange.refusal = Refusal(HTTPStatus.SERVICE_UNAVAILABLE, passwords.BUSY, passwords.RETRY_AFTER_S)
            self._lane = "other"
            return await self._first_piece()
        try:
            return await self._first_piece()
        finally:
            checks.release()

    async def _first_piece(self) -> tuple[Response, bytes]:
        while True:
            try:
                response, piece = await self._in_pool(self._start_response)
            except Pending:
                await self._receive_body(self._body.receive_rest(self._exchange.max_body_bytes))
                continue
            poll = self._exchange.poll
            if poll is None or not poll.is_waiting:
                return response, piece
            await self._wait_for_entries(poll)

    def _start_response(self) -> tuple[Response, bytes]:
        self._environ["wsgi.input"] = self._body.reader()
        self._exchange.body = self._body.file
        # A copy, because Django decodes PATH_INFO in place and middleware changes headers.
        self._response = Response(self._front.application, dict(self._environ))
        return self._response, self._response.pull()

    async def _receive_body(self, receiving: Coroutine[Any, Any, None]) -> None:
        try:
            await receiving
        except Refused as error:
            self._exchange.refusal = error.refusal
            self._body.discard()

    async def _wait_for_entries(self, poll: Poll) -> None:
        end = await self._front.polls.wait(poll, self._watch_client())
        poll.is_waiting = False
        self._lane = "poll"
        metrics.poll_ended(end)
        if end == "gone":
            raise ClientGone
        if end != "grown":
            poll.deadline = 0

    def _watch_client(self) -> asyncio.Task[None]:
        if self._gone is None:
            self._gone = asyncio.get_running_loop().create_task(self._until_gone())
        return self._gone

    async def _until_gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def _pass_on_piece(self, piece: bytes, *, is_last: bool) -> None:
        # In parts, because granian accepts each whole, however slowly its client reads.
        last = max(0, len(piece) - 1) // PART * PART
        for start in range(0, last, PART):
            await self._pass_on({"type": "http.response.body", "body": piece[start : start + PART], "more_body": True})
        if piece or is_last:
            await self._pass_on({"type": "http.response.body", "body": piece[last:], "more_body": not is_last})

    async def _pass_on(self, message: Message) -> None:
        """Raises ``ClientGone``."""
        # granian accepts what it can no longer send, so the connection is watched too.
        sending = self._front.sending
        sending[self] = began = time.monotonic()
        try:
            await self._send(message)
        except Exception as error:
            raise ClientGone from error
        finally:
            del sending[self]
        if self._gone is not None and self._gone.done():
            if time.monotonic() - began > STALLED_S:
                metrics.limited("response_time")
            raise ClientGone

    async def _in_pool(self, call: Callable[[], T]) -> T:
        pool = self._front.pools[self._lane]
        return await asyncio.get_running_loop().run_in_executor(pool, self._context.run, _permitted, call)


def _permitted(call: Callable[[], T]) -> T:
    with permit.held():
        return call()


def _refusal_of_head(environ: dict[str, Any]) -> Refusal | None:
    if len(environ.get("HTTP_COOKIE", "")) <= MAX_COOKIE_BYTES:
        return None
    del environ["HTTP_COOKIE"]  # so that nothing parses them
    detail = f"The cookies are larger than the limit of {MAX_COOKIE_BYTES:,} bytes; nothing was changed."
    return Refusal(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, detail)


def _declared(environ: dict[str, Any]) -> int | None:
    if "HTTP_TRANSFER_ENCODING" in environ:
        return None
    length = environ.get("CONTENT_LENGTH", "0")
    return int(length) if length.isdigit() else 0
