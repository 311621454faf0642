"""The receiver of docs/alerts.md, exactly as it stands there, verifies what is sent to it."""

import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from typing import Any

import pytest

from tests.alerts.outboxes import SECRET, make_alert, make_delivery, run_until_idle, states
from tests.processes import ROOT, free_port
from tests.waiting import wait_for

pytestmark = [pytest.mark.django_db, pytest.mark.once]

MOST_LINES = 20  # with something in them


def documented() -> str:
    (found,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "alerts.md").read_text(), re.DOTALL)
    return str(found)


def post(port: int, **headers: str) -> int:
    request = urllib.request.Request(f"http://127.0.0.1:{port}/", b"{}", headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def test_documented_receiver_takes_our_messages_and_no_others(settings: Any) -> None:
    assert sum(bool(line) for line in documented().splitlines()) <= MOST_LINES
    settings.WEBHOOK_ALLOW = frozenset({("127.0.0.1", None)})
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-c", documented()],
        env={**os.environ, "SECRET": SECRET, "PORT": str(port)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        wait_for(lambda: post(port) == 401)
        alert = make_alert(f"http://127.0.0.1:{port}/")
        make_delivery(alert, data={"pattern": "8e1f"})
        run_until_idle()
        assert states(alert) == ["delivered"]
    finally:
        process.terminate()
        out, _ = process.communicate(timeout=30)
    assert out == "pattern.new {'pattern': '8e1f'}\n"
