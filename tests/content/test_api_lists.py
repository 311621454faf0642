"""Stories, lists and raw maps over the content API."""

from typing import Any

import pytest
from django.test import Client

from content.kinds import KINDS
from content.models import ContentItem, ContentRevision
from content.store import open_store
from tests.conftest import entries_unprotected
from tests.content.api_calls import body_of, put, rules
from tests.content.conftest import AGENT
from tests.content.test_store import sample

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("public_read")]


def test_a_story_lists_its_kinds_in_table_order(agent: Client):
    for kind in reversed(list(KINDS)):
        put(agent, "S-1", kind, sample(kind))
    agent.delete("/v1/content/kinds/merge_report/S-1")
    answer = agent.get("/v1/content/stories/S-1").json()
    assert [item["kind"] for item in answer["items"]] == [kind for kind in KINDS if kind != "merge_report"]
    assert agent.get("/v1/content/stories/S-2").status_code == 404


def test_the_list_pages_by_id(agent: Client):
    for number in range(7):
        put(agent, f"S-{number}", "story", "text")
    put(agent, "S-3", "gate_output", "text")
    found: list[Any] = []
    path: str | None = "/v1/content?page_size=3"
    pages = 0
    while path:
        answer = agent.get(path)
        found += answer.json()
        pages += 1
        path = answer.headers.get("Link", "").partition("<")[2].partition(">")[0] or None
    assert pages == 3
    assert [story["story_id"] for story in found] == [f"S-{number}" for number in range(7)]
    assert found[3] == {"story_id": "S-3", "kinds": ["story", "gate_output"]}
    assert body_of(agent.get("/v1/content")) == found


def test_the_list_is_filtered_by_kind_and_part_of_the_id(agent: Client):
    put(agent, "Ops/É-1", "story", "text")
    put(agent, "ops/é-2", "gate_output", "text")
    put(agent, "other", "story", "text")
    assert [s["story_id"] for s in body_of(agent.get("/v1/content?text=OPS"))] == ["Ops/É-1", "ops/é-2"]
    assert [s["story_id"] for s in body_of(agent.get("/v1/content", {"text": "é"}))] == ["ops/é-2"]
    assert [s["story_id"] for s in body_of(agent.get("/v1/content?kind=story"))] == ["Ops/É-1", "other"]
    assert body_of(agent.get("/v1/content?text=%25")) == []


@pytest.mark.parametrize(
    "query", ["kind=stories", "kind=", "page_size=0", "page_size=x", "cursor=x", "cursor=", "text=%00"]
)
def test_a_bad_parameter_is_400_and_named(agent: Client, query: str):
    answer = agent.get(f"/v1/content?{query}")
    assert answer.status_code == 400
    assert rules(answer)[0][0] == query.partition("=")[0]


def test_a_cursor_of_another_filter_is_400(agent: Client):
    for number in range(3):
        put(agent, f"S-{number}", "story", "text")
    following = agent.get("/v1/content?page_size=1")["Link"].partition("<")[2].partition(">")[0]
    assert agent.get(following).status_code == 200
    assert agent.get(f"{following}&kind=story").status_code == 400


def test_raw_keys(agent: Client):
    put(agent, "S-1", "story", "text")
    put(agent, "S-1", "merge_success", "")
    assert body_of(agent.get("/v1/content?raw=1")) == ["S-1:merge_success", "S-1"]
    assert body_of(agent.get("/v1/content?raw=0")) == [{"story_id": "S-1", "kinds": ["story", "merge_success"]}]


def test_raw_keys_are_filtered_and_paged_like_stories(agent: Client):
    for number in range(3):
        put(agent, f"S-{number}", "story", "text")
        put(agent, f"S-{number}", "gate_output", "text")
    put(agent, "T-1", "story", "text")
    assert body_of(agent.get("/v1/content?raw=1&text=t-")) == ["T-1"]
    assert body_of(agent.get("/v1/content?raw=1&kind=gate_output")) == [f"S-{n}:gate_output" for n in range(3)]
    assert body_of(agent.get("/v1/content?raw=1&kind=story&text=S-")) == ["S-0", "S-1", "S-2"]
    found: list[str] = []
    path = "/v1/content?raw=1&text=s-&page_size=4"
    while path:
        answer = agent.get(path)
        found += answer.json()
        assert agent.get(path, headers={"If-None-Match": answer["ETag"]}).status_code == 304
        path = answer.headers.get("Link", "").partition("<")[2].partition(">")[0]
    assert found == [key for n in range(3) for key in (f"S-{n}:gate_output", f"S-{n}")]


