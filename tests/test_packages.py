"""The packages, built and installed where no clone is."""

import asyncio
import html
import json
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import urllib.request
import venv
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import grimp
import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from enhancelog import __version__
from tests import clone_files, loops
from tests.client.test_no_django import ALLOWED
from tests.processes import ROOT, START_S, environment, free_port, started

CLIENT = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
FOLDERS = {"templates": "enhancelog/web/templates", "static": "enhancelog/web/static"}
EPOCH = "1790000000"
DEMO_ENTRIES = 478


def file_of(module: str) -> str:
    path = module.replace(".", "/")
    return f"{path}/__init__.py" if (ROOT / path).is_dir() else f"{path}.py"


def test_the_client_imports_nothing_that_it_does_not_ship() -> None:
    graph = grimp.build_graph("enhancelog", exclude_type_checking_imports=True)
    shipped = [path.removesuffix("/") for path in CLIENT["only-include"]]

    def ships(module: str) -> bool:
        return any(file_of(module) == path or file_of(module).startswith(f"{path}/") for path in shipped)

    modules = set(filter(ships, graph.modules))
    assert "enhancelog.agents.cli" in modules
    needed = set().union(*map(graph.find_modules_directly_imported_by, modules))
    assert not {module for module in needed if not ships(module)}


@dataclass
class Installed:
    """A virtual environment, and a user who has nothing else."""

    folder: Path

    @property
    def program(self) -> Path:
        return self.folder / "bin" / "enhancelog"

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def data(self) -> Path:
        return self.home / ".local" / "share" / "enhancelog"

    @property
    def packages(self) -> Path:
        return Path(sysconfig.get_path("purelib", vars={"base": str(self.folder)}))

    def environment(self, **more: str) -> dict[str, str]:
        env = environment(self.data, HOME=str(self.home), **more)
        for name in ("ENHANCELOG_DATA_DIR", "ENHANCELOG_BOOTSTRAP", "PYTHONPATH", "XDG_DATA_HOME"):
            env.pop(name, None)
        return env

    def run(self, *command: str, stdin: str = "", **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            text=True,
            cwd=self.home,
            env=self.environment(**more),
            timeout=START_S,
            check=False,
        )

    def enhancelog(self, *arguments: str, stdin: str = "", **more: str) -> subprocess.CompletedProcess[str]:
        return self.run(str(self.program), *arguments, stdin=stdin, **more)


def build(project: Path, kind: str, folder: Path) -> Path:
    command = [sys.executable, "-m", "build", "--no-isolation", kind, "--outdir", str(folder), str(project)]
    env = {**os.environ, "SOURCE_DATE_EPOCH": EPOCH}
    done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=START_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = (path for path in folder.iterdir() if path.is_file() and path.name in done.stdout)
    return built


def build_wheels(root: Path, folder: Path) -> list[Path]:
    return [build(root, "--wheel", folder), build(root / "release" / "server", "--wheel", folder)]


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return build_wheels(ROOT, tmp_path_factory.mktemp("wheels"))


def install(folder: Path, wheels: list[Path]) -> Installed:
    venv.create(folder, symlinks=True)
    installed = Installed(folder)
    installed.home.mkdir()
    options = ["--offline", "--no-cache", "--no-deps", "--python", str(folder / "bin" / "python")]
    subprocess.run([clone_files.uv(), "pip", "install", "-q", *options, *wheels], check=True)
    return installed


