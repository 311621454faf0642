"""Which values of a Blueprint's document are fields, and where patches find them."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from enhancelog.domain import blueprint_fields, places

KEYS = st.sampled_from(["agents", "flow", "ref", "name", "prompt", "a/b", "~", "", "a\0b"])
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)


@given(DOCUMENTS)
def test_every_field_is_at_a_place_that_a_patch_can_touch(document: Any) -> None:
    found = blueprint_fields.fields(document)
    at = [field.place for field in found.fields]
    assert found.places.issuperset(at)
    assert all(places.is_place(place) for place in at)
    assert all(blueprint_fields.group_of(field.place) == field.group for field in found.fields)


def test_a_step_is_one_field_and_so_are_the_steps_inside_it() -> None:
    flow = {"children": [{"ref": "a", "in": {"op": "path"}, "children": [{"ref": "b"}]}]}
    found = blueprint_fields.fields({"flow": flow}).fields
    assert [(field.of, field.place) for field in found] == [
        ("a", "/flow/children/0"),
        ("b", "/flow/children/0/children/0"),
    ]


def test_values_beyond_what_a_place_can_be_are_no_fields() -> None:
    deep: Any = "x"
    for _ in range(places.MOST_TOKENS + 1):
        deep = {"a": deep}
    assert blueprint_fields.fields(deep).fields == []
    assert blueprint_fields.fields({"k" * places.LONGEST_PLACE: "x"}).fields == []


def test_an_item_with_a_name_now_may_have_been_another_at_its_index() -> None:
    document = {"agents": [{"name": "writer"}, {}]}
    assert blueprint_fields.is_by_index(document, "/agents/0/prompt")
    assert not blueprint_fields.is_by_index(document, "/agents/1/prompt")
    assert not blueprint_fields.is_by_index(document, "/agents/writer/prompt")


def test_a_key_that_no_place_can_have_makes_no_field() -> None:
    found = blueprint_fields.fields({"a\0b": {"c": "x"}, "d": {"e\0": "x", "f": "x"}})
    assert found.places == {"/d", "/d/f"}
