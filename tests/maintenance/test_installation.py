"""Where an installed server keeps its data."""

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from enhancelog.settings import installation
from tests.processes import ROOT


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation, "IS_INSTALLED", True)
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)


def test_a_clone_keeps_its_data_to_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "/srv/data")
    assert installation.default_data_dir() == ROOT / "var"
    assert installation.PROGRAM == "python3 manage.py"


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, "/home/ada/.local/share/enhancelog"),
        ("", "/home/ada/.local/share/enhancelog"),
        ("data", "/home/ada/.local/share/enhancelog"),  # relative paths do not count
        ("/srv/data", "/srv/data/enhancelog"),
    ],
)
def test_an_installed_server_follows_the_xdg_specification(
    given: str | None, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if given is not None:
        monkeypatch.setenv("XDG_DATA_HOME", given)
    assert installation.default_data_dir() == Path(expected)


@pytest.mark.usefixtures("installed")
def test_a_user_without_home_must_choose(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", no_home)
    with pytest.raises(ImproperlyConfigured, match="ENHANCELOG_DATA_DIR: must be set"):
        installation.default_data_dir()
