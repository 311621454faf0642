"""A database that is away or locked is 503 with Retry-After on pages and API, never a 500 or a traceback."""

import pytest
from django.db import OperationalError
from django.test import Client
from pytest_django.fixtures import Settings

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def away(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object, **more: object) -> None:
        raise OperationalError("server closed the connection unexpectedly")

    settings.PUBLIC_READ = True
    for name in ("page", "stream", "get", "tail"):
        monkeypatch.setattr(f"enhancelog.queries.entries.{name}", fail)


@pytest.mark.parametrize("address", ["/rejections/", "/search/", "/entries/h-1"])
def test_page_says_that_it_is_not_available(client: Client, address: str) -> None:
    response = client.get(address)
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "1"
    assert b"is not available right now" in response.content
    assert b"closed the connection" not in response.content


@pytest.mark.parametrize("query", ["", "?page_size=1", "?after=0", "/h-1"])
def test_api_answers_a_problem(client: Client, query: str) -> None:
    response = client.get(f"/v1/enhance/log{query}")
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "1"
    assert response.headers["Content-Type"] == "application/problem+json"
