"""Three nodes of PostgreSQL with Patroni and etcd on loopback, as ``deploy/patroni/`` sets them up. Needs root, and
Debian's packages ``patroni``, ``etcd-server`` and ``postgresql``.
"""

import json
import os
import pwd
import shutil
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import psutil  # type: ignore[import-untyped]

from benchmarks.children import Failed
from tests.processes import ROOT, free_port

CONFIGURATION: Final = ROOT / "deploy" / "patroni" / "patroni.yml"
# With the system's Python, for which Debian builds the package; another one lacks its modules.
PYTHON: Final = "/usr/bin/python3"
PATRONI: Final = "/usr/bin/patroni"
ETCD: Final = "/usr/bin/etcd"
OWNER: Final = "postgres"
PASSWORD: Final = "of-the-benchmark"
START_S: Final = 180.0

Process = subprocess.Popen[bytes]


@dataclass
class Node:
    """One machine. ``etcd`` and ``peer`` are the ports of its etcd, ``rest`` is Patroni's."""

    name: str
    folder: Path
    etcd: int = field(default_factory=free_port)
    peer: int = field(default_factory=free_port)
    rest: int = field(default_factory=free_port)
    postgresql: int = field(default_factory=free_port)
    processes: list[Process] = field(default_factory=list)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def start(self, nodes: Sequence["Node"]) -> None:
        self.processes = [
            self._run("etcd", [ETCD], self._etcd_environment(nodes)),
            self._run("patroni", [PYTHON, PATRONI, str(CONFIGURATION)], self._patroni_environment(nodes)),
        ]

    def kill(self) -> None:
        """kill -9 of all that runs on it, as if its power failed."""
        for process in self._family():
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
        for process in self.processes:
            process.wait()

    def _family(self) -> list[psutil.Process]:
        found = [psutil.Process(process.pid) for process in self.processes if process.poll() is None]
        with suppress(OSError, ValueError, psutil.NoSuchProcess):
            postmaster = int((self.data / "postmaster.pid").read_text().split()[0])
            found.append(psutil.Process(postmaster))
        return [each for process in found for each in (process, *process.children(recursive=True))]

    def _run(self, what: str, command: Sequence[str], environment: Mapping[str, str]) -> Process:
        owner = pwd.getpwnam(OWNER)
        with (self.folder / f"{what}.log").open("ab") as log:
            return subprocess.Popen(
                command,
                env={"PATH": "/usr/bin:/bin", **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                user=owner.pw_uid,
                group=owner.pw_gid,
                extra_groups=[],
                start_new_session=True,
            )

    def _etcd_environment(self, nodes: Sequence["Node"]) -> dict[str, str]:
        clients, peers = f"http://127.0.0.1:{self.etcd}", f"http://127.0.0.1:{self.peer}"
        return {
            "ETCD_NAME": self.name,
            "ETCD_DATA_DIR": str(self.folder / "etcd"),
            "ETCD_LISTEN_CLIENT_URLS": clients,
            "ETCD_ADVERTISE_CLIENT_URLS": clients,
            "ETCD_LISTEN_PEER_URLS": peers,
            "ETCD_INITIAL_ADVERTISE_PEER_URLS": peers,
            "ETCD_INITIAL_CLUSTER": ",".join(f"{node.name}=http://127.0.0.1:{node.peer}" for node in nodes),
            "ETCD_INITIAL_CLUSTER_STATE": "new",
        }

    def _patroni_environment(self, nodes: Sequence["Node"]) -> dict[str, str]:
        rest, postgresql = f"127.0.0.1:{self.rest}", f"127.0.0.1:{self.postgresql}"
        return {
            "PATRONI_NAME": self.name,
            "PATRONI_ETCD3_HOSTS": ",".join(f"127.0.0.1:{node.etcd}" for node in nodes),
            "PATRONI_RESTAPI_LISTEN": rest,
            "PATRONI_RESTAPI_CONNECT_ADDRESS": rest,
            "PATRONI_POSTGRESQL_LISTEN": postgresql,
            "PATRONI_POSTGRESQL_CONNECT_ADDRESS": postgresql,
            "PATRONI_POSTGRESQL_DATA_DIR": str(self.data),
            "PATRONI_POSTGRESQL_PGPASS": str(self.folder / "pgpass"),
            "PATRONI_SUPERUSER_USERNAME": "postgres",
            "PATRONI_SUPERUSER_PASSWORD": PASSWORD,
            "PATRONI_REPLICATION_USERNAME": "replicator",
            "PATRONI_REPLICATION_PASSWORD": PASSWORD,
            "PATRONI_REWIND_USERNAME": "rewinder",
            "PATRONI_REWIND_PASSWORD": PASSWORD,
        }


class Cluster:
    def __init__(self, nodes: Sequence[Node]) -> None:
        self.nodes = nodes

    def url(self, user: str, database: str, target: str) -> str:
        """For libpq, which looks for the node that it wants among all."""
        query = {
            "host": ",".join("127.0.0.1" for _ in self.nodes),
            "port": ",".join(str(node.postgresql) for node in self.nodes),
            "target_session_attrs": target,
        }
        return f"postgresql://{user}:{PASSWORD}@/{database}?{urlencode(query)}"

    def members(self) -> list[dict[str, Any]]:
        """As the first node that answers knows them."""
        for node in self.nodes:
            with suppress(OSError, ValueError), urllib.request.urlopen(_cluster_of(node), timeout=2) as answer:
                return list(json.load(answer)["members"])
        return []

    def leader(self) -> Node:
        name = next(member["name"] for member in self.members() if member["role"] == "leader")
        return next(node for node in self.nodes if node.name == name)

    def wait_until_whole(self) -> None:
        """Every node runs, and one standby is synchronous: only now may the leader be lost. Raises ``Failed``."""
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            members = self.members()
            roles = sorted(member["role"] for member in members)
            running = [member for member in members if member["state"] in ("running", "streaming")]
            followed = {member.get("timeline") for member in members}
            if roles == ["leader", "replica", "sync_standby"] and len(running) == 3 and len(followed) == 1:
                return
            time.sleep(0.2)
        raise Failed(f"the cluster is not whole after {START_S:.0f} s: {self.members()}")


def _cluster_of(node: Node) -> str:
    return f"http://127.0.0.1:{node.rest}/cluster"


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """New, whole and empty. Raises ``Failed``, also where it cannot run."""
    _check()
    nodes = [Node(f"db{number}", folder / f"db{number}") for number in (1, 2, 3)]
    for node in nodes:
        node.folder.mkdir(parents=True)
        shutil.chown(node.folder, OWNER, OWNER)
    try:
        for node in nodes:
            node.start(nodes)
        found = Cluster(nodes)
        found.wait_until_whole()
        yield found
    finally:
        for node in nodes:
            node.kill()


def _check() -> None:
    missing = [path for path in (PATRONI, ETCD) if not Path(path).exists()]
    if missing:
        raise Failed(f"{missing[0]} is missing; run: apt-get install patroni etcd-server postgresql")
    if os.geteuid() != 0:
        raise Failed(f"needs root, to start PostgreSQL as {OWNER}")
