"""Looking for the listening sockets leaves every other file of the process alone."""

import fcntl
import os
import socket
from pathlib import Path

import pytest

from enhancelog.server import sockets

pytestmark = pytest.mark.once


def test_a_lock_is_free_once_its_file_is_closed(tmp_path: Path) -> None:
    mine = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(mine, fcntl.LOCK_EX)
    sockets.is_listening(1)
    os.close(mine)
    with (tmp_path / "lock").open("r+") as other:
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_looking_leaves_no_file_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket():
        before = len(os.listdir("/proc/self/fd"))
        assert sockets.is_listening(server.getsockname()[1])
        assert not sockets.is_listening(1)
        sockets.close_stalled_connections(server.getsockname()[1])
        assert len(os.listdir("/proc/self/fd")) == before
