"""Clients generated from the API's description type-check, and append, list and read with types against a server."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lacking import lack

pytestmark = [pytest.mark.heavy, pytest.mark.once, pytest.mark.django_db(transaction=True)]

ROOT = Path(__file__).resolve().parent.parent.parent
PROGRAMS = Path(__file__).resolve().parent / "generated"
DOCUMENT = str(ROOT / "docs/openapi.json")
GENERATOR = "openapi-python-client==0.29.1"
UNREAD = "application/x-ndjson"  # generators do not read it; the programs do, with a function of their own


def run(*command: str, folder: Path, **more: str) -> str:
    """What the command prints. Fails the test with it if the command fails."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("COV_", "PYTHON"))}
    done = subprocess.run(command, cwd=folder, env=environment | more, capture_output=True, text=True, timeout=240)
    said = done.stdout + done.stderr
    if done.returncode:
        pytest.fail(f"{' '.join(command)}\n{said}", pytrace=False)
    return said


def install(what: str, *command: str, folder: Path) -> None:
    """Ends the test in one line if ``what`` cannot be installed."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240)
    if done.returncode:
        lack(f"{what} ({(done.stderr.strip().splitlines() or ['no reason given'])[-1]})")


@pytest.fixture
def python_client(tmp_path: Path) -> Path:
    """A folder with the generated package ``enhancelog_client`` and the program."""
    tools = tmp_path / "tools"
    install("a virtual environment", sys.executable, "-m", "venv", str(tools), folder=tmp_path)
    install(GENERATOR, str(tools / "bin/pip"), "install", "-q", GENERATOR, folder=tmp_path)
    (tmp_path / "config.yaml").write_text("post_hooks: []\n")
    generate = ("generate", "--path", DOCUMENT, "--meta", "none", "--config", "config.yaml")
    generator = str(tools / "bin/openapi-python-client")
    said = run(generator, *generate, "--output-path", "enhancelog_client", folder=tmp_path)
    assert set(re.findall(r"(?:WARNING|ERROR) (.*)", said)) <= {"parsing POST /v1/enhance/log within log."}
    assert set(re.findall(r"Unsupported content.type ([\w/+.-]+)", said)) == {UNREAD}
    shutil.copy(PROGRAMS / "program.py", tmp_path)
    return tmp_path


def test_python_client(python_client: Path, live_api: str) -> None:
    run(sys.executable, "-m", "mypy", "--strict", "program.py", "enhancelog_client", folder=python_client)
    run(sys.executable, "program.py", folder=python_client)


def test_typescript_client(tmp_path: Path, live_api: str) -> None:
    npm = shutil.which("npm") or lack("npm")
    for name in ("program.ts", "package.json", "tsconfig.json"):
        shutil.copy(PROGRAMS / name, tmp_path)
    options = ("--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts")
    install("npm packages", str(npm), "install", *options, folder=tmp_path)
    run("node_modules/.bin/openapi-typescript", DOCUMENT, "--output", "schema.ts", folder=tmp_path)
    run("node_modules/.bin/tsc", folder=tmp_path)
    run("node", "built/program.js", folder=tmp_path)
