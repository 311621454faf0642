"""``/v1/enhance/log``: what readers get, what an append answers, and what bad input meets."""

import hashlib
import json
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django.fixtures import Settings

from enhancelog import links
from enhancelog.api import streams_and_polls
from enhancelog.api.concurrency_limits import Slots
from enhancelog.domain import envelopes, filters, records
from enhancelog.domain.origin import Origin
from enhancelog.domain.records import Entry
from enhancelog.queries import entries
from enhancelog.store import open_store
from enhancelog.store.database import DatabaseEnhanceLogStore
from tests.factories import make_entry, make_fields, make_rejected

pytestmark = pytest.mark.django_db

LOG = "/v1/enhance/log"
LIMIT = 1 << 20


@pytest.fixture(autouse=True)
def public_read(settings: Settings) -> None:
    settings.PUBLIC_READ = True


@pytest.fixture
def writer() -> Client:
    client = Client()
    client.force_login(User.objects.create_user("ada", password="x", is_staff=True))
    return client


def store(*new: Entry) -> None:
    DatabaseEnhanceLogStore(Origin("command", "test", "api")).append_batch(new)


def post(client: Client, body: Any, **extra: Any) -> Any:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post(LOG, data, content_type=extra.pop("content_type", "application/json"), **extra)


def body_of(response: Any) -> bytes:
    return b"".join(response) if response.streaming else response.content


def ids(response: Any) -> list[str]:
    return [entry["issue_id"] for entry in json.loads(body_of(response))]


def test_list_is_a_bare_array_in_order_of_time_then_append(client: Client) -> None:
    store(
        make_entry(issue_id="late", ts_ms=9),
        make_entry(issue_id="tie-1", ts_ms=5),
        make_entry(issue_id="tie-2", ts_ms=5),
    )
    response = client.get(LOG)
    assert response.headers["Content-Type"] == "application/json"
    assert ids(response) == ["tie-1", "tie-2", "late"]


def test_list_keeps_the_contracts_key_order_and_bytes(client: Client) -> None:
    entry = make_entry(intent='two\nlines "quoted" 日本')
    store(entry)
    assert body_of(client.get(LOG)) == b"[" + records.encode(entry) + b"]"


def test_empty_log_lists_as_empty_array(client: Client) -> None:
    assert body_of(client.get(LOG)) == b"[]"


def test_upstream_parameters_keep_their_meaning(client: Client) -> None:
    store(*(make_entry(issue_id=str(number), blueprint_id="main" if number else "") for number in range(5)))
    assert len(ids(client.get(f"{LOG}?limit=2&blueprint_id=main"))) == 4
    assert ids(client.get(f"{LOG}?blueprint_id=")) == ["0"]
    assert ids(client.get(f"{LOG}?blueprint_id=nobody")) == []


