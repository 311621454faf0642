"""The content store on every backend: in memory, and in the database that this run is about."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client
from pytest_django.fixtures import Settings

from content.store import ContentStore, Item, open_store
from content.store.memory import InMemoryContentStore
from enhancelog.client.async_content_store import AsyncHttpContentStore
from enhancelog.client.content_store import HttpContentStore
from enhancelog.domain.origin import Origin
from tests.client.blocking import Blocking

AGENT = Origin("token", "agent-7", "api")

InThreads = Callable[[int, Callable[[], object]], list[object]]
"""Run something in that many threads at once; what each returned or raised."""


class _OverHttp(HttpContentStore):
    """The API tells no history, the suite asks for it."""

    def history(self, story_id: str, kind: str) -> list[Item]:
        return open_store(AGENT).history(story_id, kind)


class _OverAsyncHttp(Blocking):
    def history(self, story_id: str, kind: str) -> list[Item]:
        return open_store(AGENT).history(story_id, kind)


OVER_HTTP = [pytest.mark.django_db(transaction=True), pytest.mark.once]


@pytest.fixture(
    params=[
        "in-memory",
        pytest.param("database", marks=pytest.mark.django_db(transaction=True)),
        pytest.param("http", marks=OVER_HTTP),
        pytest.param("http-async", marks=OVER_HTTP),
    ]
)
def store(request: pytest.FixtureRequest) -> ContentStore:
    """An empty store; in the database for real, so that threads see one another's commits."""
    if request.param == "in-memory":
        return InMemoryContentStore(AGENT)
    if request.param in ("http", "http-async"):
        request.getfixturevalue("live_api")
        return _OverHttp() if request.param == "http" else _OverAsyncHttp(AsyncHttpContentStore())
    return open_store(AGENT)


@pytest.fixture
def public_read(settings: Settings) -> None:
    settings.PUBLIC_READ = True


@pytest.fixture
def admin(db: None) -> Client:
    """Signed in as ada, who is staff."""
    client = Client()
    client.force_login(User.objects.create_user("ada", password="x", is_staff=True))
    return client


@pytest.fixture
def agent(db: None) -> Client:
    """Staff; an error is a response."""
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.create_user("ada", password="x", is_staff=True))
    return client


@pytest.fixture
def in_threads() -> InThreads:
    def run(count: int, work: Callable[[], object]) -> list[object]:
        barrier = Barrier(count, timeout=60)

        def one() -> object:
            barrier.wait()
            try:
                return work()
            except Exception as error:
                return error
            finally:
                connections.close_all()

        with ThreadPoolExecutor(count) as pool:
            return [future.result() for future in [pool.submit(one) for _ in range(count)]]

    return run
