"""The product's own application behind the front: long polls, large bodies, refusals."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client as Browser
from pytest_django.fixtures import Settings

from enhancelog.accounts import api_tokens
from enhancelog.api import streams_and_polls
from enhancelog.api.concurrency_limits import Slots
from enhancelog.domain import records
from enhancelog.domain.origin import Origin
from enhancelog.models import Session
from enhancelog.server.bodies import IN_MEMORY
from enhancelog.server.front import Front
from enhancelog.server.request_limits import treatment_of
from enhancelog.server.utf8_requests import Utf8Handler
from enhancelog.store import group
from enhancelog.store.database import DatabaseEnhanceLogStore
from tests import loops
from tests.factories import make_entry
from tests.server.clients import Client
from tests.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)

LOG = "/v1/enhance/log"
NDJSON = {"Content-Type": "application/x-ndjson"}


@pytest.fixture
def secret() -> str:
    owner = User.objects.create_user("agents", is_staff=True)
    return api_tokens.make(api_tokens.Wanted("agent-7", api_tokens.SCOPES), owner, made_by="tests")[1]


@pytest.fixture
def run(secret: str, tmp_path: Path) -> Any:
    """Run a coroutine function with a function that sends requests with a token."""

    def run(test: Callable[[Callable[..., Client]], Awaitable[Any]]) -> Any:
        async def inside() -> Any:
            front = Front(Utf8Handler(), 4, treatment_of, tmp_path, 1 << 30)

            def send(method: str, path: str, query: str = "", **headers: str) -> Client:
                return Client(
                    front, method, path, {"Host": "127.0.0.1", "Authorization": f"Bearer {secret}"} | headers, query
                )

            try:
                return await test(send)
            finally:
                for pool in (*front.pools.values(), front.polls.pool):
                    _close_connections(pool)

        return loops.run(inside())

    yield run
    group.drain()


def _close_connections(pool: ThreadPoolExecutor) -> None:
    """Of all threads of the pool, so that the database can be dropped."""
    threads = len(pool._threads)
    gathered = [pool.submit(connections.close_all) for _ in range(4 * threads)]
    for future in gathered:
        future.result()
    pool.shutdown()


def append(issue_id: str) -> None:
    DatabaseEnhanceLogStore(Origin("command", "test", "api")).append(make_entry(issue_id=issue_id, intent=issue_id))


def test_long_poll_answers_when_an_entry_comes(run: Any) -> None:
    async def ask(send: Callable[..., Client]) -> Client:
        poll = send("GET", LOG, "after=0&wait=20")
        await asyncio.sleep(0.3)
        assert poll.sent == []
        await asyncio.to_thread(append, "awaited")
        return await poll.ended()

    assert [entry["issue_id"] for entry in json.loads(run(ask).content)] == ["awaited"]


def test_long_poll_ends_empty_and_is_one_line_of_the_log(run: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def ask(send: Callable[..., Client]) -> Client:
        return await send("GET", LOG, "after=0&wait=1").ended()

    with caplog.at_level(logging.INFO, "enhancelog.request"):
        client = run(ask)
    assert json.loads(client.content) == []
    (line,) = [record for record in caplog.records if record.name == "enhancelog.request"]
    assert line.__dict__["ms"] >= 1000


def test_long_poll_beyond_what_may_wait_answers_at_once(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    slots = Slots(1, workers=1)
    monkeypatch.setattr(streams_and_polls, "polls", slots)

    async def ask(send: Callable[..., Client]) -> Client:
        waits = send("GET", LOG, "after=0&wait=30")
        await until(lambda: slots._in_use == 1)
        refused = await send("GET", LOG, "after=0&wait=30").ended()
        assert waits.sent == []
        waits.leave()
        await waits.ended()
        return refused

    assert json.loads(run(ask).content) == []


def test_poll_is_counted_once_against_the_limit(run: Any, settings: Settings) -> None:
    settings.THROTTLE_READ = (2, 3600)

    async def ask(send: Callable[..., Client]) -> list[int]:
        return [(await send("GET", LOG, "after=0&wait=1").ended()).status for _ in range(3)]

    assert run(ask) == [200, 200, 429]


def large_body() -> bytes:
    return b"\n".join(records.encode(make_entry(issue_id=f"e{n}", intent="x" * 10_000)) for n in range(100))


def test_large_body_is_stored_whole_and_counted_once(run: Any, settings: Settings) -> None:
    settings.THROTTLE_BULK = (2, 3600)
    body = large_body()
    assert len(body) > IN_MEMORY

    async def ask(send: Callable[..., Client]) -> list[Client]:
        headers = NDJSON | {"Content-Length": str(len(body))}
        return [await send("POST", LOG, **headers).body(body).ended() for _ in range(3)]

    clients = run(ask)
    assert [client.status for client in clients] == [200, 200, 429]
    results = [[json.loads(line)["result"] for line in client.content.splitlines()] for client in clients[:2]]
    assert results == [["created"] * 100, ["identical"] * 100]


@pytest.mark.parametrize("size", [10, 2 * IN_MEMORY], ids=["in memory", "in a file"])
def test_an_id_is_the_same_whatever_the_size_of_the_body(run: Any, size: int) -> None:
    body = json.dumps({"value": "x" * size}).encode()

    async def ask(send: Callable[..., Client]) -> Client:
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body))}
        return await send("PUT", "/v1/content/kinds/story/%C3%A9%20%23", **headers).body(body).ended()

    client = run(ask)
    assert client.status == 201
    assert json.loads(client.content)["story_id"] == "é #"


def test_a_large_body_through_a_proxy_stays_what_the_proxy_says(run: Any, settings: Settings) -> None:
    settings.TRUSTED_PROXIES = [ip_network("192.0.2.0/24")]
    settings.SECURE_SSL_REDIRECT = True
    body = large_body()

    async def ask(send: Callable[..., Client]) -> Client:
        forwarded = {"X-Forwarded-For": "198.51.100.7", "X-Forwarded-Proto": "https"}
        headers = NDJSON | {"Content-Length": str(len(body))} | forwarded
        return await send("POST", LOG, **headers).body(body).ended()

    assert run(ask).status == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": "Bearer enh_wrong"}, 401),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Length": str(1 << 40)}, 413),
    ],
    ids=["no token", "type", "size"],
)
def test_large_body_is_not_received_for_a_request_that_is_refused_anyway(
    run: Any, headers: dict[str, str], status: int
) -> None:
    async def ask(send: Callable[..., Client]) -> Client:
        return await send("POST", LOG, **NDJSON | {"Content-Length": "900000"} | headers).ended()

    assert run(ask).status == status


def test_form_beyond_64_kb_is_413_and_says_the_limit(run: Any) -> None:
    async def ask(send: Callable[..., Client]) -> Client:
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Content-Length": "70000"}
        return await send("POST", "/account/sign-in", **headers).ended()

    client = run(ask)
    assert client.status == 413
    assert b"65,536 bytes" in client.content
    assert (b"connection", b"close") in client.sent[0]["headers"]


def test_content_editor_has_a_limit_of_its_own(run: Any) -> None:
    assert treatment_of("POST", "/content/edit/story/S-1").limits.max_bytes > 3 << 20
    assert treatment_of("POST", "/account/sign-in").limits.max_bytes == 64 << 10


@pytest.mark.parametrize(
    "content_type",
    [
        *(f"application/json; charset={name}" for name in ("idna", "zip", "rot13", "undefined", "punycode", "utf-16")),
        "application/json; name*=idna''%ff",
        "application/json; name*=punycode''%ff",
    ],
)
def test_a_charset_does_not_change_how_an_address_is_read(run: Any, content_type: str) -> None:
    append("für")

    async def ask(send: Callable[..., Client]) -> list[Client]:
        headers = {"Content-Type": content_type}
        found = await send("GET", LOG, "text=f%C3%BCr", **headers).ended()
        refused = await send("POST", LOG, "text=%FF", **headers, **{"Content-Length": "2"}).body(b"{}").ended()
        return [found, refused]

    found, refused = run(ask)
    assert [entry["issue_id"] for entry in json.loads(found.content)] == ["für"]
    assert (refused.status, json.loads(refused.content)["status"]) == (415, 415)


def test_a_poll_of_a_session_that_was_ended_is_refused_when_it_ends(run: Any, settings: Settings) -> None:
    browser = Browser()
    browser.force_login(User.objects.create_user("ada"))
    key = browser.cookies[settings.SESSION_COOKIE_NAME].value

    async def ask(send: Callable[..., Client]) -> Client:
        session = {"Cookie": f"{settings.SESSION_COOKIE_NAME}={key}", "Authorization": "Basic x"}
        poll = send("GET", LOG, "after=0&wait=2", **session)
        await asyncio.sleep(0.5)
        assert poll.sent == []
        await asyncio.to_thread(Session.objects.all().delete)
        return await poll.ended()

    assert run(ask).status == 401
