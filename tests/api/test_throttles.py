"""Too many requests are 429 with the time to wait, counted per client, act and worker."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from pytest_django.fixtures import Settings

from enhancelog import settings as configured
from enhancelog.accounts import api_tokens
from enhancelog.api import throttles
from enhancelog.api.throttles import Allowances
from tests.factories import make_fields

LOG = "/v1/enhance/log"


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def granted(allowances: Allowances, tries: int, requests: float, period_s: float, who: str = "a") -> int:
    return sum(not allowances.wait_s(("read", "user", who), requests, period_s) for _ in range(tries))


def test_an_idle_client_may_use_its_whole_share_at_once(clock: Clock) -> None:
    allowances = Allowances(clock)
    assert granted(allowances, 200, 60, 60) == 60
    clock.now_s = 10
    assert granted(allowances, 200, 60, 60) == 10
    clock.now_s = 1000
    assert granted(allowances, 200, 60, 60) == 60


def test_after_the_wait_that_was_told_one_request_is_let_through(clock: Clock) -> None:
    allowances = Allowances(clock)
    key: throttles.Key = ("read", "user", "a")
    while not (wait_s := allowances.wait_s(key, 7, 60)):
        pass
    clock.now_s = wait_s
    assert allowances.wait_s(key, 7, 60) == 0
    assert allowances.wait_s(key, 7, 60) > 0


def test_a_share_below_one_request_is_rarer_but_not_nothing(clock: Clock) -> None:
    allowances = Allowances(clock)
    assert granted(allowances, 5, 0.5, 60) == 1
    clock.now_s = 60
    assert granted(allowances, 5, 0.5, 60) == 0
    clock.now_s = 120
    assert granted(allowances, 5, 0.5, 60) == 1


def test_clients_do_not_take_from_each_other(clock: Clock) -> None:
    allowances = Allowances(clock)
    assert granted(allowances, 9, 5, 60, "a") == granted(allowances, 9, 5, 60, "b") == 5


def test_a_flood_of_strangers_takes_bounded_memory(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttles, "MAX_KEYS", 50)
    allowances = Allowances(clock)
    for number in range(500):
        allowances.wait_s(("read", "address", number), 5, 60)
    assert len(allowances.whole_at) <= 50


@pytest.mark.parametrize(
    ("text", "rate"),
    [("6000/min", (6000, 60)), ("60/s", (60, 1)), ("5/h", (5, 3600)), ("off", None), ("OFF", None), (" ", (7, 60))],
)
def test_rates_are_read(text: str, rate: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENHANCELOG_THROTTLE_APPEND", text)
    assert configured._rate("ENHANCELOG_THROTTLE_APPEND", "7/min") == rate


@pytest.mark.parametrize(
    "text", ["6000", "0/min", "-1/min", "1.5/s", "6/day", "6/", "/s", "6 /min", "٦/min", "9" * 5000 + "/s", "6/min/min"]
)
def test_a_rate_that_cannot_be_read_stops_the_start(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENHANCELOG_THROTTLE_APPEND", text)
    with pytest.raises(ImproperlyConfigured, match=r"^ENHANCELOG_THROTTLE_APPEND: "):
        configured._rate("ENHANCELOG_THROTTLE_APPEND", "7/min")


def bearer(name: str) -> dict[str, str]:
    owner, _ = User.objects.get_or_create(username="ada", is_staff=True)
    _, secret = api_tokens.make(api_tokens.Wanted(name, api_tokens.SCOPES), owner, made_by="test")
    return {"Authorization": f"Bearer {secret}"}


def append(client: Client, headers: dict[str, str], issue_id: str, **changes: Any) -> Any:
    body = json.dumps(make_fields(issue_id=issue_id, **changes))
    return client.post(LOG, body, content_type="application/json", headers=headers)


@pytest.mark.django_db
def test_appends_beyond_the_rate_are_429_and_say_when(client: Client, settings: Settings) -> None:
    settings.THROTTLE_APPEND = (2, 3600)
    one, other = bearer("one"), bearer("other")
    assert [append(client, one, f"h-{number}").status_code for number in range(3)] == [201, 201, 429]
    refused = append(client, one, "h-9")
    assert refused["Content-Type"] == "application/problem+json"
    assert 0 < int(refused["Retry-After"]) <= 1800
    assert append(client, other, "h-5").status_code == 201
    assert client.get(f"{LOG}/h-0", headers=one).status_code == 200


@pytest.mark.django_db
def test_a_worker_grants_its_share(client: Client, settings: Settings) -> None:
    settings.THROTTLE_APPEND = (4, 3600)
    settings.WORKERS = 2
    headers = bearer("one")
    assert [append(client, headers, f"h-{number}").status_code for number in range(3)] == [201, 201, 429]


@pytest.mark.django_db
@pytest.mark.parametrize("content_type", ["application/x-ndjson", "application/json"], ids=["lines", "array"])
def test_bulk_is_counted_for_itself(client: Client, settings: Settings, content_type: str) -> None:
    settings.THROTTLE_BULK = (1, 3600)
    headers = bearer("one")
    line = json.dumps(make_fields())
    body = line if content_type.endswith("ndjson") else f"[{line}]"
    statuses = [client.post(LOG, body, content_type=content_type, headers=headers).status_code for _ in range(2)]
    assert statuses == [200, 429]
    assert append(client, headers, "h-2").status_code == 201


@pytest.mark.django_db
def test_anonymous_reads_are_counted_by_address(client: Client, settings: Settings) -> None:
    settings.PUBLIC_READ = True
    settings.THROTTLE_READ = (1, 3600)
    assert [client.get(LOG).status_code for _ in range(2)] == [200, 429]
    assert client.get(LOG, REMOTE_ADDR="192.0.2.7").status_code == 200
