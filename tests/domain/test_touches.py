"""Which places a patch touches: every whole-token beginning, by index and by name, in bounded number."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enhancelog.domain import blueprint_documents, touches
from enhancelog.domain.places import LONGEST_PLACE, MOST_TOKENS, is_place
from enhancelog.domain.touches import MOST_PLACES, Touched

DOCUMENT = {"agents": [{"name": "writer"}, {"name": "re/view~er", "tools": [{"name": ""}, "x", {"name": 7}]}], "1": {}}


def pointers(*operations: Any) -> list[str]:
    return touches.pointers(json.dumps(operations))


def named(*paths: str) -> dict[str, bool]:
    return {each.place: each.is_named for each in touches.places(list(paths), DOCUMENT)}


@pytest.mark.parametrize(
    ("operations", "found"),
    [
        ([{"op": "add", "path": "/a/b", "value": 1}, {"op": "remove", "path": "/a/b"}], ["/a/b"]),
        (
            [{"op": "move", "path": "/a", "from": "/b"}, {"op": "copy", "path": "/c", "from": "/d"}],
            ["/a", "/b", "/c", "/d"],
        ),
        ([{"op": "add", "path": "/a", "from": "/b"}], ["/a"]),
        ([{"op": "add", "path": path} for path in ("", "a/b", "/~2", "/~", "/a\0", "/\ud800", 7, None)], []),
        ([{"op": "add"}, "x", 7, None, [], {"path": "/~0~1/"}], ["/~0~1/"]),
        ([{"op": "add", "path": "/a", "value": int("9" * 4_000)}], ["/a"]),
    ],
)
def test_pointers_are_those_of_the_operations(operations: Any, found: list[str]) -> None:
    assert pointers(*operations) == found


@pytest.mark.parametrize("text", ["", "{", "null", "7", '{"path":"/a"}', "[" * 100_000])
def test_what_is_no_patch_touches_nothing(text: str) -> None:
    assert touches.pointers(text) == []


def test_every_whole_beginning_is_a_place() -> None:
    assert touches.places(["/agents/1/profile", "/agents/10", "/agents/1"]) == [
        Touched("/agents", is_whole=False),
        Touched("/agents/1", is_whole=True),
        Touched("/agents/1/profile", is_whole=True),
        Touched("/agents/10", is_whole=True),
    ]


def test_items_of_lists_are_also_found_by_name() -> None:
    assert touches.places(["/agents/0/profile"], DOCUMENT) == [
        Touched("/agents", is_whole=False),
        Touched("/agents/0", is_whole=False, has_named=True),
        Touched("/agents/0/profile", is_whole=True, has_named=True),
        Touched("/agents/writer", is_whole=False, is_named=True),
        Touched("/agents/writer/profile", is_whole=True, is_named=True),
    ]
    assert named("/agents/1") == {"/agents": False, "/agents/1": False, "/agents/re~1view~0er": True}


@pytest.mark.parametrize(
    "path", ["/agents/2", "/agents/-", "/agents/01", "/1", "/agents/name", "/absent/0", "/agents/writer"]
)
def test_what_is_no_item_with_a_name_has_only_its_own_place(path: str) -> None:
    assert not any(named(path).values())


def test_an_item_without_a_name_keeps_its_index() -> None:
    assert named("/agents/1/tools/2")["/agents/re~1view~0er/tools/2"]


def test_places_are_limited_in_number_depth_and_length() -> None:
    deep = "/a" * (MOST_TOKENS + 5)
    assert [each.place for each in touches.places([deep])] == ["/a" * depth for depth in range(1, MOST_TOKENS + 1)]
    long = f"/a/{'x' * (LONGEST_PLACE - 3)}"
    assert [each.place for each in touches.places([long, f"{long}y"])] == ["/a", long]
    many = [f"/agents/{number % 2}/{number}" for number in range(1_000)]
    assert len(touches.places(many, DOCUMENT)) == len(touches.places(many)) == MOST_PLACES
    assert all(not each.is_named for each in touches.places(many, DOCUMENT))


texts = st.lists(st.sampled_from(["agents", "0", "1", "writer", "tools", "~0", "", "-"]), min_size=1, max_size=6)


@given(st.lists(texts.map(lambda found: "/" + "/".join(found)), max_size=8), st.booleans())
def test_a_document_only_adds_places(paths: list[str], has_document: bool) -> None:
    plain = touches.places(paths)
    assert {each.place for each in plain if each.is_whole} == set(paths)
    found = touches.places(paths, DOCUMENT)
    assert [each._replace(has_named=False) for each in found if not each.is_named] == plain
    assert len({each.place for each in found}) == len(found)
    assert all(is_place(each.place) for each in found)


def test_names_come_from_what_a_yaml_document_says() -> None:
    document = blueprint_documents.parse("agents:\n- name: writer\n- name: 7\n", "yaml")
    assert [each.place for each in touches.places(["/agents/0", "/agents/1"], document)][3:] == ["/agents/writer"]
