"""What HTTP asks of the API: negotiated types, conditions, HEAD, and problems for addresses that lead nowhere."""

import json
from typing import Any

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from content.store import open_store
from enhancelog.api import lists
from enhancelog.domain.origin import Origin
from enhancelog.store import evidence
from enhancelog.store.database import DatabaseEnhanceLogStore
from tests.evidence.logs import KEY
from tests.factories import make_entry

pytestmark = pytest.mark.django_db

LOG = "/v1/enhance/log"
ORIGIN = Origin("command", "test", "api")

# Each responds with an ETag.
TAGGED = [
    f"{LOG}/h-1",
    f"{LOG}?page_size=5",
    f"{LOG}?page_size=5&order=desc&format=csv",
    "/v1/enhance/patterns",
    "/v1/enhance/why?blueprint_id=main",
    "/v1/enhance/patches/h-1",
    "/v1/enhance/unfinished",
    "/v1/evidence/checkpoint",
    "/v1/evidence/keys",
    "/v1/evidence/proofs/h-1",
    "/v1/evidence/consistency?first=1",
    "/v1/evidence/tile/0/000.p/1",
    "/v1/evidence/tile/entries/000.p/1",
    "/v1/openapi.json",
    "/v1/schemas/entry.json",
    "/v1/enhance/entries/h-1",
    f"{LOG}?format=atom",
    "/v1/content?page_size=5",
    "/v1/content?raw=1&page_size=5",
    "/v1/content/stories/S-1",
    "/v1/content/kinds/story/S-1",
]


@pytest.fixture(autouse=True)
def stored(settings: Settings) -> None:
    settings.PUBLIC_READ = True
    DatabaseEnhanceLogStore(ORIGIN).append(make_entry())
    open_store(ORIGIN).write("S-1", "story", "# Title")
    settings.EVIDENCE_KEY = KEY.secret_text
    evidence.step([KEY])


def content_type(response: Any) -> str:
    return str(response.headers["Content-Type"].partition(";")[0])


def is_problem(response: Any, status: int) -> bool:
    body = json.loads(response.content)
    return (response.status_code, content_type(response), body["status"]) == (
        status,
        "application/problem+json",
        status,
    )


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("*/*", "application/json"),
        ("text/*", "text/csv"),
        ("application/*", "application/json"),
        ("application/*;q=0.3, text/csv;q=0.2", "application/json"),
        ("*/*, text/csv;q=0.5", "application/json"),
        ("text/csv, */*", "text/csv"),
        ("*/*;q=0.9, text/*", "text/csv"),
        ("application/x-ndjson;q=0.5, text/csv;q=0.9", "text/csv"),
        ("application/json;q=0.1, application/x-ndjson", "application/x-ndjson"),
        ("application/json;q=0, */*", "application/x-ndjson"),
        ("application/*;q=0, */*;q=0.1", "text/csv"),
        ("application/atom+xml, application/xml;q=0.9, */*;q=0.1", "application/atom+xml"),
        ("TEXT/CSV; Q=0.4", "text/csv"),
        ("text/csv;q=nan, application/x-ndjson;q=0.1", "application/x-ndjson"),
        ("text/csv;q=2", "application/json"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "application/json"),
    ],
)
def test_the_best_match_of_accept_is_sent(client: Client, accept: str, expected: str) -> None:
    assert content_type(client.get(f"{LOG}?page_size=5", headers={"Accept": accept})) == expected


@pytest.mark.parametrize("accept", ["", "text/html", "application/json;q=0", "garbage", ";;,,", "*", "/"])
def test_json_is_sent_if_nothing_matches(client: Client, accept: str) -> None:
    response = client.get(f"{LOG}?page_size=5", headers={"Accept": accept})
    assert (response.status_code, content_type(response)) == (200, "application/json")


@pytest.mark.parametrize("address", TAGGED)
def test_a_read_is_412_if_its_etag_is_not_the_one_named(client: Client, address: str) -> None:
    etag = client.get(address).headers["ETag"]
    refused = client.get(address, headers={"If-Match": '"other"'})
    assert is_problem(refused, 412)
    assert refused.headers["ETag"] == etag
    for tags in (etag, f'"other", {etag}', "*", f"W/{etag}"):
        assert client.get(address, headers={"If-Match": tags}).status_code == 200


