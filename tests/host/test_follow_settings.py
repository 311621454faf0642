"""Following a host observes its settings, version and flow: each change once, and never a secret."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from enhancelog.host.follow import Follower
from enhancelog.host.log_http import MAX_VERSION, Upstream, parse_url
from enhancelog.models import Observation
from enhancelog.queries.markers import observations
from tests.host.test_follow import Heard
from tests.upstream import DOCTOR, Answer, Host, running

pytestmark = pytest.mark.django_db

SETTINGS = "/v1/enhance-settings"
SECRET = "s3cr3t"


@pytest.fixture
def host(settings: Settings, tmp_path: Path) -> Iterator[Host]:
    settings.DATA_DIR = tmp_path
    with running() as host:
        tell(host)
        yield host


def tell(host: Host, **changes: Any) -> None:
    """Its settings, from now on."""
    body = {
        "id": "default",
        "blueprint_id": "enhance-team",
        "verifier_axes": ["des"],
        "ttl_secs": 3,
        "spawner": {"name": "patch-spawner", "spec": {"token": SECRET}},
    }
    host.answers[SETTINGS] = Answer(b'["default", ".."]')
    host.answers[f"{SETTINGS}/default"] = Answer(json.dumps(body | changes).encode())


def say(host: Host, **changes: Any) -> None:
    """What its doctor answers, from now on."""
    host.answers[DOCTOR] = Answer(json.dumps(json.loads(host.answers[DOCTOR].body) | changes).encode())


def poll(host: Host) -> Heard:
    heard = Heard()
    Follower(Upstream(parse_url(host.url)), "host", 1 << 20, heard).poll()
    return heard


def observed() -> list[tuple[str, str, str]]:
    return list(Observation.objects.order_by("id").values_list("kind", "name", "value"))


def test_settings_and_version_are_observed_once(host: Host) -> None:
    assert poll(host).troubles == []
    first = [
        ("axes", "default", '["des"]'),
        ("ttl_s", "default", "3"),
        ("spawner", "default", "patch-spawner"),
        ("host_version", "", "0.32.1"),
    ]
    assert observed() == first
    poll(host)
    assert observed() == first
    assert not list(observations.markers())


def test_a_change_is_a_marker(host: Host) -> None:
    poll(host)
    tell(host, verifier_axes=["des", "secrets"])
    say(host, server_version="0.33.0" + "x" * 1000)
    poll(host)
    assert {marker.title[:40] for marker in observations.markers()} == {
        "Axes switched on: secrets",
        "Host version 0.33.0xxxxxxxxxxxxxxxxxxxxx",
    }
    assert max(len(value) for _, _, value in observed()) <= MAX_VERSION


def test_another_version_of_the_flow_is_a_marker(host: Host) -> None:
    names = json.loads(host.answers[DOCTOR].body)["registered_blueprint_ids"]
    head = json.loads(host.answers["/v1/blueprints/main/head"].body)
    path = "/v1/blueprints/enhance-team/head"
    assert "enhance-team" in names
    host.answers[path] = Answer(json.dumps(head | {"id": "enhance-team"}).encode())
    poll(host)
    before, _, numbers = head["version"].partition("[")
    first, _, others = numbers.partition(",")
    changed = f"{before}[{(int(first) + 1) % 256},{others}"
    host.answers[path] = Answer(json.dumps(head | {"id": "enhance-team", "version": changed}).encode())
    poll(host)
    assert [marker.title for marker in observations.markers()] == ["Flow enhance-team has another version"]


def test_no_secret_is_kept_or_said(host: Host) -> None:
    poll(host)
    host.answers[f"{SETTINGS}/default"] = Answer(f'{{"ttl_secs": "{SECRET}"}}'.encode())
    heard = poll(host)
    assert [trouble.partition(": ")[2] for trouble in heard.troubles] == ["the settings default are malformed"]
    assert SECRET not in f"{observed()} {heard.troubles}"


@pytest.mark.parametrize("gone", [SETTINGS, f"{SETTINGS}/default", DOCTOR])
def test_a_host_without_them_is_followed_too(host: Host, gone: str) -> None:
    del host.answers[gone]
    heard = poll(host)
    assert (len(heard.ids), heard.troubles) == (len(host.entries), [])