def test_pages_walk_the_whole_list_once(client: Client) -> None:
    store(*(make_entry(issue_id=str(number), ts_ms=number // 3) for number in range(10)))
    seen: list[str] = []
    address: str | None = f"{LOG}?page_size=4"
    while address:
        response = client.get(address)
        seen += ids(response)
        link = response.headers.get("Link", "")
        address = link[1 : link.index(">")] if link else None
    assert seen == [str(number) for number in range(10)]


@pytest.mark.parametrize(
    "address",
    [
        f"{LOG}?order=asc&order=desc",
        f"{LOG}?page_size=1&page_size=1",
        f"{LOG}?format=json&format=csv",
        f"{LOG}?after=0&after=1",
        "/v1/enhance/why?blueprint_id=a&blueprint_id=b",
        "/v1/enhance/why?intent=a&intent=b&blueprint_id=a",
        "/v1/enhance/patterns?page_size=1&page_size=2",
    ],
)
def test_a_repeated_parameter_that_is_not_a_filter_is_400_and_named(client: Client, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert error["field"] == address.partition("?")[2].partition("=")[0]
    assert error["detail"] == "is given 2 times; give it once"


@pytest.mark.parametrize("query", ["order=asc", "order=desc", "after=0"])
def test_pages_of_large_entries_end_early_and_miss_none(
    client: Client, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    monkeypatch.setattr(entries, "FIRST_CHUNK", 3)
    monkeypatch.setattr(entries, "PAGE_BYTES", 15_000)
    lengths = [1, 1, 1, 1, 9_000, 9_000, 9_000, 20_000, 9_000, 1, 1]
    store(*(make_entry(issue_id=f"{n:02}", ts_ms=n // 3, rationale="x" * size) for n, size in enumerate(lengths)))
    seen: list[str] = []
    address = f"{LOG}?page_size=1000&{query}"
    while page := ids(response := client.get(address)):
        assert len(response.content) < 15_000 + 20_000 + 11 * 500
        seen += page
        if "Link" not in response.headers:
            break
        address = response.headers["Link"][1:].partition(">")[0]
    assert sorted(seen) == [f"{n:02}" for n in range(len(lengths))]
    assert seen == sorted(seen, reverse="desc" in query)


def test_stream_reads_large_entries_a_few_at_a_time(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entries, "FIRST_CHUNK", 3)
    monkeypatch.setattr(entries, "CHUNK_BYTES", 15_000)
    lengths = [1] * 3 + [9_000] * 9
    store(*(make_entry(issue_id=f"{n:02}", ts_ms=n, rationale="x" * size) for n, size in enumerate(lengths)))
    chunks = [[row[1] for row in rows] for rows in entries.stream(filters.from_pairs([], 0))]
    assert [issue_id for chunk in chunks for issue_id in chunk] == [f"{n:02}" for n in range(len(lengths))]
    assert max(map(len, chunks[1:])) == 2


@pytest.mark.parametrize("query", ["", "?page_size=9", "?after=0"])
def test_large_page_counts_as_a_stream(client: Client, monkeypatch: pytest.MonkeyPatch, query: str) -> None:
    store(make_entry(rationale="x" * 900_000), make_entry(issue_id="2", rationale="x" * 900_000))
    monkeypatch.setattr(streams_and_polls, "streams", Slots(4, 1))  # one for each caller
    first = client.get(f"{LOG}{query}")
    assert client.get(f"{LOG}{query}").status_code == 503
    assert len(json.loads(first.getvalue())) == 2
    assert client.get(f"{LOG}{query}").status_code == 200


def test_pages_of_one_reading_do_not_see_what_came_later(client: Client) -> None:
    store(*(make_entry(issue_id=str(number), ts_ms=number) for number in range(4)))
    link = client.get(f"{LOG}?page_size=2").headers["Link"]
    store(make_entry(issue_id="late", ts_ms=3))
    assert ids(client.get(link[1 : link.index(">")])) == ["2", "3"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("page_size=0", "page_size"),
        ("page_size=1001", "page_size"),
        ("page_size=x", "page_size"),
        ("page_size=", "page_size"),
        ("order=up", "order"),
        ("status=denied", "status"),
        ("not_status=x", "not_status"),
        ("axes=three", "axes"),
        ("has=nothing", "has"),
        ("touches=agents", "touches"),
        ("not_touches=", "not_touches"),
        ("since=tomorrow", "since"),
        ("since=", "since"),
        ("until=2026-13-01", "until"),
        ("since=99999999999999999999", "since"),
        ("period=8y", "period"),
        ("format=xml", "format"),
        ("cursor=x", "cursor"),
        ("cursor=%00", "cursor"),
        ("cursor=gqVub3Blcw", "cursor"),
    ],
)
def test_bad_parameter_is_400_naming_it(client: Client, query: str, field: str) -> None:
    response = client.get(f"{LOG}?{query}")
    assert response.status_code == 400
    assert response.headers["Content-Type"] == "application/problem+json"
    assert json.loads(response.content)["errors"][0]["field"] == field


def test_cursor_of_another_filter_is_400(client: Client) -> None:
    store(*(make_entry(issue_id=str(number)) for number in range(3)))
    link = client.get(f"{LOG}?page_size=1").headers["Link"]
    moved = link[1 : link.index(">")] + "&blueprint_id=main"
    assert client.get(moved).status_code == 400


def test_formats_are_chosen_by_query_then_accept(client: Client) -> None:
    store(make_entry())
    assert client.get(f"{LOG}?format=csv").headers["Content-Type"].startswith("text/csv")
    assert client.get(LOG, headers={"accept": "application/x-ndjson"}).headers["Content-Type"] == "application/x-ndjson"
    assert client.get(LOG, headers={"accept": "text/html"}).headers["Content-Type"] == "application/json"
    both = client.get(f"{LOG}?format=json", headers={"accept": "text/csv"})
    assert both.headers["Content-Type"] == "application/json"


def test_large_list_is_streamed_whole(client: Client) -> None:
    for start in range(0, 2500, 500):
        store(*(make_entry(issue_id=str(number), ts_ms=number) for number in range(start, start + 500)))
    response = client.get(LOG)
    assert response.streaming
    assert ids(response) == [str(number) for number in range(2500)]


def test_entry_is_the_record_with_its_digest_as_etag(client: Client) -> None:
    entry = make_entry(ops=[{"op": "remove", "path": "/a"}], bump="minor")
    store(entry)
    response = client.get(f"{LOG}/h-1")
    assert response.content == records.encode(entry)
    assert response.headers["ETag"] == f'"{records.digest(entry)}"'
    assert client.get(f"{LOG}/h-1", headers={"if-none-match": response.headers["ETag"]}).status_code == 304


def test_candidate_and_meta_follow_the_patch_as_they_were_sent(client: Client, writer: Client) -> None:
    said = b', "meta": {"b": 1.50, "a": true}, "bump": "minor", "candidate_hash": "c", "ops": []}'
    kept = b',"ops":[],"bump":"minor","candidate_hash":"c","meta":{"b":1.50,"a":true}}'
    body = records.encode(make_entry())[:-1]
    created = post(writer, body + said)
    assert (created.status_code, created.content) == (201, body + kept)
    for path in (f"{LOG}/h-1", LOG):
        assert body_of(client.get(path)).strip(b"[]") == body + kept
    known = client.get("/v1/enhance/entries/h-1").content
    assert known.startswith(body + kept[:-1] + b',"position":1,')
    assert hashlib.sha256(body + kept).hexdigest() == client.get(f"{LOG}/h-1").headers["ETag"].strip('"')
    other = post(writer, make_fields(meta={"a": True, "b": 2}, candidate_hash="d"))
    assert (other.status_code, other.json()["differs"]) == (409, ["candidate_hash", "meta"])


def test_the_list_is_filtered_by_what_was_noted(client: Client) -> None:
    store(*(make_entry(issue_id=str(at), ts_ms=at, meta={"seed": at, "run.id": "a b"}) for at in range(3)))
    store(make_entry(issue_id="3", ts_ms=3))
    for query, expected in {
        "meta.seed=1": ["1"],
        "meta.seed=1&meta.seed=2": ["1", "2"],
        "meta.seed=2.0": ["2"],
        "not_meta.seed=1": ["0", "2", "3"],
        "meta.run.id=a+b&not_meta.seed=0": ["1", "2"],
        "meta.seed=": [],
        "meta.nobody=1": [],
    }.items():
        assert ids(client.get(f"{LOG}?{query}")) == expected
        assert ids(client.get(f"{LOG}?{query}&page_size=1000")) == expected
    for name in ("meta.", "meta.a%20b", f"meta.{'x' * 65}"):
        response = client.get(f"{LOG}?{name}=1")
        assert (response.status_code, response.json()["errors"][0]["rule"]) == (400, "key")


@pytest.mark.parametrize("issue_id", ["h-nope", "a/b", "..", "x" * 513, "nul\0", "\x85"])
def test_missing_or_impossible_entry_is_upstreams_plain_404(client: Client, issue_id: str) -> None:
    response = client.get(f"{LOG}/{quote(issue_id, safe='')}")
    assert response.status_code == 404
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert response.content == b"enhance log entry not found"


def test_trailing_slash_is_404_with_empty_body(client: Client) -> None:
    response = client.get(f"{LOG}/")
    assert (response.status_code, response.content) == (404, b"")
    assert "Content-Type" not in response.headers


def test_known_entry_adds_what_we_know(client: Client, writer: Client) -> None:
    post(writer, make_fields())
    known = client.get("/v1/enhance/entries/h-1").json()
    assert list(known)[:10] == list(records.CONTRACT_FIELDS)
    assert known["position"] == 1
    assert known["actor"] == {"kind": "user", "name": "ada"}
    assert known["source"] == "api"
    assert known["digest"] == records.digest(make_entry())
    origin = Origin(**{f"actor_{key}": value for key, value in known["actor"].items()}, source=known["source"])
    assert known["envelope"] == envelopes.of_entry(1, known["digest"], known["recorded_ms"], origin)


def test_append_answers_201_with_location_and_the_entry(client: Client, writer: Client) -> None:
    response = post(writer, make_fields(issue_id="ops/デプロイ-3 %"))
    assert response.status_code == 201
    assert response.headers["Location"] == links.api_entry("ops/デプロイ-3 %")
    assert client.get(response.headers["Location"]).content == response.content


@pytest.mark.parametrize(("changes", "identical"), [({}, True), ({"intent": "another"}, False)])
def test_second_append_is_409_and_changes_nothing(
    client: Client, writer: Client, changes: dict[str, str], identical: bool
) -> None:
    post(writer, make_fields())
    response = post(writer, make_fields(**changes))
    assert response.status_code == 409
    assert response.json()["identical"] is identical
    assert response.headers["ETag"] == f'"{records.digest(make_entry())}"'
    assert client.get(f"{LOG}/h-1").content == records.encode(make_entry())


def test_append_drops_unknown_fields(client: Client, writer: Client) -> None:
    verdict = {"axis": "des", "status": "pass", "detail": "", "score": 3}
    assert post(writer, make_fields(verdicts=[verdict], extra=[1])).status_code == 201
    assert "extra" not in client.get(f"{LOG}/h-1").json()
    assert client.get(f"{LOG}/h-1").json()["verdicts"] == [{"axis": "des", "status": "pass", "detail": ""}]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b" ", ""),
        (b"{", ""),
        (b'"a"', ""),
        (b'{"issue_id":"a","issue_id":"b"}', "issue_id"),
        (make_fields(ts_ms=True), "ts_ms"),
        (make_fields(ts_ms=1.0), "ts_ms"),
        (make_fields(ts_ms=2**63), "ts_ms"),
        (make_fields(status="denied"), "status"),
        (make_fields(issue_id=""), "issue_id"),
        (make_fields(issue_id=".."), "issue_id"),
        (make_fields(blueprint_id="a\nb"), "blueprint_id"),
        (make_fields(intent="\0"), "intent"),
        (make_fields(rationale="\ud800"), "rationale"),
        (make_fields(verdicts=[{"axis": "x", "status": "pass"}]), "verdicts[0].detail"),
        (make_fields(reasons=None), "reasons"),
        (make_fields(ops={}), "ops"),
        (make_fields(bump="huge"), "bump"),
        (make_fields(candidate_hash=1), "candidate_hash"),
        (make_fields(candidate_hash="\0"), "candidate_hash"),
        (make_fields(meta=None), "meta"),
        (make_fields(meta={"a b": 1}), "meta"),
        (make_fields(meta={"a": "x" * 9_000}), "meta"),
        (make_fields(meta={f"k{at}": 1 for at in range(65)}), "meta"),
        (make_fields(meta={"a": [1]}), "meta.a"),
        (make_fields(meta={"a": "\0"}), "meta.a"),
        (make_fields(extra=float("nan")), "extra"),
        (make_fields(extra=json.loads("[" * 40 + "]" * 40)), "extra"),
    ],
)
def test_malformed_body_is_400_naming_the_field_and_stores_nothing(
    client: Client, writer: Client, body: Any, field: str
) -> None:
    response = post(writer, body)
    assert response.status_code == 400
    problem = response.json()
    assert problem["status"] == 400
    assert problem["errors"][0]["field"] == field
    assert body_of(client.get(LOG)) == b"[]"


def test_body_over_the_limit_is_413(client: Client, writer: Client) -> None:
    fields = make_fields(intent="")
    room = LIMIT - len(json.dumps(fields))
    assert post(writer, make_fields(intent="x" * (room + 1))).status_code == 413
    assert body_of(client.get(LOG)) == b"[]"
    assert post(writer, make_fields(intent="x" * room)).status_code == 201


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin-1"]
)
def test_other_media_type_is_415(writer: Client, content_type: str) -> None:
    assert post(writer, b"{}", content_type=content_type).status_code == 415


def test_compressed_body_is_415(writer: Client) -> None:
    assert post(writer, b"{}", headers={"content-encoding": "gzip"}).status_code == 415


def test_other_methods_are_405_with_allow(writer: Client) -> None:
    response = writer.delete(LOG)
    assert response.status_code == 405
    assert set(response.headers["Allow"].split(", ")) == {"GET", "HEAD", "POST"}


def test_reading_needs_somebody_when_public_read_is_off(client: Client, writer: Client, settings: Settings) -> None:
    settings.PUBLIC_READ = False
    refused = client.get(LOG)
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"].startswith("Bearer")
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert writer.get(LOG).status_code == 200


def test_appending_needs_staff(client: Client) -> None:
    assert post(client, make_fields()).status_code == 401
    client.force_login(User.objects.create_user("bob", password="x"))
    refused = post(client, make_fields())
    assert refused.status_code == 403
    assert "log:append" in refused.json()["detail"]


def test_session_append_needs_the_csrf_token() -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_user("ada", password="x", is_staff=True))
    assert post(client, make_fields()).status_code == 403


def test_answers_are_private_and_vary_by_reader(client: Client) -> None:
    response = client.get(LOG)
    assert response.headers["Cache-Control"] == "private, no-cache"
    assert {"Authorization", "Accept"} <= set(response.headers["Vary"].split(", "))


def test_append_survives_a_store_that_is_opened_again(writer: Client) -> None:
    post(writer, make_fields())
    assert open_store(Origin("command", "test", "api")).get("h-1") == make_entry()


FILTERS = [
    ("axis=noop", {"noop", "both"}),
    ("axis=noop&axis=des", {"both"}),
    ("not_axis=noop", {"fine", "des", "odd"}),
    ("only=noop", {"noop"}),
    ("axes=one", {"noop", "des"}),
    ("axes=many", {"both"}),
    ("axis_passed=des", {"fine", "noop"}),
    ("axis_absent=noop", {"des", "odd"}),
    ("status=applied", {"fine"}),
    ("status=applied&status=rejected", {"fine", "noop", "des", "both", "odd"}),
    ("not_status=applied", {"noop", "des", "both", "odd"}),
    ("has=badge", {"odd"}),
    ("has=ops", {"fine"}),
    ("not_has=ops&not_has=badge", {"noop", "des", "both"}),
    ("text=CITE+the", {"fine", "noop", "des", "both"}),
    ("text=%22odd%22%0Aone", {"odd"}),
    ("text=axis", set()),
    ("source=api", {"fine", "noop", "des", "both", "odd"}),
    ("source=%00", set()),
    ("axis=%00", set()),
    ("text=%00", set()),
    ("blueprint_id=main&not_blueprint_id=main", set()),
]


@pytest.fixture
def varied(db: None) -> None:
    store(
        make_entry(issue_id="fine", ops=[{"op": "remove", "path": "/a"}]),
        make_rejected("noop", issue_id="noop"),
        make_rejected("des", issue_id="des"),
        make_rejected("des", "noop", issue_id="both"),
        make_entry(issue_id="odd", intent='an "odd"\none', status="rejected", verdicts=[]),
    )


@pytest.mark.usefixtures("varied")
@pytest.mark.parametrize(("query", "expected"), FILTERS)
def test_filters_mean_the_same_on_both_databases(client: Client, query: str, expected: set[str]) -> None:
    assert set(ids(client.get(f"{LOG}?{query}"))) == expected
