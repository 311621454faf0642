"""``python page_cpu.py CHECKOUT``: the CPU time of pages in one process, without a server.

Each line on standard input is a JSON list ``[times, address…]``. The answer is the first quartile of the CPU time (ms).
Only the WSGI application of the checkout is imported, so that any release can be measured.
"""

import io
import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

Application = Callable[..., Any]


def main(checkout: str) -> None:
    sys.path[0] = checkout
    from enhancelog.wsgi import application

    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        times, *addresses = json.loads(line)
        taken = [cpu_ms(application, address) for _ in range(times) for address in addresses]
        least_disturbed = statistics.quantiles(taken, n=4)[0] if taken[1:] else taken[0]
        print(json.dumps(least_disturbed), flush=True)


def cpu_ms(application: Application, address: str) -> float:
    """One ``GET``. Raises ``SystemExit`` if the answer is not 200."""
    path, _, query = address.partition("?")
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": unquote(path),
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "127.0.0.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
    }
    statuses: list[str] = []
    began = time.thread_time()
    response = application(environ, lambda status, headers, exc_info=None: statuses.append(status))
    for _ in response:
        pass
    response.close()
    taken = time.thread_time() - began
    if not statuses[0].startswith("200"):
        raise SystemExit(f"{address} answers {statuses[0]}")
    return taken * 1000


if __name__ == "__main__":
    main(*sys.argv[1:])
