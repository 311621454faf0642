"""``deploy/patroni/``, as docs/scale.md installs it; with ``--heavy``, three real nodes of which the leader is lost."""

import json
import os
import re
import subprocess
import sys

import pytest
import yaml

from tests.deploy.tools import DEPLOY, ROOT, tool

FOLDER = DEPLOY / "patroni"
CONFIGURATION = FOLDER / "patroni.yml"
NODES = ["db1", "db2", "db3"]
DEBIAN = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}  # and no virtual environment, which would hide Debian's Python


def of_node(name: str, file: str) -> dict[str, str]:
    """The variables of the file after the command of the docs."""
    (command,) = re.findall(rf'(sed "[^"]+" deploy/patroni/{file})', (ROOT / "docs" / "scale.md").read_text())
    shell = ["sh", "-c", f"name={name}; {command}"]
    text = subprocess.run(shell, capture_output=True, text=True, cwd=ROOT, check=True).stdout
    return dict(line.split("=", 1) for line in text.splitlines() if line and not line.startswith("#"))


@pytest.mark.parametrize("name", NODES)
def test_each_node_gets_its_name_and_the_addresses_of_all(name: str) -> None:
    etcd, patroni = of_node(name, "etcd.env"), of_node(name, "node.env")
    assert etcd["ETCD_NAME"] == patroni["PATRONI_NAME"] == name
    assert etcd["ETCD_ADVERTISE_CLIENT_URLS"] == f"http://{name}:2379"
    assert etcd["ETCD_INITIAL_ADVERTISE_PEER_URLS"] == f"http://{name}:2380"
    assert etcd["ETCD_INITIAL_CLUSTER"] == ",".join(f"{node}=http://{node}:2380" for node in NODES)
    assert patroni["PATRONI_ETCD3_HOSTS"] == ",".join(f"{node}:2379" for node in NODES)
    assert patroni["PATRONI_RESTAPI_CONNECT_ADDRESS"] == f"{name}:8008"
    assert patroni["PATRONI_POSTGRESQL_CONNECT_ADDRESS"] == f"{name}:5432"


def test_the_leader_has_time_to_try_again_before_it_is_replaced() -> None:
    shared = yaml.safe_load(CONFIGURATION.read_text())["bootstrap"]["dcs"]
    assert shared["loop_wait"] + 2 * shared["retry_timeout"] <= shared["ttl"]
    assert shared["synchronous_mode"] is True


@pytest.mark.heavy
@pytest.mark.once
def test_patroni_accepts_its_configuration() -> None:
    command = [tool("patroni"), "--validate-config", str(CONFIGURATION)]
    environment = DEBIAN | of_node("db1", "node.env")
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
    # It looks for the three nodes, and for pg_hba where it would hold for the first start only.
    expected = {*(f"etcd3.hosts.{number}" for number in range(3)), "bootstrap.pg_hba"}
    assert {line.split()[0] for line in (done.stdout + done.stderr).splitlines()} <= expected


@pytest.mark.heavy
@pytest.mark.once
def test_no_acknowledged_entry_is_lost_with_the_leader() -> None:
    tool("patroni")
    environment = os.environ | {"TMPDIR": "/tmp"}
    command = [sys.executable, "-m", "benchmarks.failover", "--kills", "1"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, timeout=280)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["acknowledged"] > 100
    assert (found["lost"], found["stale"], found["verify_log"]) == ([], [], 0)
    assert found["refused"] > 0, "the leader was not lost"
