"""Units, manifests, the Dockerfile and compose.yaml: what their own validators accept, and settings that exist."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import enhancelog
from enhancelog.management.commands import serve
from tests.deploy.tools import DEPLOY, ROOT, accepts, tool

DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
FILES = [
    ROOT / "Dockerfile",
    ROOT / "compose.yaml",
    ROOT / "docs" / "deploy.md",
    *(path for path in sorted(DEPLOY.rglob("*")) if path.is_file() and path.suffix != ".json"),
]
PORT = 8000
USER = 10001
# Of others: PostgreSQL's image, a variable of compose.yaml.
FOREIGN = {"ENHANCELOG_IMAGE"}


def settings() -> set[str]:
    """With the names that read a file, which every setting has."""
    names = set(re.findall(r"^\| `([A-Z_]+)`", (ROOT / "docs" / "settings.md").read_text(), re.MULTILINE))
    return names | {f"{name}_FILE" for name in names}


def pods() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in MANIFESTS:
        for manifest in yaml.safe_load_all(path.read_text()):
            if "template" in manifest.get("spec", {}):
                yield path.stem, manifest["spec"]["template"]["spec"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_setting_in_it_exists(path: Path) -> None:
    named = set(re.findall(r"\b(?:ENHANCELOG_[A-Z_]+|DATABASE_URL(?:_FILE)?)\b", path.read_text()))
    assert named - settings() - FOREIGN == set()


@pytest.mark.heavy
@pytest.mark.once
def test_hadolint_accepts_the_dockerfile() -> None:
    accepts(tool("hadolint"), ROOT / "Dockerfile")


def test_the_label_is_the_release() -> None:
    assert f'org.opencontainers.image.version="{enhancelog.__version__}"' in DOCKERFILE


def test_both_stages_have_one_base() -> None:
    names = set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE))
    assert len(names) == 1
    assert f'image.base.name="{names.pop()}"' in DOCKERFILE


def test_the_image_has_every_folder_that_the_server_reads() -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {
        name for line in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE) for name in line.split()
    }
    assert copied == kept
    assert {*serve.SOURCES, "templates", "static", "manage.py"} <= copied


def test_the_health_check_is_python_that_runs() -> None:
    (command,) = re.findall(r'CMD \["python3", "-c", "(.*)"\]', DOCKERFILE)
    ast.parse(command)
    assert f"'127.0.0.1', {PORT}," in command


@pytest.mark.parametrize("name", list(COMPOSE["services"]))
def test_a_service_of_compose_is_locked_up(name: str) -> None:
    service = COMPOSE["services"][name]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert set(service["secrets"]) <= set(COMPOSE["secrets"])
    assert set(service["networks"]) <= set(COMPOSE["networks"])
    assert {volume.split(":")[0] for volume in service["volumes"]} <= set(COMPOSE["volumes"])


def test_every_service_of_compose_that_serves_is_checked() -> None:
    services = COMPOSE["services"]
    assert services["database"]["healthcheck"]["test"][:2] == ["CMD", "pg_isready"]
    assert "healthcheck" not in services["enhancelog"]  # the image's own
    assert "\nHEALTHCHECK " in DOCKERFILE
    assert services["follower"]["healthcheck"] == {"disable": True}


def test_no_password_is_in_the_environment_of_compose() -> None:
    for service in COMPOSE["services"].values():
        secret = {name for name in service["environment"] if re.search("PASSWORD|SECRET|DATABASE_URL", name)}
        assert all(name.endswith("_FILE") for name in secret)


@pytest.mark.heavy
@pytest.mark.once
@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_systemd_accepts_the_unit_and_finds_it_locked_up(unit: Path, tmp_path: Path) -> None:
    systemd = tool("systemd-analyze")
    accepts(systemd, "security", "--offline=yes", "--threshold=30", "--no-pager", unit)
    here = tmp_path / unit.name
    here.write_text(unit.read_text().replace("/opt/enhancelog/.venv/bin/python", "/bin/sh"))
    accepts(systemd, "verify", "--man=no", here)


@pytest.mark.heavy
@pytest.mark.once
@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda path: path.stem)
def test_kubernetes_accepts_the_manifest(manifest: Path) -> None:
    accepts(tool("kubernetes-validate"), "--strict", manifest)


@pytest.mark.parametrize(("name", "pod"), list(pods()))
def test_a_pod_meets_the_restricted_standard(name: str, pod: dict[str, Any]) -> None:
    whole, (container,) = pod["securityContext"], pod["containers"]
    assert whole["runAsNonRoot"]
    assert whole["runAsUser"] == whole["fsGroup"] == USER
    assert whole["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert not pod["automountServiceAccountToken"]
    assert not pod["enableServiceLinks"]  # ENHANCELOG_PORT and the like would look like settings


@pytest.mark.parametrize(("name", "pod"), list(pods()))
def test_nobody_else_can_read_the_data_folder_of_a_pod(name: str, pod: dict[str, Any]) -> None:
    # The root of a volume is writable for the group in fsGroup; the server makes folders below it with mode 0700.
    (container,) = pod["containers"]
    (folder,) = (each["value"] for each in container["env"] if each["name"] == "ENHANCELOG_DATA_DIR")
    mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
    assert folder not in mounts
    assert str(Path(folder).parent) in mounts


def test_nobody_else_can_read_the_data_folder_of_the_image_and_the_units() -> None:
    assert "install -d -m 0700 -o 10001 -g 10001 /data" in DOCKERFILE  # a new volume gets this mode
    assert "data:/data" in COMPOSE["services"]["enhancelog"]["volumes"]
    for unit in UNITS:
        assert "\nStateDirectoryMode=0700\n" in unit.read_text()


@pytest.mark.parametrize("name", ["caddy/Caddyfile", "nginx/enhancelog.conf"])
def test_a_proxy_removes_the_headers_that_the_docs_suggest_for_users(name: str) -> None:
    documented = (ROOT / "docs" / "settings.md").read_text().splitlines()
    (row,) = (line for line in documented if line.startswith("| `ENHANCELOG_REMOTE_USER_HEADER`"))
    suggested = re.findall(r"`((?:X-)?[A-Za-z-]+-User)`", row)
    assert len(suggested) >= 2
    text = (DEPLOY / name).read_text()
    for header in (*suggested, "X-Remote-User"):
        assert f"header_up -{header}\n" in text or f'proxy_set_header {header} "";\n' in text


@pytest.mark.parametrize(("name", "pod"), list(pods()))
def test_a_pod_is_probed_where_the_server_answers(name: str, pod: dict[str, Any]) -> None:
    (container,) = pod["containers"]
    assert container["ports"] == [{"name": "http", "containerPort": PORT}]
    paths = {kind: container[kind]["httpGet"]["path"] for kind in container if kind.endswith("Probe")}
    assert paths == {
        "startupProbe": "/health/live",
        "livenessProbe": "/health/live",
        "readinessProbe": "/health/ready",
    }
