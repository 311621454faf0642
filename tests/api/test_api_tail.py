"""The tail of the log: ``after`` reads in position order. How ``wait`` waits is in ``tests/server``."""

import json
from typing import Any

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from enhancelog.api import lists, streams_and_polls
from enhancelog.api.concurrency_limits import Slots
from enhancelog.domain.origin import Origin
from enhancelog.domain.records import Entry
from enhancelog.queries import entries
from enhancelog.store.database import DatabaseEnhanceLogStore
from tests.factories import make_entry

LOG = "/v1/enhance/log"


@pytest.fixture(autouse=True)
def public_read(settings: Settings) -> None:
    settings.PUBLIC_READ = True


def store(*entries: Entry) -> None:
    DatabaseEnhanceLogStore(Origin("command", "test", "api")).append_batch(entries)


def ids(response: Any) -> list[str]:
    return [entry["issue_id"] for entry in json.loads(response.content)]


def following(response: Any) -> str:
    link = response.headers["Link"]
    assert link.endswith('; rel="next"')
    return str(link[1 : link.index(">")])


@pytest.mark.django_db
def test_tail_is_in_position_order_whatever_the_times(client: Client) -> None:
    store(make_entry(issue_id="a", ts_ms=9), make_entry(issue_id="b", ts_ms=1), make_entry(issue_id="c", ts_ms=5))
    first = client.get(f"{LOG}?after=0&page_size=2")
    assert ids(first) == ["a", "b"]
    assert ids(client.get(following(first))) == ["c"]


@pytest.mark.django_db
def test_tail_always_says_where_to_go_on(client: Client) -> None:
    empty = client.get(f"{LOG}?after=0")
    assert ids(empty) == []
    store(make_entry(issue_id="a"))
    last = client.get(following(empty))
    assert ids(last) == ["a"]
    assert ids(client.get(following(last))) == []
    assert following(client.get(f"{LOG}?after=99")) == f"{LOG}?after=99"


@pytest.mark.django_db
def test_filtered_tail_passes_by_what_does_not_match(client: Client) -> None:
    store(*(make_entry(issue_id=str(number), blueprint_id="main" if number == 3 else "other") for number in range(6)))
    first = client.get(f"{LOG}?after=0&blueprint_id=main")
    assert ids(first) == ["3"]
    assert "after=6" in following(first)


@pytest.mark.django_db
@pytest.mark.parametrize("query", ["after=-1", "after=x", "after=", "after=9223372036854775808", "after=0&wait=31"])
def test_bad_position_or_wait_is_400(client: Client, query: str) -> None:
    assert client.get(f"{LOG}?{query}").status_code == 400


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("after=0&order=desc", "order"),
        ("after=0&order=asc", "order"),
        ("after=0&cursor=x", "cursor"),
        ("wait=5", "wait"),
        ("wait=0&page_size=1", "wait"),
    ],
)
def test_parameters_that_the_tail_cannot_use_are_400_and_named(client: Client, query: str, name: str) -> None:
    answer = client.get(f"{LOG}?{query}")
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [name]


@pytest.mark.django_db
def test_tail_returns_entries_that_time_bounds_leave_out(client: Client) -> None:
    store(make_entry(issue_id="broken clock", ts_ms=-1), make_entry(issue_id="far future", ts_ms=2**62))
    for bound in ("since=0", "until=2100-01-01", "period=90d", "not_since=2100-01-01"):
        assert ids(client.get(f"{LOG}?page_size=9&{bound}")) == []
    assert ids(client.get(f"{LOG}?after=0")) == ["broken clock", "far future"]


@pytest.mark.django_db
def test_server_that_cannot_wait_answers_a_long_poll_at_once(client: Client) -> None:
    assert ids(client.get(f"{LOG}?after=0&wait=30")) == []


@pytest.mark.django_db(transaction=True)
def test_without_a_free_slot_a_stream_is_503(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams_and_polls, "streams", Slots(1, workers=1))
    monkeypatch.setattr(entries, "FIRST_CHUNK", 2)
    store(*(make_entry(issue_id=str(number)) for number in range(5)))
    stream = client.get(LOG)
    assert stream.status_code == 200
    refused = client.get(LOG)
    assert refused.status_code == 503
    assert refused.headers["Retry-After"] == "1"
    assert len(json.loads(b"".join(stream))) == 5
    stream.close()
    assert client.get(LOG).status_code == 200


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("query", ["page_size=2", "after=0&page_size=2"])
def test_without_a_free_slot_a_page_is_503_and_links_to_no_next_one(
    client: Client, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    monkeypatch.setattr(lists, "LARGE_BYTES", 10)
    monkeypatch.setattr(streams_and_polls, "streams", Slots(1, workers=1))
    store(*(make_entry(issue_id=str(number)) for number in range(5)))
    stream = client.get(f"{LOG}?{query}")
    assert "Link" in stream.headers
    refused = client.get(f"{LOG}?{query}")
    assert refused.status_code == 503
    assert "Link" not in refused.headers
    stream.close()
