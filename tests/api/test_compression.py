"""Compressed responses: which are, that they are the same, and how ETags, lengths and logs go with it."""

import gzip
import itertools
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import FileResponse, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.test import Client, RequestFactory

from content.kinds import Key
from content.store import open_store
from enhancelog.accounts import api_tokens
from enhancelog.domain.origin import Origin
from enhancelog.web.codings import Coding
from enhancelog.web.compression import LEAST_BYTES, CompressionMiddleware
from tests.api.test_codings import CODINGS, unpacked
from tests.factories import make_fields, make_rejected
from tests.recording import record_all

pytestmark = pytest.mark.once

LOG = "/v1/enhance/log"
ITEM = "/v1/content/kinds/story/S-1"
LONG = "What one has to know. " * 100


@pytest.fixture
def agent(db: None) -> Client:
    """With a token that may do everything, and enough entries in the log that the whole list is a stream."""
    axes = [f"axis-{n}" for n in range(12)]
    record_all(make_rejected(*axes, issue_id=f"h-{n}", detail=f"reason {n}") for n in range(110))
    owner = User.objects.create_user("ada", is_staff=True)
    secret = api_tokens.make(api_tokens.Wanted("agent-7", api_tokens.SCOPES), owner, made_by="tests")[1]
    return Client(headers={"Authorization": f"Bearer {secret}"})


def sent(response: Any) -> bytes:
    return b"".join(response.streaming_content) if response.streaming else response.content


def get(client: Client, path: str, accept: str = "", **headers: str) -> Any:
    return client.get(path, headers={"Accept-Encoding": accept, **headers})


def through(response: HttpResponseBase, **headers: str) -> Any:
    request = RequestFactory().get("/", headers={"Accept-Encoding": "gzip", **headers})
    return CompressionMiddleware(lambda request: response)(request)


# Which responses are compressed


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize(
    "path",
    [
        LOG,
        f"{LOG}?format=ndjson",
        f"{LOG}?format=csv",
        f"{LOG}?format=atom",
        f"{LOG}?page_size=50",
        f"{LOG}?after=0&wait=1",
        "/v1/enhance/entries/h-1",
        "/v1/enhance/patterns",
        "/v1/openapi.json",
        "/v1/schemas/entry.json",
        "/v1/content",
        "/v1/content/export",
        ITEM,
    ],
)
def test_an_answer_of_the_api_is_the_same_when_compressed(agent: Client, path: str, coding: Coding) -> None:
    values = {Key(f"S-{number}", "story"): LONG for number in range(40)}
    open_store(Origin("command", "tests", "api")).preload(values)
    plain, packed = get(agent, path), get(agent, path, coding)
    assert "Content-Encoding" not in plain
    assert packed["Content-Encoding"] == coding
    for response in (plain, packed):
        assert {"Accept-Encoding", "Authorization", "Accept"} <= set(response["Vary"].split(", "))
    body = sent(packed)
    assert len(body) < len(whole := sent(plain)) / 1.5
    assert unpacked(body, coding) == whole
    assert packed.headers.get("Content-Length") in ({None} if packed.streaming else {str(len(body))})


@pytest.mark.parametrize("path", ["/", "/rejections/", "/search/?phrase=reason", "/blueprints/main", "/entries/h-1"])
def test_a_page_is_compressed_and_varies_by_it(agent: Client, path: str, settings: Any) -> None:
    settings.PUBLIC_READ = True
    plain, packed = get(Client(), path), get(Client(), path, "gzip, deflate, br, zstd")
    assert packed["Content-Encoding"] == "zstd"
    assert packed["Content-Length"] == str(len(packed.content))
    assert unpacked(packed.content, "zstd").startswith(b"<!doctype html>")
    assert {"Cookie", "HX-Request", "Accept-Encoding"} <= set(packed["Vary"].split(", "))
    assert packed["Vary"] == plain["Vary"]


def test_a_bulk_answer_is_compressed(agent: Client) -> None:
    lines = b"\n".join(json.dumps(make_fields(issue_id=f"b-{n}")).encode() for n in range(300))
    headers = {"Accept-Encoding": "gzip"}
    response = agent.generic("POST", LOG, lines, "application/x-ndjson", headers=headers)
    assert response["Content-Encoding"] == "gzip"
    assert "Content-Length" not in response
    assert gzip.decompress(sent(response)).count(b'"created"') == 300


