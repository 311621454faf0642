"""Starts a worker process. Imports happen in the new process, after Django's setup."""

import asyncio
import importlib
import os
import socket
import sys
import zlib
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection

from enhancelog.server.reloading import short_traceback
from enhancelog.server.worker_options import Options


def run(options: Options, supervisor: Connection) -> None:
    try:
        settings = importlib.import_module("django.conf").settings
        if settings.PIN_WORKERS:
            _stay_on_one_cpu(options.number)
        application = importlib.import_module(options.application).application
        importlib.import_module(settings.ROOT_URLCONF)  # Django would import it at the first request
        serving = importlib.import_module("enhancelog.server.serving")
    except Exception as error:
        sys.exit(short_traceback(error))
    asyncio.run(serving.serve(application, options, supervisor))


def _stay_on_one_cpu(number: int) -> None:
    if not hasattr(os, "sched_setaffinity"):
        return
    server = zlib.crc32(socket.gethostname().encode()) + os.getppid()  # in containers all have the same pid
    with suppress(OSError):  # not allowed
        os.sched_setaffinity(0, {_cpu(number, server, sorted(os.sched_getaffinity(0)))})


def _cpu(worker: int, server: int, usable: Sequence[int]) -> int:
    return usable[(server + worker) % len(usable)]
