"""A load balancer for tests: it gives each connection to the next of its servers, and understands nothing of HTTP."""

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import cycle

Address = tuple[str, int]


@contextmanager
def balancing(address: Address, servers: Sequence[Address]) -> Iterator[None]:
    """Listens at ``address`` until the block ends."""
    with socket.create_server(address, backlog=256) as listening:
        threading.Thread(target=_accept, args=[listening, servers], daemon=True).start()
        try:
            yield
        finally:
            listening.shutdown(socket.SHUT_RDWR)  # ends the thread's accept


def _accept(listening: socket.socket, servers: Sequence[Address]) -> None:
    for server in cycle(servers):
        try:
            client, _ = listening.accept()
        except OSError:
            return
        upstream = socket.create_connection(server)
        for pair in ((client, upstream), (upstream, client)):
            threading.Thread(target=_pass_on, args=pair, daemon=True).start()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    """Closes ``target`` for writing when ``source`` ends; a reset ends both."""
    try:
        while part := source.recv(65536):
            target.sendall(part)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        for each in (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