@pytest.mark.parametrize(
    ("size", "coding"), [(0, None), (LEAST_BYTES, None), (LEAST_BYTES + 1, "gzip"), (1 << 20, "gzip")]
)
def test_only_what_is_longer_than_a_kilobyte_is_compressed(size: int, coding: str | None) -> None:
    response = through(HttpResponse(b" " * size, content_type="application/json"))
    assert response.headers.get("Content-Encoding") == coding
    assert response["Vary"] == "Accept-Encoding"


def test_what_would_grow_is_left_as_it_is() -> None:
    body = bytes(itertools.islice(_random(), 2000))
    response = through(HttpResponse(body, content_type="application/json", headers={"ETag": '"1"'}))
    assert (response.content, response["ETag"]) == (body, '"1"')
    assert "Content-Encoding" not in response


def _random() -> Iterator[int]:
    state = 1
    while True:
        state = state * 6364136223846793005 + 1442695040888963407 & (1 << 64) - 1
        yield state >> 56


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (206, {"Content-Range": "bytes 0-1999/9999"}),
        (200, {"Content-Encoding": "br"}),
        (200, {"Cache-Control": "public, No-Transform"}),
        (200, {"Cache-Control": "no-store"}),
        (200, {"Content-Type": "image/png"}),
        (200, {"Content-Type": "application/gzip"}),
        (200, {"Content-Type": ""}),
    ],
)
def test_some_responses_are_never_touched(status: int, headers: dict[str, str]) -> None:
    content_type = headers.get("Content-Type", "text/html")
    response = HttpResponse(b" " * 2000, status=status, content_type=content_type)
    for name, value in headers.items():
        response[name] = value
    before = dict(response.items())
    assert through(response).content == b" " * 2000
    assert dict(response.items()) == before


def test_static_files_are_whitenoises_own(client: Client) -> None:
    response = get(client, "/static/css/app.css", "gzip")
    assert "Content-Encoding" not in response  # files that are not collected, as in tests, are not compressed


def test_a_response_without_a_body_has_no_coding(agent: Client) -> None:
    agent.put(ITEM, {"value": "x"}, content_type="application/json")
    response = agent.delete(ITEM, headers={"Accept-Encoding": "gzip"})
    assert (response.status_code, response.content) == (204, b"")
    assert "Content-Encoding" not in response


def test_head_has_the_headers_of_get(agent: Client) -> None:
    path = "/v1/openapi.json"
    head = agent.head(path, headers={"Accept-Encoding": "gzip"})
    found = get(agent, path, "gzip")
    assert head.content == b""
    for name in ("Content-Encoding", "Content-Length", "Vary", "Content-Type"):
        assert head[name] == found[name]


def test_no_accept_encoding_is_refused(agent: Client) -> None:
    for header in ("identity;q=0", "*;q=0", "br", "gzip;q=9", ";;;", "gzip" * 2000):
        response = get(agent, f"{LOG}?page_size=50", header)
        assert response.status_code == 200
        assert "Content-Encoding" not in response


# Streams


@pytest.mark.django_db
def test_closing_a_compressed_stream_closes_what_it_reads() -> None:
    class Source:
        closed = False

        def __iter__(self) -> Iterator[bytes]:
            yield from (b"row\n" for _ in range(9))

        def close(self) -> None:
            self.closed = True

    source = Source()
    response = through(StreamingHttpResponse(source, content_type="text/csv"))
    next(iter(response))
    response.close()
    assert source.closed


def test_a_fault_within_a_stream_leaves_it_unfinished() -> None:
    def rows() -> Iterator[bytes]:
        yield b"row\n"
        raise OSError("the disk is gone")

    response = through(StreamingHttpResponse(rows(), content_type="text/csv"))
    parts = []
    with pytest.raises(OSError, match="gone"):
        parts.extend(response)
    with pytest.raises(EOFError):
        gzip.decompress(b"".join(parts))


def test_a_file_is_compressed_block_by_block(tmp_path: Any) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b"a,b\n" * 50_000)
    response = through(FileResponse(path.open("rb"), content_type="text/csv"))
    assert getattr(response, "file_to_stream", None) is None  # which a server would send past us
    assert gzip.decompress(sent(response)) == path.read_bytes()


# ETags


