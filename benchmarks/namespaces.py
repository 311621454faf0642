"""Machines with an address each, all on this one, of which any can be cut off: network namespaces on a bridge. Needs
root and iproute2.
"""

import random
import secrets
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from benchmarks.children import Failed


@dataclass(frozen=True)
class Machine:
    """``link`` is this side of its cable."""

    namespace: str
    link: str
    address: str

    def command(self, user: str, command: Sequence[str]) -> list[str]:
        """Each program replaces the one before it, so the process that is started is the one of ``command``."""
        drop = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--"]
        return ["ip", "netns", "exec", self.namespace, *drop, *command]

    def cut_off(self) -> None:
        """What it sends is lost, and so is what is sent to it: nobody is told. Its processes go on."""
        _ip("link", "set", self.link, "down")

    def connect(self) -> None:
        _ip("link", "set", self.link, "up")


@contextmanager
def network(size: int) -> Iterator[list[Machine]]:
    """Reaches this machine too, and nothing else. Raises ``Failed``."""
    subnet = _free_subnet()
    bridge = f"enh-{secrets.token_hex(3)}"  # interfaces have names of 15 characters at most
    machines = [
        Machine(f"{bridge}-{number}", f"{bridge}-{number}", f"{subnet}.{number}") for number in range(1, size + 1)
    ]
    with ExitStack() as stack:
        _ip("link", "add", bridge, "type", "bridge")
        stack.callback(_ip, "link", "delete", bridge)
        _ip("address", "add", f"{subnet}.254/24", "dev", bridge)
        _ip("link", "set", bridge, "up")
        for machine in machines:
            _ip("netns", "add", machine.namespace)
            stack.callback(_ip, "netns", "delete", machine.namespace)
            peer = ("type", "veth", "peer", "name", "eth0", "netns", machine.namespace)
            _ip("link", "add", machine.link, *peer)
            stack.callback(_ip, "link", "delete", machine.link)
            _ip("link", "set", machine.link, "master", bridge, "up")
            _ip("-n", machine.namespace, "link", "set", "lo", "up")
            _ip("-n", machine.namespace, "address", "add", f"{machine.address}/24", "dev", "eth0")
            _ip("-n", machine.namespace, "link", "set", "eth0", "up")
        yield machines


def _free_subnet() -> str:
    """Of the addresses that are set aside for benchmarks (RFC 2544)."""
    taken = _ip("-4", "-oneline", "address", "show")
    subnets = [f"198.{second}.{third}" for second in (18, 19) for third in range(256)]
    return random.choice([each for each in subnets if f" {each}." not in taken])


def _ip(*arguments: str) -> str:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True)
    if done.returncode:
        raise Failed(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout
