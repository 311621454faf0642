"""What differs between two documents: items by their names, and at a bounded price."""

import json
import sqlite3
from contextlib import closing
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enhancelog.domain import blueprint_documents
from enhancelog.domain.alignment import Budget, aligned, moved
from enhancelog.domain.document_changes import Change, compare, place
from tests import limited
from tests.processes import RECORDED_HOST

RECORDED_CHANGES = 168
OUTPUTS = RECORDED_HOST / "output.db"


def agent(name: str, prompt: str = "Be brief.", **profile: Any) -> dict[str, Any]:
    return {"name": name, "profile": {"system_prompt": prompt, "tools": []} | profile}


def team(*agents: dict[str, Any]) -> dict[str, Any]:
    return {"agents": list(agents)}


def told(before: Any, after: Any) -> list[tuple[str, str, str]]:
    changes = compare(before, after)
    return [
        (change.kind, blueprint_documents.pointer(list(change.tokens)), place(change, before, after).label)
        for change in changes
    ]


def test_the_setting_of_an_agent_is_found_by_its_name() -> None:
    before, after = team(agent("reader"), agent("critic")), team(agent("reader"), agent("critic", "Be kind."))
    (change,) = compare(before, after)
    assert (change.kind, change.before, change.after) == ("changed", "Be brief.", "Be kind.")
    assert place(change, before, after) == (
        "agent critic · system prompt",
        "/agents/critic/profile/system_prompt",
        "critic",
    )


def test_an_agent_that_shifts_the_others_is_the_only_change() -> None:
    before, after = team(agent("a"), agent("b")), team(agent("new", "x"), agent("a"), agent("b"))
    assert told(before, after) == [("added", "/agents/0", "agent new")]
    assert told(after, before) == [("removed", "/agents/0", "agent new")]


def test_changes_have_the_pointers_of_the_document_after() -> None:
    before, after = team(agent("a"), agent("b")), team(agent("b", "Be kind."))
    assert told(before, after) == [
        ("changed", "/agents/0/profile/system_prompt", "agent b · system prompt"),
        ("removed", "/agents/0", "agent a"),
    ]


def test_an_agent_that_is_the_same_but_for_its_name_was_renamed() -> None:
    before, after = team(agent("a"), agent("b", "other")), team(agent("z", version_hash="1"), agent("b", "other"))
    assert told(before, after) == [
        ("renamed", "/agents/0/name", "agent z · name"),
        ("added", "/agents/0/profile/version_hash", "agent z · version hash"),
    ]


def test_agents_in_another_order_were_moved() -> None:
    before, after = team(agent("a"), agent("b"), agent("c")), team(agent("c"), agent("a"), agent("b"))
    assert compare(before, after) == [Change("moved", ("agents", "0"), 2, 0)]


def test_steps_are_matched_by_their_agent_and_their_order() -> None:
    def flow(*refs: str, **last: str) -> dict[str, Any]:
        steps: list[dict[str, str]] = [{"kind": "step", "ref": ref} for ref in refs]
        return {"flow": {"children": [*steps[:-1], {**steps[-1], **last}]}}

    assert told(flow("a", "b", "a"), flow("b", "a", out="$.x")) == [
        ("removed", "/flow/children/0", "step a"),
        ("added", "/flow/children/1/out", "step a · out"),
    ]
    assert told(flow("a", "b"), flow("b", "a")) == [("moved", "/flow/children/0", "step b")]


def test_settings_and_tags_have_labels() -> None:
    before = {"metadata": {"tags": ["a", "b"]}, "strategy": {"strict_refs": True}}
    after = {"metadata": {"tags": ["a", "c"]}, "strategy": {"strict_refs": False, "x/y": None}}
    assert told(before, after) == [
        ("changed", "/metadata/tags/1", "metadata · tags · 1"),
        ("changed", "/strategy/strict_refs", "strategy · strict refs"),
        ("added", "/strategy/x~1y", "strategy · x/y"),
    ]
    assert told({}, []) == [("changed", "", "the whole document")]


def test_what_the_host_sets_is_told_apart() -> None:
    before = team(agent("a", version_hash=None)) | {"metadata": {"version_label": "0.1.0", "description": "x"}}
    after = team(agent("a", "new", version_hash="1")) | {"metadata": {"version_label": "0.1.1", "description": "y"}}
    by_host = [change.tokens[-1] for change in compare(before, after) if change.is_by_host]
    assert by_host == ["version_hash", "version_label"]
    assert len(compare(before, after)) == 4


@pytest.mark.parametrize(("before", "after"), [(1, True), (0, False), ("1", 1), (None, False), ({}, []), ("", None)])
def test_values_of_different_types_differ(before: Any, after: Any) -> None:
    assert compare({"a": before}, {"a": after}) == [Change("changed", ("a",), before, after)]


