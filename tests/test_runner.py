"""``manage.py test``: two sessions, one verdict, nothing of the caller's environment, no server left behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from django.conf import settings

from tests import __main__ as runner
from tests import postgres
from tests.conftest import _slow_first
from tests.processes import ROOT, environment
from tests.waiting import wait_for


@pytest.mark.parametrize(
    ("codes", "verdict"), [([0, 0], 0), ([0, 5], 0), ([5, 0], 0), ([5, 5], 5), ([1, 0], 1), ([0, 1], 1), ([5, 2], 2)]
)
def test_verdict_is_good_only_when_both_sessions_are(codes: list[int], verdict: int) -> None:
    assert runner._verdict(codes) == verdict


def test_help_lists_our_options_and_then_those_of_pytest_once() -> None:
    command = [sys.executable, "-m", "tests", "--help"]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    ours, _, others = shown.partition("All other options are pytest's:")
    assert "--database {sqlite,postgresql}" in ours
    assert "--set-up-only" in ours
    assert others.count("--maxfail") == shown.count("--maxfail") > 0
    assert shown.count("usage: python -m pytest") == 1


def test_coverage_is_measured_in_the_first_session() -> None:
    assert runner._covered(["-x", "--cov", "--cov-report=term"], first=True) == ["-x", "--cov", "--cov-report=term"]
    assert runner._covered(["-x", "--cov", "--cov-report=term"], first=False) == ["-x"]


def test_callers_environment_reaches_no_setting(tmp_path: Path) -> None:
    given = {"ENHANCELOG_PUBLIC_READ": "perhaps", "DATABASE_URL": "sqlite:////nowhere/at/all.sqlite3"}
    script = "from django.conf import settings; print(settings.PUBLIC_READ, settings.DATABASES['default']['NAME'])"
    env = environment(
        Path("/nowhere"), DJANGO_SETTINGS_MODULE="tests.settings", ENHANCELOG_TEST_DATA_DIR=str(tmp_path), **given
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("False ")
    assert "nowhere" not in done.stdout


def test_data_folder_is_not_the_projects() -> None:
    assert not settings.DATA_DIR.is_relative_to(ROOT)


def test_given_database_is_used_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENHANCELOG_TEST_DATABASE_URL", "postgresql://somewhere/else")
    with postgres.server() as url:
        assert url == "postgresql://somewhere/else"


def test_no_postgresql_is_one_line_and_no_success(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def none() -> Path:
        raise postgres.NoPostgres("no PostgreSQL")

    monkeypatch.delenv("ENHANCELOG_TEST_DATABASE_URL", raising=False)
    monkeypatch.setattr(postgres, "binaries", none)
    assert runner.main(["--database", "postgresql"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("chosen", "collected"), [([], 0), (["--heavy"], 2), (["-m", "heavy"], 2), (["-m", "not slow"], 0)]
)
def test_heavy_tests_run_only_if_asked_for(chosen: list[str], collected: int) -> None:
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-n", "0", *chosen]
    done = subprocess.run([*command, "tests/api/test_generated_clients.py"], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.count("::test_") == collected


def test_modules_with_slow_tests_begin_each_workers_share_and_stay_together() -> None:
    items: list[Any] = [Item(Path(name), name.isupper()) for name in "aaBBccCCddDDee"]
    dealt = "".join(item.path.name for item in _slow_first(items, 2))
    assert (dealt[:7], dealt[7:]) == ("BBDDaac", "CCcddee")
    assert "".join(item.path.name for item in _slow_first(items, 1)) == "BBCCDDaaccddee"


class Item(NamedTuple):
    path: Path
    slow: bool

    def get_closest_marker(self, name: str) -> bool:
        return name == "slow" and self.slow


@pytest.mark.slow
@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGKILL])
def test_server_ends_with_whoever_started_it(sent: signal.Signals) -> None:
    script = (
        "import time; from tests.postgres import server\n"
        "with server() as url: print(url.partition('=')[2], flush=True); time.sleep(60)"
    )
    env = {name: value for name, value in os.environ.items() if name != "ENHANCELOG_TEST_DATABASE_URL"}
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout
        folder = owner.stdout.readline().strip()
        assert servers_in(folder)
        owner.send_signal(sent)
    wait_for(lambda: not servers_in(folder))
    subprocess.run(["rm", "-rf", folder], check=True)


def servers_in(folder: str) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if words[0].endswith(b"/postgres") and folder.encode() in words:
            found.append(path.parent.name)
    return found
