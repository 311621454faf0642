"""Three nodes of PostgreSQL with Patroni and etcd, as ``deploy/patroni/`` sets them up, each in a network namespace of
its own. Needs root, Patroni in ``/opt/patroni``, and Debian's ``etcd-server``, ``iproute2`` and ``postgresql``.
"""

import json
import os
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
from benchmarks.namespaces import Machine, network
from tests.processes import ROOT, free_port

CONFIGURATION: Final = ROOT / "deploy" / "patroni" / "patroni.yml"
PATRONI: Final = "/opt/patroni/bin/patroni"
ETCD: Final = "/usr/bin/etcd"
OWNER: Final = "postgres"
PASSWORD: Final = "of-the-benchmark"
START_S: Final = 180.0
ETCD_PORT: Final = 2379
PEER_PORT: Final = 2380
REST_PORT: Final = 8008

Process = subprocess.Popen[bytes]


@dataclass
class Node:
    """``postgresql`` is a port of its own: the sockets of all nodes lie in one folder."""

    name: str
    folder: Path
    machine: Machine
    postgresql: int = field(default_factory=free_port)
    processes: list[Process] = field(default_factory=list)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def start(self, nodes: Sequence["Node"]) -> None:
        self.processes = [
            self._run("etcd", [ETCD], self._etcd_environment(nodes)),
            self._run("patroni", [PATRONI, str(CONFIGURATION)], self._patroni_environment(nodes)),
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
        with (self.folder / f"{what}.log").open("ab") as log:
            return subprocess.Popen(
                self.machine.command(OWNER, command),
                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,
            )

    def _etcd_environment(self, nodes: Sequence["Node"]) -> dict[str, str]:
        clients, peers = (f"http://{self.machine.address}:{port}" for port in (ETCD_PORT, PEER_PORT))
        return {
            "ETCD_NAME": self.name,
            "ETCD_DATA_DIR": str(self.folder / "etcd"),
            "ETCD_LISTEN_CLIENT_URLS": clients,
            "ETCD_ADVERTISE_CLIENT_URLS": clients,
            "ETCD_LISTEN_PEER_URLS": peers,
            "ETCD_INITIAL_ADVERTISE_PEER_URLS": peers,
            "ETCD_INITIAL_CLUSTER": ",".join(
                f"{node.name}=http://{node.machine.address}:{PEER_PORT}" for node in nodes
            ),
            "ETCD_INITIAL_CLUSTER_STATE": "new",
        }

    def _patroni_environment(self, nodes: Sequence["Node"]) -> dict[str, str]:
        rest, postgresql = f"{self.machine.address}:{REST_PORT}", f"{self.machine.address}:{self.postgresql}"
        return {
            "PATRONI_NAME": self.name,
            "PATRONI_ETCD3_HOSTS": ",".join(f"{node.machine.address}:{ETCD_PORT}" for node in nodes),
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
        return _url(self.nodes, user, database, {"target_session_attrs": target})

    def leader(self) -> Node:
        """Raises ``Failed`` unless all nodes agree."""
        names = {member["name"] for node in self.nodes for member in _members(node) if member["role"] == "leader"}
        if len(names) != 1:
            raise Failed(f"not one leader, but {sorted(names)}")
        return next(node for node in self.nodes if node.name in names)

    def wait_until_whole(self) -> None:
        """Until every node runs, and one standby is synchronous: only now may the leader be lost. Raises ``Failed``."""
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            # A node that was cut off goes on telling of the time before.
            views = [_members(node) for node in self.nodes]
            if all(map(_is_whole, views)) and len({_leader_of(view) for view in views}) == 1:
                return
            time.sleep(0.2)
        raise Failed(f"the cluster is not whole after {START_S:.0f} s: {' | '.join(map(_shown, views))}")


def url_of(node: Node, user: str, database: str) -> str:
    """For libpq: this node, whatever it is."""
    return _url([node], user, database, {})


def _url(nodes: Sequence[Node], user: str, database: str, more: Mapping[str, str]) -> str:
    query = {
        "host": ",".join(node.machine.address for node in nodes),
        "port": ",".join(str(node.postgresql) for node in nodes),
        **more,
    }
    return f"postgresql://{user}:{PASSWORD}@/{database}?{urlencode(query)}"


def _members(node: Node) -> list[dict[str, Any]]:
    """As this node knows them; none if it does not answer."""
    try:
        with urllib.request.urlopen(f"http://{node.machine.address}:{REST_PORT}/cluster", timeout=2) as answer:
            return list(json.load(answer)["members"])
    except (OSError, ValueError):
        return []


def _is_whole(members: Sequence[Mapping[str, Any]]) -> bool:
    roles = sorted(member["role"] for member in members)
    running = [member for member in members if member["state"] in ("running", "streaming")]
    followed = {member.get("timeline") for member in members}
    return roles == ["leader", "replica", "sync_standby"] and len(running) == 3 and len(followed) == 1


def _leader_of(members: Sequence[Mapping[str, Any]]) -> str | None:
    return next((member["name"] for member in members if member["role"] == "leader"), None)


def _shown(members: Sequence[Mapping[str, Any]]) -> str:
    said = (f"{each['name']} {each['role']} {each['state']} {each.get('timeline')}" for each in members)
    return ", ".join(said) or "no answer"


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """New, whole and empty. Raises ``Failed``, also where it cannot run."""
    _check()
    with network(3) as machines:
        nodes = [Node(f"db{number}", folder / f"db{number}", machine) for number, machine in enumerate(machines, 1)]
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
    if os.geteuid() != 0:
        raise Failed(f"needs root, for network namespaces and to start PostgreSQL as {OWNER}")
    if not Path(PATRONI).exists():
        raise Failed(f"{PATRONI} is missing; docs/scale.md, Failover without a person, says how to install it")
    if not all(map(shutil.which, (ETCD, "ip"))):
        raise Failed("etcd or ip is missing; run: apt-get install etcd-server iproute2 postgresql")