def test_equal_numbers_and_another_order_of_keys_are_no_change() -> None:
    assert compare({"a": 1, "b": 2.0}, {"b": 2, "a": 1.0}) == []


scalars = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "b", "name"])
keys = st.sampled_from(["name", "ref", "a", "profile", "x/y~"])
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(keys, inner, max_size=4), max_leaves=20
)


def leaves(value: Any, at: tuple[str, ...] = ()) -> Any:
    if isinstance(value, dict) and value:
        return [leaf for key, inner in value.items() for leaf in leaves(inner, (*at, key))]
    if isinstance(value, list) and value:
        return [leaf for number, inner in enumerate(value) for leaf in leaves(inner, (*at, str(number)))]
    return [at]


def put(document: Any, tokens: tuple[str, ...], value: Any) -> Any:
    if not tokens:
        return value
    changed = deepcopy(document)
    inner = changed
    for token in tokens[:-1]:
        inner = inner[int(token)] if isinstance(inner, list) else inner[token]
    inner[int(tokens[-1]) if isinstance(inner, list) else tokens[-1]] = value
    return changed


@given(values)
def test_the_same_document_has_no_changes(document: Any) -> None:
    assert compare(document, deepcopy(document)) == []


@given(values, st.data())
def test_every_changed_leaf_is_reported(document: Any, data: st.DataObject) -> None:
    tokens = data.draw(st.sampled_from(leaves(document)))
    after = put(document, tokens, "changed")
    places = [change.tokens for change in compare(document, after)]
    assert any(tokens[: len(found)] == found or found[: len(tokens)] == tokens for found in places)


@given(values, values)
def test_every_change_leads_somewhere_and_is_one(before: Any, after: Any) -> None:
    changes = compare(before, after)
    assert bool(changes) is (json.dumps(before, sort_keys=True) != json.dumps(after, sort_keys=True))
    for change in changes:
        assert place(change, before, after).label
        assert change.before != change.after or isinstance(change.before, bool) is not isinstance(change.after, bool)


@given(st.lists(st.integers(0, 3), max_size=9), st.lists(st.integers(0, 3), max_size=9), st.sampled_from([0, 10**6]))
def test_alignment_has_each_item_once_and_in_order(old: list[int], new: list[int], pairs: int) -> None:
    found = aligned(old, new, Budget(pairs))
    assert [i for i, _ in found if i is not None] == list(range(len(old)))
    assert [j for _, j in found if j is not None] == list(range(len(new)))


@given(st.permutations(range(8)))
def test_what_did_not_move_is_in_order(places: list[int]) -> None:
    still = [place for place, is_moved in zip(places, moved(places), strict=True) if not is_moved]
    assert still == sorted(still)
    assert (len(still) == len(places)) is (places == sorted(places))


def test_recorded_patches_change_what_their_operations_touch() -> None:
    with closing(sqlite3.connect(f"file:{OUTPUTS}?mode=ro", uri=True)) as store:
        rows = store.execute("SELECT event_json FROM outputs WHERE producer_agent = 'patch-applier'").fetchall()
    seen = 0
    for (text,) in rows:
        value = json.loads(text)["content"]["value"]
        before, after = (blueprint_documents.parse(value[f"{side}_bp_yaml"], "yaml") for side in ("prev", "new"))
        changes = compare(before, after)
        for operation in value["patch"]["ops"]:
            tokens = blueprint_documents.tokens(operation["path"])
            is_seen = any(touches(tokens, change) for change in changes)
            assert is_seen or at(before, tokens) == operation["value"]
            seen += is_seen
    assert seen == RECORDED_CHANGES


def touches(tokens: list[str], change: Change) -> bool:
    return all(one in ("-", other) for one, other in zip(tokens, change.tokens, strict=False))


def at(document: Any, tokens: list[str]) -> Any:
    for token in tokens:
        document = document[int(token)] if isinstance(document, list) else document[token]
    return document


def test_large_documents_are_compared_at_a_bounded_price() -> None:
    limited.assert_ends(
        """
from enhancelog.domain.document_changes import compare, place
def nested(value, depth):
    for _ in range(depth): value = [value]
    return value
def changes(before, after):
    found = compare(before, after)
    for change in found[:100]: place(change, before, after)
    return len(found)
many = list(range(15_000))
assert changes(many, many[::-1]) > 100
assert changes(nested(["x" * 190_000], 48), nested(["y" * 190_000], 48)) == 1
names = [{"name": str(n)} for n in range(6_000)]
assert changes({"agents": names}, {"agents": names[::-1]}) > 100
twice = [{"ref": str(n % 7)} for n in range(6_000)]
assert changes(twice, twice[1:]) > 0
"""
    )
