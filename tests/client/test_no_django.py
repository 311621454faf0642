"""The client in an environment where nothing but its own dependencies can be imported."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.evidence.logs import KEY, Log
from tests.processes import ROOT

ALLOWED = {"anyio", "certifi", "exceptiongroup", "h11", "httpcore", "httpx", "idna", "msgspec", "sniffio"}
"""What msgspec and httpx bring along."""

BLOCKER = f"""
import sys
from importlib.machinery import PathFinder

class OnlyTheClients:
    def find_spec(self, name, path=None, target=None):
        found = PathFinder.find_spec(name, path) if path is None else None
        where = (found.origin or "") if found else ""
        if "site-packages" in where and name not in {ALLOWED!r} and not name.startswith("typing_extensions"):
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, OnlyTheClients())
"""


def python(code: str, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run ``code`` where of all installed packages only the client's can be imported."""
    keep = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-c", f"{BLOCKER}\n{code}", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**keep, "PYTHONDONTWRITEBYTECODE": "1", **more},
        check=False,
        timeout=60,
    )


def command_line(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    code = f"sys.argv[1:] = {list(arguments)!r}\nimport runpy\nrunpy.run_module('enhancelog', run_name='__main__')"
    return python(code, **more)


def test_the_blocker_blocks():
    assert "No module named 'django'" in python("import django").stderr
    assert python("import httpx, msgspec").returncode == 0


@pytest.mark.parametrize(
    "module",
    [
        "enhancelog",
        "enhancelog.agents.cli",
        "enhancelog.domain.errors",
        "enhancelog.domain.records",
        "enhancelog.store",
        "enhancelog.client.log_store",
        "enhancelog.store.memory",
        "enhancelog.domain.strict_json",
        "enhancelog.domain.periods",
        "enhancelog.domain.times",
        "enhancelog.client.content_store",
        "enhancelog.client.async_content_store",
        "enhancelog.client.async_log_store",
        "enhancelog.client.buffered",
        "enhancelog.client.witness",
        "enhancelog.client.async_witness",
        "enhancelog.evidence.receipts",
        "enhancelog.evidence.tile_building",
    ],
)
def test_what_agents_import_needs_no_django(module: str):
    done = python(f"import {module}\nassert not any(name.startswith('django') for name in sys.modules)")
    assert (done.returncode, done.stderr) == (0, "")


def test_the_command_line_needs_no_django():
    done = command_line("--help")
    assert done.returncode == 0
    assert "append" in done.stdout
    done = command_line("--timeout", "0.3", "get", "h-1", ENHANCELOG_URL="http://127.0.0.1:9")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("enhancelog: http://127.0.0.1:9: cannot be reached")


def test_the_mcp_server_without_its_package_is_one_line():
    done = command_line("mcp")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "enhancelog: the MCP server needs another package; run: pip install 'enhancelog[mcp]'\n"


def test_verifying_without_its_package_is_one_line(tmp_path: Path):
    (tmp_path / "receipt").write_bytes(Log(2).receipt(1, 2))
    done = command_line("verify", str(tmp_path / "receipt"), "--key", str(KEY.verifier))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "enhancelog: verifying needs another package; run: pip install 'enhancelog[verify]'\n"


def test_no_data_folder_is_made(tmp_path: Path):
    folder = tmp_path / "data"
    command_line("get", "..", ENHANCELOG_DATA_DIR=str(folder))
    assert not folder.exists()


@pytest.mark.parametrize(
    ("beside", "advice"),
    [
        ((), "run: python3 -m pip install msgspec"),
        (
            ("manage.py",),
            "python3 manage.py serve installs it into .venv; after that, run: .venv/bin/python -m enhancelog",
        ),
        (("manage.py", ".venv/bin/python"), "run: {clone}/.venv/bin/python -m enhancelog"),
    ],
    ids=["installed", "clone", "clone that is set up"],
)
def test_a_missing_package_is_one_line_that_says_what_to_run(
    tmp_path: Path, beside: tuple[str, ...], advice: str
) -> None:
    shutil.copytree(ROOT / "enhancelog", tmp_path / "enhancelog", ignore=shutil.ignore_patterns("*.pyc", "demo"))
    for path in beside:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    without_packages = [sys.executable, "-S", "-m", "enhancelog", "list"]
    done = subprocess.run(without_packages, capture_output=True, text=True, cwd=tmp_path, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    said = advice.format(clone=tmp_path.resolve())
    assert done.stderr == f"enhancelog: this Python does not have msgspec; {said}\n"