@pytest.mark.parametrize("address", TAGGED)
def test_a_read_is_304_if_its_etag_is_the_one_known(client: Client, address: str) -> None:
    etag = client.get(address).headers["ETag"]
    unchanged = client.get(address, headers={"If-None-Match": f'"other", {etag}'})
    assert (unchanged.status_code, unchanged.content, unchanged.headers["ETag"]) == (304, b"", etag)
    assert client.get(address, headers={"If-None-Match": '"other"'}).status_code == 200


def test_a_page_of_the_log_has_changed_when_it_has_another_entry_or_a_successor(client: Client) -> None:
    tags = []
    for number in range(4):
        tags.append(client.get(f"{LOG}?page_size=2").headers["ETag"])
        DatabaseEnhanceLogStore(ORIGIN).append(make_entry(issue_id=f"later-{number}"))
    assert len(set(tags[:3])) == 3
    assert tags[3] == tags[2]  # what comes after its successor does not change it
    unchanged = client.get(f"{LOG}?page_size=2", headers={"If-None-Match": tags[3]})
    assert unchanged.status_code == 304
    assert 'rel="next"' in unchanged.headers["Link"]
    failed = client.get(f"{LOG}?page_size=2", headers={"If-Match": '"other"'})
    assert failed.status_code == 412
    assert "Link" not in failed.headers


def test_pages_of_other_formats_and_filters_have_other_etags(client: Client) -> None:
    queries = ("", "&format=ndjson", "&format=csv", "&blueprint_id=nobody")
    assert len({client.get(f"{LOG}?page_size=2{query}").headers["ETag"] for query in queries}) == len(queries)


def test_a_page_that_is_streamed_has_an_etag_too(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "LARGE_BYTES", 10)
    response = client.get(f"{LOG}?page_size=2")
    assert response.streaming
    assert b"".join(response).startswith(b"[{")
    etag = response.headers["ETag"]
    assert client.get(f"{LOG}?page_size=2", headers={"If-None-Match": etag}).status_code == 304


@pytest.mark.parametrize("address", [*TAGGED, LOG, f"{LOG}?format=csv", "/v1/content", "/v1/content/export"])
def test_head_has_the_length_of_get_or_none(client: Client, address: str) -> None:
    response = client.get(address)
    length = str(len(b"".join(response) if response.streaming else response.content))
    head = client.head(address)
    assert head.status_code == 200
    assert content_type(head) == content_type(response)
    assert head.headers.get("Content-Length", length) == length


@pytest.mark.parametrize("path", ["//v1/enhance/log", "//v1//nothing", "/v1/nothing", "/v1", "/v1/"])
def test_an_address_of_the_api_that_leads_nowhere_is_a_problem(client: Client, path: str) -> None:
    assert is_problem(client.get("/", PATH_INFO=path), 404)


def test_options_of_the_whole_server_is_a_problem(client: Client) -> None:
    assert is_problem(client.options("/", PATH_INFO="*"), 404)


@pytest.mark.parametrize("path", ["/v10/", "/nothing/v1/", "//nothing"])
def test_other_addresses_that_lead_nowhere_are_pages(client: Client, path: str) -> None:
    response = client.get("/", PATH_INFO=path)
    assert (response.status_code, content_type(response)) == (404, "text/html")


@pytest.mark.parametrize("path", [LOG, f"{LOG}/h-1", "/v1/content", "/v1/enhance/why"])
def test_parameters_up_to_1100_are_read(client: Client, path: str) -> None:
    assert client.get(f"{path}?{'&'.join(f'x{number}=1' for number in range(1099))}&blueprint_id=a").status_code == 200


@pytest.mark.parametrize("path", [LOG, "/v1/content", "/v1/enhance/why", "/v1/enhance/patterns"])
def test_more_parameters_are_400_and_say_so(client: Client, path: str, caplog: pytest.LogCaptureFixture) -> None:
    response = client.get(f"{path}?{'&'.join(f'x{number}=1' for number in range(1101))}")
    assert is_problem(response, 400)
    assert "more than 1,100 parameters" in response.json()["detail"]
    assert not [record for record in caplog.records if record.exc_info]


def test_a_page_with_more_parameters_says_so_too(client: Client) -> None:
    response = client.get(f"/rejections/?{'&'.join(f'x{number}=1' for number in range(1101))}")
    assert response.status_code == 400
    assert b"more than 1,100 parameters" in response.content
