"""A network of our own between this machine and one other, whose cable can be cut: no side hears of it."""

import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from tests.lacking import lack

HERE, THERE = "198.51.100.1", "198.51.100.2"  # of TEST-NET-2


class Cable:
    def __init__(self, name: str) -> None:
        self.prefix = ["ip", "netns", "exec", name]
        self._far_end = [*self.prefix, "ip", "link", "set", f"{name}b"]

    def cut(self) -> None:
        run(*self._far_end, "down")

    def mend(self) -> None:
        run(*self._far_end, "up")


@contextmanager
def cable() -> Iterator[Cable]:
    """Programs with its ``prefix`` run on the other side, at the address ``THERE``."""
    if os.geteuid() != 0 or not shutil.which("ip"):
        lack("iproute2, and root")
    name = f"enh{uuid.uuid4().hex[:8]}"
    run("ip", "netns", "add", name)
    try:
        run("ip", "link", "add", f"{name}a", "type", "veth", "peer", "name", f"{name}b", "netns", name)
        run("ip", "address", "add", f"{HERE}/30", "dev", f"{name}a")
        run("ip", "link", "set", f"{name}a", "up")
        found = Cable(name)
        run(*found.prefix, "ip", "address", "add", f"{THERE}/30", "dev", f"{name}b")
        found.mend()
        yield found
    finally:
        run("ip", "link", "delete", f"{name}a")  # the namespace lives on with a program in it
        run("ip", "netns", "delete", name)


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
