"""What an engine host answered, asked again of the demo log: status, content type and body are the same."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from pytest_django.fixtures import Settings

ROOT = Path(__file__).resolve().parent.parent.parent
RECORDED = [
    exchange
    for exchange in json.loads((ROOT / "tests/samples/http.json").read_text())
    if exchange["path"].startswith("/v1/enhance/log")
]


@pytest.fixture
def demo(db: None, settings: Settings) -> None:
    settings.PUBLIC_READ = True
    call_command("import_log", str(ROOT / "enhancelog/demo/enhance_log.db"), "--source", "demo")


def name(exchange: dict[str, Any]) -> str:
    return str(exchange["path"])


@pytest.mark.usefixtures("demo")
def test_every_recorded_log_request_is_answered_alike(client: Client) -> None:
    assert len(RECORDED) == 10
    for exchange in RECORDED:
        response = client.get(exchange["path"])
        assert response.status_code == exchange["status"], name(exchange)
        assert response.headers.get("Content-Type") == exchange["headers"].get("content-type"), name(exchange)
        body = b"".join(response) if response.streaming else response.content
        assert body.decode() == exchange["body"], name(exchange)
