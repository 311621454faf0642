"""``deploy/patroni/``, as docs/scale.md installs it; with ``--heavy``, three real nodes of which leaders are lost."""

import json
import os
import re
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.tools import DEPLOY, ROOT, accepts, tool

FOLDER = DEPLOY / "patroni"
CONFIGURATION = FOLDER / "patroni.yml"
NODES = ["db1", "db2", "db3"]
SERVICE = FOLDER / "patroni.service"
PATRONI = Path("/opt/patroni/bin/patroni")
DOCS = (ROOT / "docs" / "scale.md").read_text()


def of_node(name: str, source: str, home: Path) -> dict[str, str]:
    """The variables of the file after the command of the docs."""
    (command,) = re.findall(rf'^ +(sed "[^"]+" {source}) \|', DOCS, re.MULTILINE)
    shell = ["sh", "-c", f"name={name}; {command}"]
    environment = os.environ | {"HOME": str(home)}
    text = subprocess.run(shell, capture_output=True, text=True, cwd=ROOT, env=environment, check=True).stdout
    return dict(line.split("=", 1) for line in text.splitlines() if line and not line.startswith("#"))


def patroni_of_node(name: str, home: Path) -> dict[str, str]:
    """With the passwords that the docs write into a copy."""
    (commands,) = re.findall(
        r"^ +(install \S+ \S+ \S+ ~/node\.env\n +for each .+?\n +done)$", DOCS, re.MULTILINE | re.DOTALL
    )
    environment = os.environ | {"HOME": str(home)}
    subprocess.run(["sh", "-ec", commands], cwd=ROOT, env=environment, check=True)
    return of_node(name, "~/node.env", home)


def begins(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """What the service runs before Patroni."""
    (command,) = re.findall(r"^ExecStartPre=(.+)$", SERVICE.read_text(), re.MULTILINE)
    return subprocess.run(shlex.split(command), capture_output=True, text=True, env=os.environ | environment)


@pytest.mark.parametrize("name", NODES)
def test_each_node_gets_its_name_and_the_addresses_of_all(name: str, tmp_path: Path) -> None:
    etcd, patroni = of_node(name, "deploy/patroni/etcd.env", tmp_path), patroni_of_node(name, tmp_path)
    assert etcd["ETCD_NAME"] == patroni["PATRONI_NAME"] == name
    assert etcd["ETCD_ADVERTISE_CLIENT_URLS"] == f"http://{name}:2379"
    assert etcd["ETCD_INITIAL_ADVERTISE_PEER_URLS"] == f"http://{name}:2380"
    assert etcd["ETCD_INITIAL_CLUSTER"] == ",".join(f"{node}=http://{node}:2380" for node in NODES)
    assert patroni["PATRONI_ETCD3_HOSTS"] == ",".join(f"{node}:2379" for node in NODES)
    assert patroni["PATRONI_RESTAPI_CONNECT_ADDRESS"] == f"{name}:8008"
    assert patroni["PATRONI_POSTGRESQL_CONNECT_ADDRESS"] == f"{name}:5432"


def test_nobody_else_may_read_the_passwords(tmp_path: Path) -> None:
    patroni_of_node("db1", tmp_path)
    assert (tmp_path / "node.env").stat().st_mode & 0o777 == 0o600
    made = re.findall(r"(\S.+) /etc/patroni_env\.conf", DOCS)
    assert made[0] == "sudo install -m 0600 /dev/null"


def test_the_service_starts_with_passwords_of_ones_own_only(tmp_path: Path) -> None:
    edited = patroni_of_node("db1", tmp_path)
    assert begins(edited).returncode == 0
    passwords = [value for name, value in edited.items() if name.endswith("PASSWORD")]
    assert len(set(passwords)) == len(passwords) == 4
    for name in (name for name in edited if name.endswith("PASSWORD")):
        refused = begins(edited | {name: "change-me"})
        assert refused.returncode == 1
        assert refused.stderr.splitlines() == ["/etc/patroni_env.conf: replace change-me by passwords of your own"]


def test_the_docs_run_what_the_service_runs() -> None:
    assert f"ExecStart={PATRONI} /etc/patroni/config.yml" in SERVICE.read_text()
    assert set(re.findall(r"\S*/patronictl\b", DOCS)) == {str(PATRONI.parent / "patronictl")}
    assert f"{PATRONI.parent}/pip install --requirement deploy/patroni/requirements.txt" in DOCS


def test_the_leader_has_time_to_try_again_before_it_is_replaced() -> None:
    shared = yaml.safe_load(CONFIGURATION.read_text())["bootstrap"]["dcs"]
    assert shared["loop_wait"] + 2 * shared["retry_timeout"] <= shared["ttl"]
    assert shared["synchronous_mode"] is True


@pytest.mark.heavy
@pytest.mark.once
def test_systemd_accepts_the_service() -> None:
    systemd = tool("systemd-analyze")
    tool(str(PATRONI))
    accepts(systemd, "security", "--offline=yes", "--threshold=40", "--no-pager", SERVICE)
    accepts(systemd, "verify", "--man=no", SERVICE)


@pytest.mark.heavy
@pytest.mark.once
def test_patroni_accepts_its_configuration(tmp_path: Path) -> None:
    command = [tool(str(PATRONI)), "--validate-config", str(CONFIGURATION)]
    environment = os.environ | patroni_of_node("db1", tmp_path)
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
    # It looks for the three nodes, and for pg_hba where it would hold for the first start only.
    expected = {*(f"etcd3.hosts.{number}" for number in range(3)), "bootstrap.pg_hba"}
    assert {line.split()[0] for line in (done.stdout + done.stderr).splitlines()} <= expected


@pytest.mark.heavy
@pytest.mark.once
def test_no_acknowledged_entry_is_lost_with_the_leader() -> None:
    tool(str(PATRONI))
    with ThreadPoolExecutor() as both:  # they mostly wait
        killed, cut_off = both.map(after, [("--kills", "1", "--cut", "0"), ("--kills", "0", "--cut", "1")])
    assert (killed["kill"]["number"], cut_off["cut"]["number"]) == (1, 1)
    for found in (killed, cut_off):
        assert found["acknowledged"] > 100
        assert found["lost"] == {node: [] for node in NODES}
        assert (found["stale"], found["verify_log"], len(set(found["timelines"].values()))) == ([], 0, 1)
        assert found["refused"] > 0, "the leader was not lost"


def after(losses: tuple[str, ...]) -> dict[str, Any]:
    """What the benchmark found."""
    environment = os.environ | {"TMPDIR": "/tmp"}
    command = [sys.executable, "-m", "benchmarks.failover", *losses]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, timeout=400)
    assert done.returncode == 0, done.stderr + done.stdout
    found: dict[str, Any] = json.loads(done.stdout)
    return found
