"""The docs say that nothing leaves the machine. So a server and a browser miss nothing where nothing can."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from tests.processes import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.once, pytest.mark.heavy, pytest.mark.timeout(1200)]

SENTENCE: Final = (
    "Nothing leaves the machine unless you configure it: there is no telemetry, no check for updates, and pages load "
    "nothing from other servers."
)
LONGEST_S: Final = 1150  # on a machine that is busy


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What happened in a network namespace with nothing but a loopback device. It never skips."""
    alone = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--net"]
    done = subprocess.run(
        [*alone, sys.executable, "-m", "tests.offline", str(tmp_path_factory.mktemp("offline"))],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        timeout=LONGEST_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_the_server_tries_to_reach_nobody(offline: dict[str, Any]) -> None:
    assert offline["is_counted"]
    assert offline["of_server"] == 0


def test_pages_ask_only_their_own_server(offline: dict[str, Any]) -> None:
    assert len(offline["visited"]) > 50
    assert offline["elsewhere"] == []


def test_nothing_is_missing(offline: dict[str, Any]) -> None:
    assert offline["failed"] == []
    assert offline["console"] == []


def test_the_docs_say_so() -> None:
    text = Path(ROOT, "docs", "operations.md").read_text()
    section = text.partition("## What leaves the machine\n")[2].partition("\n## ")[0]
    assert SENTENCE in " ".join(section.split())
