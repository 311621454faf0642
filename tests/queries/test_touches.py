"""The filters ``touches`` and ``has=patch``: what they find, by which index, and what a reading sees."""

import json
import re
from typing import Any

import pytest
from blake3 import blake3
from django.db import connection
from django.test.utils import CaptureQueriesContext
from msgspec import Raw

from enhancelog.domain import filters
from enhancelog.domain import observed as records
from enhancelog.domain.errors import Invalid
from enhancelog.domain.origin import Origin
from enhancelog.domain.places import LONGEST_PLACE, MOST_TOKENS
from enhancelog.models import Touch
from enhancelog.queries import entries as lists
from enhancelog.queries import facets as facet_queries
from enhancelog.queries import phrases, reach, touched_places
from enhancelog.queries.counts import Count, count
from enhancelog.queries.facets import facets
from enhancelog.queries.horizon import begun, touched
from enhancelog.queries.newest import count_beyond, newest
from enhancelog.queries.search import page as search_page
from enhancelog.store import host_derivation, observed
from enhancelog.store.database import DatabaseEnhanceLogStore
from enhancelog.store.documents import Seen
from enhancelog.store.observed import Found
from tests.factories import HASHES, make_entry, make_rejected
from tests.host.observed import make_patch
from tests.plans import plans, whole_tables
from tests.recording import record, record_all

pytestmark = pytest.mark.django_db

Pairs = list[tuple[str, str]]

YAML = "agents:\n- name: writer\n- name: re/viewer\n"
HASH = blake3(YAML.encode()).hexdigest()


def ops(*paths: str) -> list[dict[str, Any]]:
    return [{"op": "remove", "path": path} for path in paths]


def raw(*paths: str) -> Raw:
    return Raw(json.dumps(ops(*paths), separators=(",", ":")).encode())


def keep_document() -> None:
    document = records.Document(hash=HASH, form="yaml", text=YAML)
    observed.keep("a", Found(documents=[Seen("main", document)]))


def append(*entries: Any) -> None:
    DatabaseEnhanceLogStore(Origin("command", "tests", "a")).append_batch(list(entries))


def found(*pairs: tuple[str, str]) -> list[str]:
    wanted = filters.from_pairs(pairs, 0)
    page = lists.page(wanted, "asc", 1000)
    assert count(wanted, page.up_to) == Count(len(page.rows))
    assert [row for chunk in lists.stream(wanted) for row in chunk] == list(page.rows)
    positions = [row[0] for row in page.rows]
    assert newest(wanted, 1000) == sorted(positions, reverse=True)
    assert [row[0] for row in lists.tail(wanted, 0, 1000)[0]] == sorted(positions)
    return [row[1] for row in page.rows]


@pytest.fixture
def log() -> None:
    keep_document()
    record(
        make_rejected(issue_id="a", ts_ms=1, prev_hash=HASH, ops=ops("/agents/1/profile/x")),
        make_entry(issue_id="b", ts_ms=2, blueprint_id="other", ops=ops("/agents/10", "/flow")),
        make_entry(issue_id="c", ts_ms=3, ops=[{"op": "move", "path": "/flow/x", "from": "/agents/1"}]),
        make_entry(issue_id="d", ts_ms=4),
        make_entry(issue_id="e", ts_ms=5, prev_hash=HASHES[5]),
    )
    run = {"ts_ms": 5, "prev_hash": HASHES[5]}
    observed.keep("a", Found(patches=[make_patch(ops=raw("/agents/10/~0"), **run)]))
    host_derivation.settle()