@pytest.mark.parametrize("first", ["", *CODINGS])
@pytest.mark.parametrize("second", ["", *CODINGS])
@pytest.mark.parametrize("path", [f"{LOG}/h-1", ITEM, f"{LOG}?format=atom"])
def test_an_etag_holds_across_codings(agent: Client, path: str, first: str, second: str) -> None:
    agent.put(ITEM, {"value": LONG}, content_type="application/json")
    record_all([make_rejected(issue_id="h-long", detail=LONG)])
    path = path.replace("h-1", "h-long")
    etag = get(agent, path, first)["ETag"]
    assert etag.startswith("W/") == bool(first)
    unchanged = get(agent, path, second, **{"If-None-Match": etag})
    expected = etag if second else etag.removeprefix("W/")  # that of the response in whose place it stands
    assert (unchanged.status_code, unchanged["ETag"], unchanged.content) == (304, expected, b"")
    assert "Accept-Encoding" in unchanged["Vary"]
    assert "Content-Encoding" not in unchanged


def test_a_page_is_unchanged_across_codings(agent: Client, settings: Any) -> None:
    settings.PUBLIC_READ = True
    etag = get(Client(), "/rejections/", "gzip")["ETag"]
    assert get(Client(), "/rejections/", "zstd", **{"If-None-Match": etag}).status_code == 304
    assert get(Client(), "/rejections/", **{"If-None-Match": etag}).status_code == 304


@pytest.mark.parametrize("method", ["put", "delete"])
def test_a_change_accepts_the_weak_etag_of_a_compressed_response(agent: Client, method: str) -> None:
    agent.put(ITEM, {"value": LONG}, content_type="application/json")
    etag = get(agent, ITEM, "gzip")["ETag"]
    assert etag == 'W/"1"'
    call = getattr(agent, method)
    change = {"data": {"value": "new"}, "content_type": "application/json"} if method == "put" else {}
    assert call(ITEM, headers={"If-Match": f'"9", {etag}'}, **change).status_code in (200, 204)
    assert call(ITEM, headers={"If-Match": etag}, **change).status_code == 412


def test_a_reading_accepts_the_weak_etag_in_if_match(agent: Client) -> None:
    record_all([make_rejected(issue_id="h-long", detail=LONG)])
    etag = get(agent, f"{LOG}/h-long", "gzip")["ETag"]
    assert get(agent, f"{LOG}/h-long", "gzip", **{"If-Match": etag}).status_code == 200
    assert get(agent, f"{LOG}/h-long", "gzip", **{"If-Match": 'W/"other"'}).status_code == 412


# Who asks


@pytest.mark.parametrize(
    ("site", "coding"),
    [(None, "gzip"), ("none", "gzip"), ("same-origin", "gzip"), ("same-site", None), ("cross-site", None), ("?", None)],
)
def test_what_another_site_makes_a_browser_request_is_not_compressed(site: str | None, coding: str | None) -> None:
    headers = {} if site is None else {"Sec-Fetch-Site": site}
    response = through(HttpResponse(b" " * 2000), **headers)
    assert response.headers.get("Content-Encoding") == coding


# The request log


@pytest.mark.parametrize("path", [f"{LOG}?page_size=50", LOG])
def test_the_request_log_says_what_was_sent(agent: Client, path: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "enhancelog.request")
    response = get(agent, path, "gzip")
    assert response.streaming == (path == LOG)
    size = len(sent(response))
    response.close()
    assert [record.__dict__["bytes"] for record in caplog.records] == [size]


def test_the_request_log_counts_a_compressed_file(agent: Client, caplog: pytest.LogCaptureFixture) -> None:
    lines = b"\n".join(json.dumps(make_fields(issue_id=f"b-{n}")).encode() for n in range(300))
    caplog.set_level(logging.INFO, "enhancelog.request")
    response = agent.generic("POST", LOG, lines, "application/x-ndjson", headers={"Accept-Encoding": "gzip"})
    size = len(sent(response))
    response.close()
    assert [record.__dict__["bytes"] for record in caplog.records] == [size]


# Request bodies


@pytest.mark.parametrize(
    ("method", "path", "media_type"),
    [
        ("POST", LOG, "application/json"),
        ("POST", LOG, "application/x-ndjson"),
        ("PUT", f"{LOG}/h-new", "application/json"),
        ("PUT", ITEM, "application/json"),
        ("POST", "/v1/content/import", "application/json"),
        ("POST", "/v1/content/increment/abort_respawn_count/S-1", "application/json"),
    ],
)
def test_a_compressed_request_body_is_415_and_says_so(agent: Client, method: str, path: str, media_type: str) -> None:
    body = gzip.compress(json.dumps(make_fields(issue_id="h-new")).encode())
    response = agent.generic(method, path, body, media_type, headers={"Content-Encoding": "gzip"})
    assert response.status_code == 415
    assert response.json()["detail"] == 'The Content-Encoding "gzip" is not supported; send the body uncompressed.'