@pytest.fixture(scope="module")
def client(wheels: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """With its dependencies alone."""
    installed = install(tmp_path_factory.mktemp("client"), wheels[:1])
    packages = Path(sysconfig.get_path("purelib"))
    for name in {*ALLOWED, "typing_extensions"}:
        for found in (packages / name, packages / f"{name}.py"):
            if found.exists():
                (installed.packages / found.name).symlink_to(found)
    return installed


@pytest.fixture(scope="module")
def server(wheels: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """With every package of this environment, but not with this clone."""
    installed = install(tmp_path_factory.mktemp("server"), wheels)
    folders = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (installed.packages / "dependencies.pth").write_text("\n".join(folders))
    return installed


def names(wheel: Path) -> set[str]:
    return {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}


def tracked() -> set[str]:
    """Where the wheels have what is, or will be, under version control."""
    found = set(clone_files.listed("enhancelog", "content", *FOLDERS))
    for folder, target in FOLDERS.items():
        found = {re.sub(f"^{folder}/", f"{target}/", name) for name in found}
    return found


@pytest.mark.heavy
@pytest.mark.once
def test_together_the_wheels_have_everything_and_nothing_twice(wheels: list[Path]) -> None:
    client, server = map(names, wheels)
    assert not client & server
    assert client | server == tracked()
    assert "enhancelog/py.typed" in client
    assert "content/migrations/0001_initial.py" in server


@pytest.mark.heavy
@pytest.mark.once
def test_both_wheels_come_from_the_source_again_byte_for_byte(wheels: list[Path], tmp_path: Path) -> None:
    archive = build(ROOT, "--sdist", tmp_path)
    with tarfile.open(archive) as source:
        source.extractall(tmp_path, filter="data")
    again = build_wheels(tmp_path / f"enhancelog-{__version__}", tmp_path)
    for first, second in zip(wheels, again, strict=True):
        assert first.name == second.name
        assert first.read_bytes() == second.read_bytes()


@pytest.mark.heavy
@pytest.mark.once
def test_the_client_alone_needs_no_server(client: Installed) -> None:
    assert client.enhancelog("--version").stdout == f"enhancelog {__version__}\n"
    done = client.run(str(client.folder / "bin" / "python"), "-c", "import django")
    assert "No module named 'django'" in done.stderr
    done = client.enhancelog("serve", "--demo")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "pip install enhancelog-server" in done.stderr
    done = client.enhancelog("append", "--spool", "spool", stdin=json.dumps({"issue_id": "h-1"}))
    assert (done.returncode, "invalid" in done.stdout) == (1, True)
    assert not client.data.exists()


@pytest.mark.heavy
@pytest.mark.once
def test_commands_name_what_was_installed(server: Installed) -> None:
    done = server.enhancelog("backup")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "enhancelog: there is no database yet; run: enhancelog serve (or migrate)\n"
    done = server.run(str(server.folder / "bin" / "python"), "-m", "enhancelog", "changepassword", "nobody")
    assert (done.returncode, done.stderr.startswith("enhancelog: ")) == (2, True)
    assert "usage: enhancelog serve" in server.enhancelog("serve", "--help").stdout
    assert "follow_log" in server.enhancelog("--help").stdout
    done = server.enhancelog("nosuch")
    assert (done.returncode, done.stderr.splitlines()[0]) == (1, "Unknown command: 'nosuch'")
    done = server.enhancelog("check")
    assert (done.returncode, done.stdout.splitlines()[0]) == (1, "error: There is no database yet.")
    assert server.enhancelog("migrate").returncode == 0
    assert server.enhancelog("check", "--deploy", ENHANCELOG_URL="https://log.example.org").returncode == 0


@dataclass
class Site:
    address: str
    installed: Installed

    def get(self, path: str) -> str:
        """The body. Raises ``HTTPError`` unless the status is 200."""
        with urllib.request.urlopen(f"http://{self.address}{path}", timeout=60) as answer:
            body: bytes = answer.read()
            return body.decode()


@pytest.fixture(scope="module")
def demo(server: Installed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    address = f"127.0.0.1:{free_port()}"
    command = [str(server.program), "serve", "--demo", "--bind", address]
    log = tmp_path_factory.mktemp("demo") / "log"
    with (
        log.open("w") as output,
        started(command, address=address, output=output, env=server.environment(), cwd=server.home),
    ):
        yield Site(address, server)


@pytest.mark.heavy
@pytest.mark.once
def test_pages_and_their_files_are_served(demo: Site) -> None:
    overview = demo.get("/")
    assert re.search(r'href="/blueprints/[a-z]', overview)
    linked = {html.unescape(path) for path in re.findall(r'href="(/[a-z/-]*)"', overview)}
    assert {"/blueprints/", "/matrix/", "/patterns/", "/content/"} <= linked
    for path in linked:
        assert "<main" in demo.get(path), path
    files = set(re.findall(r'(?:href|src)="(/static/[^"]+)"', overview))
    assert {Path(path).suffix for path in files} == {".css", ".js", ".svg"}
    assert all(map(demo.get, files))
    assert "enhancelog changepassword" in demo.get("/account/sign-in")
    assert (demo.installed.data / "demo.sqlite3").exists()


@pytest.mark.heavy
@pytest.mark.once
def test_api_and_client_work(demo: Site) -> None:
    assert len(json.loads(demo.get("/v1/enhance/log"))) >= DEMO_ENTRIES
    assert json.loads(demo.get("/v1/openapi.json"))["info"]["version"] == __version__
    scopes = ("--scope", "log:append", "--scope", "log:read")
    made = demo.installed.enhancelog("create_token", "ci", *scopes, ENHANCELOG_DEMO="1")
    access = {"ENHANCELOG_URL": f"http://{demo.address}", "ENHANCELOG_TOKEN": made.stdout.strip()}
    newest = demo.installed.enhancelog("list", "--max", "1", "--order", "desc", **access).stdout
    entry = json.loads(newest) | {"issue_id": "h-wheel"}
    appended = demo.installed.enhancelog("append", stdin=json.dumps(entry), **access)
    assert json.loads(appended.stdout)["result"] == "created"
    assert json.loads(demo.get("/v1/enhance/log/h-wheel")) == entry


@pytest.mark.heavy
@pytest.mark.once
def test_models_have_their_tools(demo: Site) -> None:
    async def conversation() -> None:
        env = demo.installed.environment(ENHANCELOG_URL=f"http://{demo.address}")
        command = StdioServerParameters(
            command=str(demo.installed.program), args=["mcp"], env=env, cwd=demo.installed.home
        )
        async with asyncio.timeout(START_S), Client(stdio_client(command)) as client:
            result = await client.call_tool("list_axes", {})
            assert not result.is_error
            assert result.structured_content["axes"]

    loops.run(conversation())