@pytest.mark.parametrize("few", [0, 500])
@pytest.mark.parametrize(
    ("pairs", "ids"),
    [
        ([("touches", "/agents/1")], "ac"),
        ([("touches", "/agents/10")], "be"),
        ([("touches", "/agents")], "abce"),
        ([("touches", "/agents/re~1viewer")], "a"),
        ([("touches", "/agents/re~1viewer/profile")], "a"),
        ([("touches", "/agents/writer")], ""),
        ([("touches", "/Agents")], ""),
        ([("touches", "/")], ""),
        ([("touches", "/agents/10/~0")], "e"),
        ([("touches", "/flow"), ("touches", "/agents/1")], "abc"),
        ([("not_touches", "/agents")], "d"),
        ([("not_touches", "/agents/1"), ("not_touches", "/agents/10/~0")], "bd"),
        ([("touches", "/agents"), ("blueprint_id", "other")], "b"),
        ([("touches", "/agents"), ("blueprint_id", "other"), ("blueprint_id", "main")], "abce"),
        ([("touches", "/agents"), ("status", "rejected")], "a"),
        ([("touches", "/agents"), ("axis", "noop")], "a"),
        ([("touches", "/agents"), ("since", "2"), ("until", "5")], ""),  # not at a plausible time
        ([("touches", "/agents"), ("has", "ops")], "abc"),
        ([("touches", "/flow"), ("not_touches", "/agents/10")], "c"),
        ([("has", "patch")], "abce"),
        ([("not_has", "patch")], "d"),
        ([("has", "patch"), ("not_has", "ops")], "e"),
    ],
)
def test_a_place_finds_itself_and_what_is_inside_it(
    log: None, pairs: Pairs, ids: str, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(phrases, "FEW", few)
    assert found(*pairs) == list(ids)


@pytest.mark.parametrize("value", ["", "agents", "agents/1", "/~", "/a~2", "/\0", "#/agents"])
@pytest.mark.parametrize("name", ["touches", "not_touches"])
def test_what_is_no_place_is_refused_and_the_refusal_says_how_to_write_one(name: str, value: str) -> None:
    with pytest.raises(Invalid) as refusal:
        filters.from_pairs([(name, value)], 0)
    assert (refusal.value.field, refusal.value.rule) == (name, "pointer")
    assert "/agents/reviewer" in refusal.value.detail


@pytest.mark.parametrize("name", ["touches", "not_touches"])
@pytest.mark.parametrize("longest", [f"/{'x' * (LONGEST_PLACE - 1)}", "/x" * MOST_TOKENS])
def test_a_place_that_is_longer_than_any_that_is_kept_is_refused(name: str, longest: str) -> None:
    record(make_entry(ops=ops(longest)))
    assert len(found((name, longest))) == (name == "touches")
    with pytest.raises(Invalid) as refusal:
        filters.from_pairs([(name, f"{longest}/")], 0)
    assert (refusal.value.field, refusal.value.rule) == (name, "length")
    assert "500 characters and 32 parts" in refusal.value.detail
    assert len(refusal.value.detail) < 150


@pytest.mark.parametrize("others", [[], [("blueprint_id", "main")], [("status", "rejected")], [("axis", "noop")]])
@pytest.mark.parametrize("few", [0, 500])
def test_no_filter_reads_a_whole_table(log: None, others: Pairs, few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phrases, "FEW", few)
    wanted = filters.from_pairs([("touches", "/agents/1"), ("not_touches", "/flow"), *others], 0)
    with CaptureQueriesContext(connection) as captured:
        lists.page(wanted, "desc", 10)
        count(wanted, 5)
    assert not whole_tables(captured)


@pytest.mark.parametrize(
    ("others", "index"),
    [([], "touch_place_ts"), ([("blueprint_id", "main")], "touch_blueprint_place_ts")],
)
def test_a_place_in_many_entries_leads_by_its_own_index(
    others: Pairs, index: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(phrases, "FEW", 0)
    record_all(
        make_entry(
            issue_id=str(number), blueprint_id=("main", "b")[number % 2], ts_ms=number, ops=ops(f"/{number % 10}")
        )
        for number in range(600)
    )
    host_derivation.analyze()
    with CaptureQueriesContext(connection) as captured:
        assert lists.page(filters.from_pairs([("touches", "/8"), *others], 0), "desc", 10).rows
    assert any(index in plan for plan in plans(captured).values()), plans(captured)
    assert not any("TEMP B-TREE" in plan for plan in plans(captured).values())


def test_a_scan_is_limited_to_the_range_of_the_place(log: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phrases, "FEW", 0)
    monkeypatch.setattr(reach, "MOST_ROWS", 2)
    wanted = filters.from_pairs([("touches", "/agents"), ("status", "rejected")], 0)
    page = lists.page(wanted, "desc", 10)
    assert (page.rows, page.stopped) == ([], True)
    rest = lists.page(wanted, "desc", 10, str(page.next))
    assert [row[1] for row in rest.rows] == ["a"]


def test_a_reading_ends_where_patches_are_derived() -> None:
    record(make_entry(issue_id="a", ts_ms=1, ops=ops("/x")))
    append(make_entry(issue_id="b", ts_ms=2))
    append(make_entry(issue_id="c", ts_ms=3, ops=ops("/x")), make_entry(issue_id="d", ts_ms=4))
    for pairs in ([("touches", "/x")], [("has", "patch")], [("not_touches", "/y")], [("not_has", "patch")]):
        assert begun(filters.from_pairs(pairs, 0))[1] == 2
    assert begun(filters.from_pairs([("has", "ops")], 0))[1] == 4
    assert found(("touches", "/x")) == ["a"]
    assert count_beyond(filters.from_pairs([("not_touches", "/y")], 0), 0, 9) == Count(2)
    host_derivation.settle()
    assert found(("touches", "/x")) == ["a", "c"]
    assert touched()[:2] == (4, 4)


def test_a_log_of_which_nothing_is_derived_can_be_read() -> None:
    append(make_entry(ops=ops("/x")))
    assert found(("touches", "/x")) == []
    assert found(("not_touches", "/x")) == []


def test_what_comes_later_does_not_appear_in_the_middle_of_a_reading() -> None:
    record_all(make_entry(issue_id=str(at), ts_ms=at, prev_hash=HASHES[at], ops=ops("/x")) for at in range(4))
    record(
        make_entry(issue_id="bare", ts_ms=2),
        make_entry(issue_id="named", ts_ms=2, prev_hash=HASH, ops=ops("/agents/0")),
    )
    asked = {
        name: filters.from_pairs(pairs, 0)
        for name, pairs in {
            "place": [("touches", "/x")],
            "either": [("touches", "/x"), ("touches", "/agents/writer")],
            "patch": [("has", "patch"), ("not_touches", "/agents")],
        }.items()
    }
    begun = {name: lists.page(wanted, "desc", 1) for name, wanted in asked.items()}
    searched = {name: lists.light_page(wanted, "desc", 1) for name, wanted in asked.items()}
    observed.keep("a", Found(patches=[make_patch(ops=raw("/x"), ts_ms=2)]))
    keep_document()
    host_derivation.settle()
    for name, wanted in asked.items():
        for first in (begun[name], searched[name]):
            rows = [*first.rows, *lists.page(wanted, "desc", 10, str(first.next)).rows]
            assert [row[1] for row in rows] == ["3", "2", "1", "0"]
    assert found(("touches", "/x")) == ["0", "1", "2", "bare", "3"]
    assert found(("touches", "/agents/writer")) == ["named"]


def test_a_search_sees_on_all_pages_what_its_first_page_saw() -> None:
    record_all(make_entry(issue_id=str(at), ts_ms=at, prev_hash=HASHES[at], ops=ops("/x")) for at in range(3))
    record(make_entry(issue_id="bare", ts_ms=7))
    wanted = filters.from_pairs([("phrase", "cite the file"), ("touches", "/x")], 0)
    first = search_page(wanted, "asc", 2)
    observed.keep("a", Found(patches=[make_patch(ops=raw("/x"), ts_ms=7)]))
    host_derivation.settle()
    assert [row[1] for row in search_page(wanted, "asc", 2, str(first.next)).rows] == ["2"]
    assert len(search_page(wanted, "asc", 9).rows) == 4


def test_a_host_that_is_imported_into_a_log_does_not_hide_what_was_derived() -> None:
    record(make_entry(issue_id="a", ops=ops("/x")))
    observed.keep("b", Found(patches=[make_patch(ops=raw("/x"), ts_ms=7)]))
    assert found(("touches", "/x")) == ["a"]


def places_of(*pairs: tuple[str, str]) -> dict[str, str]:
    wanted = filters.from_pairs(pairs, 0)
    offered = facets(wanted, begun(wanted)[1]).by.get("touches", ())
    return {choice.value: str(choice.entries) for choice in offered}


def test_the_facet_offers_whole_places_by_name_where_there_is_one(log: None) -> None:
    whole = {"/agents/re~1viewer/profile/x": "1", "/agents/10": "2", "/flow": "2", "/flow/x": "1", "/agents/1": "2"}
    assert places_of() == {**whole, "/agents/10/~0": "1"}
    for place, number in places_of().items():
        wanted = filters.from_pairs([("touches", place)], 0)
        assert len(found(("touches", place))) == int(number)
        assert facets(wanted, 5).total == Count(len(found(("touches", place))))
    assert places_of(("touches", "/agents"))["/agents"] == "4"
    assert places_of(("touches", "/nothing")) == {}
    inside = {"/agents/10": "2", "/agents/10/~0": "1", "/agents/1": "2", "/agents/re~1viewer/profile/x": "1"}
    assert places_of(("touches", "/agents")) == {"/agents": "4", **inside}
    assert places_of(("touches", "/agents"), ("touches", "/flow")) == {"/agents": "4", "/flow": "2"}


def test_places_inside_a_chosen_one_are_read_by_the_index(log: None) -> None:
    for pairs in ([], [("touches", "/agents")], [("touches", "/agents"), ("touches", "/flow")]):
        with CaptureQueriesContext(connection) as captured:
            facets(filters.from_pairs(pairs, 0), 5)
        (plan,) = (plan for statement, plan in plans(captured).items() if "WITH sample" in statement)
        assert not re.search(r"SCAN (t|a|joined)\b|Seq Scan on enhancelog_(touch|touchawaiting|entrypatch)\b", plan)


def test_the_facet_says_how_many_have_no_names(log: None) -> None:
    assert facets(filters.from_pairs([], 0), 5).unnamed == Count(3)
    assert facets(filters.from_pairs([("touches", "/agents/re~1viewer")], 0), 5).unnamed == Count(0)


def test_the_facet_reads_a_limited_number_of_places(log: None, monkeypatch: pytest.MonkeyPatch) -> None:
    most = Touch.objects.count() - 2
    sampled = facet_queries._SAMPLED_TOUCHES.replace("LIMIT 20001", f"LIMIT {most + 1}")
    monkeypatch.setattr(facet_queries, "MOST_TOUCHES", most)
    monkeypatch.setattr(facet_queries, "_SAMPLED_TOUCHES", sampled)
    offered = facets(filters.from_pairs([], 0), 5)
    assert offered.more_places
    assert all(choice.entries.capped for choice in offered.by["touches"])


def test_places_that_occur_complete_a_beginning(log: None) -> None:
    assert touched_places.places("/agents/1") == [
        "/agents/1",
        "/agents/1/profile",
        "/agents/1/profile/x",
        "/agents/10",
        "/agents/10/~0",
    ]
    assert touched_places.places("/f") == ["/flow", "/flow/x"]
    assert touched_places.places("/f\0") == touched_places.places("x") == []
    with CaptureQueriesContext(connection) as captured:
        touched_places.places("/agents")
    assert not whole_tables(captured)
