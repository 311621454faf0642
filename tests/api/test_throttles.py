"""Too many requests are 429 with the time to wait, counted for each client and act by all workers together."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from pytest_django.fixtures import Settings

from enhancelog.accounts import api_tokens
from enhancelog.api import allowances
from enhancelog.api.allowances import Allowances, Key, Rate
from enhancelog.observing import shared_memory
from enhancelog.settings import reading
from tests.factories import make_fields

LOG = "/v1/enhance/log"


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def shared() -> Iterator[int]:
    """The descriptor of memory that all workers of a server count in."""
    path = shared_memory.allocate("tests", allowances.SIZE)
    assert path
    descriptor = os.open(path, os.O_RDWR)
    yield descriptor
    os.close(descriptor)


def granted(counting: Allowances, tries: int, rate: Rate, who: object = "a") -> int:
    return sum(not counting.ask(("read", "user", who), rate).wait_s for _ in range(tries))


def test_an_idle_client_may_use_its_whole_allowance_at_once(clock: Clock) -> None:
    counting = Allowances(clock)
    assert granted(counting, 200, (60, 60)) == 60
    clock.now_s = 10
    assert granted(counting, 200, (60, 60)) == 10
    clock.now_s = 1000
    assert granted(counting, 200, (60, 60)) == 60


def test_after_the_wait_that_was_told_one_request_is_let_through(clock: Clock) -> None:
    counting = Allowances(clock)
    key: Key = ("read", "user", "a")
    while not (wait_s := counting.ask(key, (7, 60)).wait_s):
        pass
    clock.now_s = wait_s
    assert counting.ask(key, (7, 60)).wait_s == 0
    assert counting.ask(key, (7, 60)).wait_s > 0


def test_what_remains_counts_down_and_comes_back(clock: Clock) -> None:
    counting = Allowances(clock)
    key: Key = ("read", "user", "a")
    assert [counting.ask(key, (3, 60)).remaining for _ in range(4)] == [2, 1, 0, 0]
    clock.now_s = 20
    assert counting.ask(key, (3, 60), use=False).remaining == 1
    clock.now_s = 60
    assert counting.ask(key, (3, 60), use=False) == (0, 3, 0)


def test_the_reset_is_that_of_the_whole_allowance_or_of_one_request_if_none_is_left(clock: Clock) -> None:
    counting = Allowances(clock)
    key: Key = ("read", "user", "a")
    resets = [counting.ask(key, (3, 60)).reset_s for _ in range(4)]
    assert resets == pytest.approx([20, 40, 20, 20])


def test_a_process_without_shared_memory_grants_its_share(clock: Clock, settings: Settings) -> None:
    settings.WORKERS = 2
    assert granted(Allowances(clock), 9, (4, 60)) == 2


def test_each_of_several_servers_grants_its_share(clock: Clock, shared: int, settings: Settings) -> None:
    settings.SERVERS = 3
    assert granted(Allowances(clock, shared), 30, (9, 60)) == 3
    settings.WORKERS = 2
    assert granted(Allowances(clock), 30, (12, 60)) == 2


def test_a_share_below_one_request_is_rarer_but_not_nothing(clock: Clock, settings: Settings) -> None:
    settings.WORKERS = 2
    counting = Allowances(clock)
    assert granted(counting, 5, (1, 60)) == 1
    clock.now_s = 60
    assert granted(counting, 5, (1, 60)) == 0
    clock.now_s = 120
    assert granted(counting, 5, (1, 60)) == 1


def test_workers_count_together(clock: Clock, shared: int, settings: Settings) -> None:
    settings.WORKERS = 2
    one, other = Allowances(clock, shared), Allowances(clock, shared)
    assert granted(one, 9, (5, 60)) == 5
    assert granted(other, 9, (5, 60)) == 0
    assert granted(other, 9, (5, 60), "b") == 5


COUNT = """
import os, sys
from enhancelog.api.allowances import Allowances
counting = Allowances(descriptor=int(sys.argv[1]))
print(sum(not counting.ask(("read", "user", "a"), (1000, 3600)).wait_s for _ in range(1000)))
"""


def test_processes_that_count_at_once_lose_nothing(shared: int) -> None:
    command = [sys.executable, "-c", COUNT, str(shared)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, pass_fds=[shared]) for _ in range(3)]
    counts = [int(process.communicate()[0]) for process in running]
    assert sum(counts) == 1000


def test_clients_do_not_take_from_each_other(clock: Clock) -> None:
    counting = Allowances(clock)
    assert granted(counting, 9, (5, 60), "a") == granted(counting, 9, (5, 60), "b") == 5


def test_a_flood_of_strangers_makes_room_for_each_new_one(clock: Clock) -> None:
    counting = Allowances(clock)
    for number in range(40_000):  # more than there are places
        clock.now_s += 0.001
        assert granted(counting, 1, (5, 60), number) == 1
    assert granted(counting, 9, (5, 60), "the last") == 5


@pytest.mark.parametrize(
    ("text", "rate"),
    [("6000/min", (6000, 60)), ("60/s", (60, 1)), ("5/h", (5, 3600)), ("off", None), ("OFF", None), (" ", (7, 60))],
)
def test_rates_are_read(text: str, rate: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENHANCELOG_THROTTLE_APPEND", text)
    assert reading.rate("ENHANCELOG_THROTTLE_APPEND", "7/min") == rate


@pytest.mark.parametrize(
    "text", ["6000", "0/min", "-1/min", "1.5/s", "6/day", "6/", "/s", "6 /min", "٦/min", "9" * 5000 + "/s", "6/min/min"]
)
def test_a_rate_that_cannot_be_read_stops_the_start(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENHANCELOG_THROTTLE_APPEND", text)
    with pytest.raises(ImproperlyConfigured, match=r"^ENHANCELOG_THROTTLE_APPEND: "):
        reading.rate("ENHANCELOG_THROTTLE_APPEND", "7/min")


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
def test_responses_say_what_is_left(client: Client, settings: Settings) -> None:
    settings.THROTTLE_APPEND = (2, 3600)
    headers = bearer("one")
    answers = [append(client, headers, f"h-{number}") for number in range(3)]
    assert [answer["RateLimit-Policy"] for answer in answers] == 3 * ['"append";q=2;w=3600']
    assert answers[0]["RateLimit"] == '"append";r=1;t=1800'
    assert [answer["RateLimit"].partition(";t=")[0] for answer in answers[1:]] == 2 * ['"append";r=0']
    assert answers[2]["RateLimit"].partition(";t=")[2] == answers[2]["Retry-After"]
    assert "RateLimit" not in client.get(f"{LOG}/h-0", headers=headers)


@pytest.mark.django_db
def test_an_array_is_counted_in_two_allowances_and_says_both(client: Client) -> None:
    body = json.dumps([make_fields()])
    answer = client.post(LOG, body, content_type="application/json", headers=bearer("one"))
    assert answer["RateLimit-Policy"] == '"append";q=6000;w=60, "bulk";q=60;w=60'
    assert answer["RateLimit"] == '"append";r=5999;t=1, "bulk";r=59;t=1'


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


@pytest.mark.django_db
def test_mapped_ipv4_clients_are_counted_one_by_one(client: Client, settings: Settings) -> None:
    """As ``--bind [::]`` sees them."""
    settings.PUBLIC_READ = True
    settings.THROTTLE_READ = (1, 3600)
    addresses = ["::ffff:192.0.2.7", "::ffff:192.0.2.8", "192.0.2.7", "2001:db8::1", "2001:db8::2"]
    statuses = [client.get(LOG, REMOTE_ADDR=address).status_code for address in addresses]
    assert statuses == [200, 200, 429, 200, 429]
