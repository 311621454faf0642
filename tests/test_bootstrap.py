"""manage.py sets itself up, steps aside where it should, and says in one line why it cannot."""

import ast
import importlib.metadata
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import manage
from tests.processes import ROOT, environment

FILES = ["manage.py", "requirements.txt", "requirements-dev.txt", "requirements-uv.txt"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A clone as far as set-up is concerned."""
    folder = tmp_path / "project"
    folder.mkdir()
    for name in FILES:
        shutil.copy(ROOT / name, folder)
    return folder


@pytest.fixture
def here(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The module manage, as if it lay in ``project``."""
    monkeypatch.setattr(manage, "ROOT", project)
    for name, value in {"VENV": ".venv", "PYTHON": ".venv/bin/python", "INSTALLER": "requirements-uv.txt"}.items():
        monkeypatch.setattr(manage, name, project / value)
    monkeypatch.setattr(manage, "UNFINISHED", project / ".venv" / ".enhancelog-unfinished")
    files = {"run": [project / "requirements.txt"], "test": [project / name for name in FILES[1:3]]}
    monkeypatch.setattr(manage, "REQUIREMENTS", files)
    return project


def start(project: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run manage.py with the interpreter behind this one, wanting something it cannot have."""
    with (project / "requirements.txt").open("a") as file:
        file.write("no-such-distribution==1.0\n")
    python = Path(sys.executable).resolve()
    env = environment(project / "data", PIP_CONFIG_FILE=os.devnull, **more)
    for name in ("ENHANCELOG_BOOTSTRAP", "PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "VIRTUAL_ENV", "PYTHONPATH"):
        env.pop(name, None)
    return subprocess.run(
        [python, project / "manage.py", *arguments], capture_output=True, text=True, env=env, check=False
    )


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_old_pythons_can_read_it_and_are_told() -> None:
    tree = ast.parse((ROOT / "manage.py").read_text(), feature_version=(3, 6))
    first = next(node for node in tree.body if not isinstance(node, ast.Expr | ast.Import))
    assert isinstance(first, ast.If), "the version is checked before anything that an old Python lacks"
    assert "version_info" in ast.unparse(first.test)


@pytest.mark.slow
def test_no_network_is_one_line_and_exit_code_2(project: Path, closed_port: int, tmp_path: Path) -> None:
    index = f"http://127.0.0.1:{closed_port}/"
    done = start(project, "version", PIP_INDEX_URL=index, PIP_NO_CACHE_DIR="1", UV_CACHE_DIR=str(tmp_path / "uv"))
    assert done.returncode == 2
    assert done.stdout == ""
    progress, reason = done.stderr.splitlines()
    assert progress.startswith("setting up")
    assert "network" in reason
    assert not manage_stamps(project)


def test_something_in_the_way_is_one_line_and_exit_code_2(project: Path) -> None:
    (project / ".venv").write_text("not a folder")
    done = start(project, "version")
    assert done.returncode == 2
    assert "must be a folder; remove it" in done.stderr.splitlines()[-1]
    assert (project / ".venv").read_text() == "not a folder"


def test_folder_without_write_permission_is_said(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(manage.SetupError, match="cannot write"):
        manage.set_up("run")


def manage_stamps(project: Path) -> list[Path]:
    return list((project / ".venv").glob(".enhancelog-run"))


@pytest.fixture
def no_pip(here: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Bare Debian: no pip, no ensurepip. What would have been run."""
    called: list[tuple[str, ...]] = []

    def works(*command: object) -> bool:
        called.append(tuple(map(str, command)))
        return False

    def missing(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(manage, "works", works)
    monkeypatch.setattr(manage, "call", lambda *command, what: called.append(command))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(importlib.metadata, "version", missing)
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    return called


def test_without_ensurepip_a_user_is_given_the_command(
    no_pip: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(manage.SetupError, match=r"run: sudo apt-get install python3\.\d+-venv"):
        manage.find_pip()
    assert not any("apt-get" in command for command in no_pip)


def test_without_ensurepip_root_gets_it_from_debian(
    no_pip: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    manage.find_pip()
    assert [command[:2] for command in no_pip if command[0] == "apt-get"] == [
        ("apt-get", "install"),
        ("apt-get", "update"),
        ("apt-get", "install"),
    ]
    assert no_pip[-1][1:] == ("-m", "ensurepip")


def finished(project: Path) -> None:
    (project / ".venv" / "bin").mkdir(parents=True)
    (project / ".venv" / "bin" / "python").symlink_to(sys.executable)
    for kind in manage.REQUIREMENTS:
        manage.stamp(kind).write_text(manage.fingerprint(kind))


@pytest.mark.parametrize(
    ("changed", "redone"), [("requirements.txt", {"run", "test"}), ("requirements-dev.txt", {"test"})]
)
def test_set_up_is_redone_when_its_pins_change(here: Path, changed: str, redone: set[str]) -> None:
    assert not any(map(manage.is_current, manage.REQUIREMENTS))
    finished(here)
    assert all(map(manage.is_current, manage.REQUIREMENTS))
    with (here / changed).open("a") as file:
        file.write("# another pin\n")
    assert {kind for kind in manage.REQUIREMENTS if not manage.is_current(kind)} == redone


def test_set_up_is_redone_when_its_interpreter_is_gone(here: Path) -> None:
    finished(here)
    manage.PYTHON.unlink()
    assert not manage.is_current("run")
    manage.PYTHON.symlink_to("/usr/bin/env")
    assert not manage.is_current("run")


def test_interrupted_set_up_starts_over(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / ".venv" / "bin").mkdir(parents=True)
    manage.PYTHON.symlink_to(sys.executable)
    made: list[bool] = []

    def interrupted(requirements: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(manage, "make_venv", lambda: made.append(True))
    monkeypatch.setattr(manage, "install", interrupted)
    for expected in (0, 1):
        with pytest.raises(KeyboardInterrupt):
            manage.set_up("run")
        assert len(made) == expected
    monkeypatch.setattr(manage, "install", lambda requirements: None)
    manage.set_up("run")
    assert manage.is_current("run")
    assert not manage.UNFINISHED.exists()


def test_second_start_waits_and_finds_the_work_done(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    finished(here)
    monkeypatch.setattr(manage, "install", lambda requirements: pytest.fail("installed again"))
    manage.set_up("run")


def test_steps_aside_where_requirements_are_importable(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ENHANCELOG_BOOTSTRAP", raising=False)
    assert manage.steps_aside("run")
    assert manage.steps_aside("test")
    with (here / "requirements-dev.txt").open("a") as file:
        file.write("no-such-distribution==1.0\n")
    assert manage.steps_aside("run")
    assert not manage.steps_aside("test")


@pytest.mark.parametrize("line", ["django==0.96", "no-such-distribution==1.0"])
def test_pins_that_do_not_hold_here(tmp_path: Path, line: str) -> None:
    (tmp_path / "requirements.txt").write_text(f"{line} \\\n    --hash=sha256:00\n")
    assert not manage.pins_hold(tmp_path / "requirements.txt")


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("python_full_version >= '3.11'", True),
        ("python_full_version < '3.9'", False),
        ("sys_platform == 'win32'", False),
        ("sys_platform != 'win32' and implementation_name == 'cpython'", True),
        ("sys_platform == 'win32' or python_version >= '3.11'", True),
    ],
)
def test_conditions_of_requirements_are_understood(condition: str, holds: bool) -> None:
    assert manage.applies(condition) is holds


def test_bootstrap_switched_off_is_plain_django(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "requirements.txt").write_text("no-such-distribution==1.0\n")
    monkeypatch.delenv("ENHANCELOG_BOOTSTRAP", raising=False)
    assert not manage.steps_aside("run")
    monkeypatch.setenv("ENHANCELOG_BOOTSTRAP", "0")
    assert manage.steps_aside("run")
