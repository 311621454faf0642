"""Runs granian and the front until SIGTERM, SIGINT or the supervisor's end."""

import asyncio
import copy
import multiprocessing
import os
import signal
import time
from multiprocessing.connection import Connection
from typing import Final

from django.conf import settings
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.embed import Server

from enhancelog.maintenance import background
from enhancelog.server import sockets
from enhancelog.server.front import Front
from enhancelog.server.request_limits import treatment_of
from enhancelog.server.responses import Application
from enhancelog.server.worker_options import READY, Options
from enhancelog.store import group

# For requests in progress, after the order to stop.
STOP_S: Final = 8.0
# For the background threads to finish their steps. A message that is under way may be sent again after the next start.
BACKGROUND_S: Final = 2.0
# For the last bytes of responses to leave.
LINGER_S: Final = 0.5
# For a request's head to arrive; also the idle timeout of a connection.
HEAD_MS: Final = 30_000
BACKLOG: Final = 1024


async def serve(application: Application, options: Options, supervisor: Connection) -> None:
    """Exits the process. Raises ``SystemExit`` if the server ends by itself."""
    stopping = _order_to_stop()
    max_in_files = max(settings.MAX_UPLOADS_BYTES // settings.WORKERS, settings.MAX_BODY_BYTES)
    front = Front(
        application, settings.THREADS, treatment_of, settings.DATA_DIR, max_in_files, path=settings.PUBLIC_PATH
    )
    server = _server(front, options)
    running = asyncio.create_task(server.serve())
    await _until_listening(options.port, running)
    sockets.close_stalled_connections(options.port)
    supervisor.send(READY)
    ordered = asyncio.create_task(stopping.wait())
    await asyncio.wait([ordered, running], return_when=asyncio.FIRST_COMPLETED)
    if running.done():
        raise SystemExit("the server stopped unexpectedly")
    server.stop()  # type: ignore[no-untyped-call]
    await _finish(front, running)
    await asyncio.to_thread(background.stop, BACKGROUND_S)
    group.drain()
    os._exit(0)  # threads and clients that do not read would keep the process alive


def _server(front: Front, options: Options) -> Server:
    return Server(
        front,
        address=options.host,
        port=options.port,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=HEAD_MS),
        websockets=False,
        backlog=BACKLOG,
        backpressure=sockets.raise_open_file_limit(),
        log_level=LogLevels.error,
        log_dictconfig=copy.deepcopy(settings.LOGGING),
    )


async def _until_listening(port: int, running: asyncio.Task[None]) -> None:
    while not sockets.is_listening(port):
        if running.done():
            await running
        await asyncio.sleep(0.01)


def _order_to_stop() -> asyncio.Event:
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    if (parent := multiprocessing.parent_process()) is not None:
        sentinel = parent.sentinel

        def parent_ended() -> None:
            loop.remove_reader(sentinel)
            stopping.set()

        loop.add_reader(sentinel, parent_ended)
    return stopping


async def _finish(front: Front, running: asyncio.Task[None]) -> None:
    front.stop()
    deadline = time.monotonic() + STOP_S
    while not front.is_idle and time.monotonic() < deadline:
        await asyncio.sleep(0.02)
    closing = asyncio.create_task(asyncio.to_thread(front.close))
    await asyncio.wait([running, closing], timeout=LINGER_S)
