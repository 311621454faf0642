"""``enhancelog``, to which the installed server adds its commands."""

import re
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from django.core.management import get_commands

from enhancelog import __main__, __version__
from enhancelog.agents import added_commands, cli
from enhancelog.management.command_line import GROUP
from tests.processes import ROOT, environment


class Distribution:
    name = "enhancelog-server"

    def __init__(self, version: str) -> None:
        self.version = version


class Declared(EntryPoint):
    """An entry point of a distribution that need not be installed."""

    def of(self, version: str) -> "Declared":
        vars(self)["dist"] = Distribution(version)
        return self


def declare(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    found = Declared("server", f"{__name__}:ADDED", added_commands.ENTRY_POINTS).of(version)
    monkeypatch.setattr(added_commands, "entry_points", lambda group: [found])


def record(arguments: Sequence[str]) -> int:
    print("ran", *arguments)
    return 7


ADDED = added_commands.CommandGroup("server commands", {"serve": "Serve.", "flush": "Empty the log."}, record)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> None:
    declare(monkeypatch, __version__)


@pytest.fixture
def no_clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(added_commands, "_ROOT", tmp_path)


def start(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["enhancelog", *arguments])
    try:
        return __main__.main()
    except SystemExit as end:
        return int(end.code or 0)


def names_of_the_client(capsys: pytest.CaptureFixture[str]) -> set[str]:
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    commands = capsys.readouterr().out.partition("positional arguments:")[2].partition("options:")[0]
    return set(re.findall(r"^    (\w+)", commands, re.MULTILINE))


@pytest.mark.parametrize("arguments", [["serve"], ["--help"]])
def test_a_server_without_what_it_needs_is_told_in_a_line(
    arguments: list[str], server: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def load(self: EntryPoint) -> None:
        raise ModuleNotFoundError("No module named 'django'", name="django")

    monkeypatch.setattr(EntryPoint, "load", load)
    start(monkeypatch, *arguments)
    output = capsys.readouterr()
    assert "the server lacks django; run: pip install enhancelog-server" in output.out + output.err


def test_the_client_knows_its_own_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert names_of_the_client(capsys) == added_commands.CLIENT


def test_only_flush_has_the_name_of_a_server_command() -> None:
    assert added_commands.CLIENT & set(get_commands()) == {"flush"}


def test_every_command_of_ours_is_listed_but_those_for_developers() -> None:
    ours = {name for name, app in get_commands().items() if app in ("enhancelog", "content")}
    assert ours - GROUP.shown.keys() == {"flush", "write_openapi"}
    assert GROUP.shown.keys() <= set(get_commands())
    assert not GROUP.shown.keys() & added_commands.CLIENT


@pytest.mark.usefixtures("server")
def test_what_is_not_the_clients_is_the_servers(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert start(monkeypatch, "serve", "--demo") == 7
    assert capsys.readouterr().out == "ran serve --demo\n"
    assert start(monkeypatch, "help", "serve") == 7
    assert capsys.readouterr().out == "ran serve --help\n"


@pytest.mark.usefixtures("server")
def test_the_client_has_precedence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert start(monkeypatch, "flush", "--spool", str(tmp_path / "spool")) == 2
    assert capsys.readouterr() == ("", f"enhancelog: there is no spool {tmp_path / 'spool'}\n")


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("argument", ["--help", "help"])
def test_help_lists_both(argument: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert start(monkeypatch, argument) == 0
    shown = capsys.readouterr().out
    assert "Store entries from JSON" in shown
    assert "\nserver commands:\n  serve  Serve.\n" in shown


@pytest.mark.usefixtures("no_clone")
def test_without_the_server_one_line_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert start(monkeypatch, "serve") == 2
    assert capsys.readouterr().err == (
        'enhancelog: the client has no command "serve"; for the server\'s, run: pip install enhancelog-server\n'
    )
    assert start(monkeypatch, "--help") == 0
    assert "run: pip install enhancelog-server" in capsys.readouterr().out


def test_a_clone_has_them_in_manage_py(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert start(monkeypatch, "serve\n") == 2
    assert capsys.readouterr().err == (
        'enhancelog: the client has no command "serve\\n"; in this clone, the server\'s commands are:'
        " python3 manage.py serve\\n\n"
    )


def test_two_releases_are_not_mixed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    declare(monkeypatch, "0.0.9")
    assert start(monkeypatch, "serve") == 2
    said = capsys.readouterr().err
    assert said.startswith("enhancelog: enhancelog-server 0.0.9 needs its own release of enhancelog, but this is ")
    assert said.endswith("; run: pip install --upgrade enhancelog-server\n")
    assert start(monkeypatch, "--help") == 0
    assert "enhancelog-server 0.0.9 needs" in capsys.readouterr().out


def test_commands_for_developers_are_refused_where_it_is_installed(capsys: pytest.CaptureFixture[str]) -> None:
    assert GROUP.run(["write_openapi"]) == 2
    assert capsys.readouterr().err == (
        "enhancelog: write_openapi is for developers, in a clone: python3 manage.py write_openapi\n"
    )


def test_the_installed_server_has_its_own_settings_whatever_the_environment_names(tmp_path: Path) -> None:
    code = "import sys; from enhancelog.management.command_line import GROUP; sys.exit(GROUP.run(['diffsettings']))"
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment(tmp_path, DJANGO_SETTINGS_MODULE="another_project.settings"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "enhancelog" in ran.stdout