@pytest.mark.parametrize(("first", "second"), [("raw=1", "raw=0"), ("raw=0", "raw=1")])
def test_a_cursor_of_keys_is_none_of_stories(agent: Client, first: str, second: str):
    for number in range(3):
        put(agent, f"S-{number}", "story", "text")
    link = agent.get(f"/v1/content?page_size=1&{first}")["Link"].partition("<")[2].partition(">")[0]
    answer = agent.get(link.replace(first, second))
    assert answer.status_code == 400
    assert rules(answer)[0][0] == "cursor"


@pytest.mark.parametrize("query", ["text=a&text=b", "kind=story&kind=story", "raw=1&raw=0", "page_size=1&page_size=2"])
def test_a_repeated_parameter_is_400_and_named(agent: Client, query: str):
    answer = agent.get(f"/v1/content?{query}")
    assert answer.status_code == 400
    assert rules(answer)[0] == (query.partition("=")[0], "repeated")


def test_export_and_import_are_inverse(agent: Client):
    for kind in KINDS:
        put(agent, "日本/1", kind, sample(kind))
    exported = agent.get("/v1/content/export")
    values = body_of(exported)
    assert len(values) == 14
    with entries_unprotected():
        ContentItem.objects.all().delete()
        ContentRevision.objects.all().delete()
    answer = agent.post("/v1/content/import", values, content_type="application/json")
    assert answer.json() == {"created": 14, "changed": 0, "unchanged": 0, "quarantined": []}
    assert body_of(agent.get("/v1/content/export")) == values
    assert set(ContentRevision.objects.values_list("source", flat=True)) == {"import"}


def test_import_into_a_store_that_holds_something_needs_merge(agent: Client):
    put(agent, "S-1", "story", "old")
    body = {"S-1": "new", "S-2": "text"}
    refused = agent.post("/v1/content/import", body, content_type="application/json")
    assert refused.status_code == 409
    merged = agent.post("/v1/content/import?merge=1", body, content_type="application/json")
    assert merged.json() == {"created": 1, "changed": 1, "unchanged": 0, "quarantined": []}


def test_import_sets_aside_what_it_cannot_take_and_says_why(agent: Client):
    body = (
        '{"S-1": "fine", "a:b": "colon", "S-2:abort_respawn_count": "-1", "S-3": 7, "S-4": "a\\u0000b",'
        ' "S-5": "\\ud800", "\\ud800": "x", "S-6": "one", "S-6": "two", "S-7": "same", "S-7": "same", "": "x"}'
    )
    answer = agent.post("/v1/content/import", body, content_type="application/json")
    assert answer.status_code == 200
    assert answer.json()["created"] == 3
    assert [(item["key"], item["rule"]) for item in answer.json()["quarantined"]] == [
        ("a:b", "colon"),
        ("S-2:abort_respawn_count", "counter"),
        ("S-3", "type"),
        ("S-4", "nul"),
        ("S-5", "surrogate"),
        ("\\ud800", "surrogate"),
        ("S-6", "duplicate"),
        ("", "id-length"),
    ]
    assert body_of(agent.get("/v1/content/export")) == {"S-1": "fine", "S-6": "one", "S-7": "same"}


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"[]", "must be a JSON object of raw keys and texts"),
        (b'"x"', "must be a JSON object of raw keys and texts"),
        (b"[" * 100_000, "must be a JSON object of raw keys and texts"),
        (b'{"S-1": ' + b"[" * 100_000, "must be a JSON object of raw keys and texts"),
        (b'{"\xff": "x"}', "is not UTF-8 at byte 2"),
        (b" ", "is not JSON: Expecting value"),
        (b"{", "is not JSON: Expecting property name"),
    ],
)
def test_import_of_what_is_no_raw_map_is_400(agent: Client, body: bytes, detail: str):
    headers = {"Content-Length": str(len(body))}
    answer = agent.post("/v1/content/import", body, content_type="application/json", headers=headers)
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith(detail)


def test_an_export_of_nothing_is_an_empty_map(agent: Client):
    assert body_of(agent.get("/v1/content/export")) == {}
    assert body_of(agent.get("/v1/content")) == []


def test_long_exports_are_complete(agent: Client):
    from content.kinds import Key

    values = {Key(f"S-{n:04}", kind): "1" for n in range(120) for kind in ("story", "abort_respawn_count")}
    open_store(AGENT).preload(values)
    assert len(body_of(agent.get("/v1/content/export"))) == 240
    assert len(body_of(agent.get("/v1/content?raw=1"))) == 240


def test_reading_a_key_needs_one_query_and_a_story_one_more_for_its_redactions(django_assert_num_queries: Any):
    open_store(AGENT).write("S-1", "story", "text")
    with django_assert_num_queries(1):
        assert Client().get("/v1/content/kinds/story/S-1").status_code == 200
    with django_assert_num_queries(2):
        assert Client().get("/v1/content/stories/S-1").status_code == 200
