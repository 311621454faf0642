"""Closes stalled connections and raises the limit on open files."""

import os
import resource
import socket
import stat
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

# A connection is closed if its client reads nothing for so long; slow readers keep theirs.
STALLED_S: Final = 30
MAX_OPEN_FILES: Final = 65_536
# For databases, spooled bodies and logs.
RESERVED_FILES: Final = 256

_DESCRIPTORS: Final = ("/proc/self/fd", "/dev/fd")


def close_stalled_connections(port: int) -> None:
    """Set TCP_USER_TIMEOUT (Linux) on the listening sockets; accepted connections inherit it."""
    if not hasattr(socket, "TCP_USER_TIMEOUT"):
        return
    for listening in _listening(port):
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STALLED_S * 1000)


def is_listening(port: int) -> bool:
    return any(True for _ in _listening(port))


def raise_open_file_limit() -> int:
    """Returns the number of connections that it allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    available = MAX_OPEN_FILES if soft == resource.RLIM_INFINITY else soft
    return max(64, available - RESERVED_FILES)


def _listening(port: int) -> Iterator[socket.socket]:
    folder = next((path for path in _DESCRIPTORS if os.path.isdir(path)), None)
    for name in os.listdir(folder) if folder else ():
        with suppress(OSError):
            # Nothing else may be duplicated: a copy of a lock's file would hold the lock as well.
            if not stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                continue
            with socket.socket(fileno=os.dup(int(name))) as found:
                if found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) and found.getsockname()[1] == port:
                    yield found
