"""What is refused where, and that all else parses as JSON does. Entries' own rules are in ``test_records``."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enhancelog import strictjson
from enhancelog.errors import Invalid

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abé", max_size=3), inner, max_size=4),
    max_leaves=20,
)


@given(json_values, st.booleans())
def test_what_is_json_parses_as_json(value: Any, ascii_only: bool) -> None:
    assert strictjson.loads(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@pytest.mark.parametrize("depth", [1, strictjson.MAX_DEPTH])
def test_nesting_up_to_the_limit_is_accepted(depth: int) -> None:
    strictjson.parse("[" * depth + "]" * depth)
    strictjson.parse('{"a":' * depth + "1" + "}" * depth)


@pytest.mark.parametrize("deep", ["[" * 33 + "]" * 33, '{"a":' * 33 + "1" + "}" * 33, "[" * 1_000_000])
def test_nesting_beyond_the_limit_is_refused_before_anything_recurses(deep: str) -> None:
    with pytest.raises(Invalid) as refusal:
        strictjson.parse(deep)
    assert refusal.value.rule == "depth"


def test_brackets_in_strings_are_no_nesting() -> None:
    assert strictjson.parse(json.dumps(["[" * 100, '\\"[' * 50])) == ["[" * 100, '\\"[' * 50]


@pytest.mark.parametrize(
    ("text", "field", "rule"),
    [
        ('{"a":{"b":1,"b":2}}', "a.b", "duplicate"),
        ('[{"a":1,"\\u0061":2}]', "[0].a", "duplicate"),
        ('{"a":[1,NaN]}', "a[1]", "number"),
        ('{"a":Infinity}', "a", "number"),
        ('{"a":-1e999}', "a", "number"),
        ('["\\uDC00"]', "[0]", "surrogate"),
        ('["\\ud83e"]', "[0]", "surrogate"),
        ('["\\ud83e\\ud83e"]', "[0]", "surrogate"),
        ('{"\\ud800":1}', "\\ud800", "surrogate"),
        ('{"\\u0000":1}', "\\u0000", "nul"),
    ],
)
def test_a_trap_is_refused_with_its_path(text: str, field: str, rule: str) -> None:
    with pytest.raises(Invalid) as refusal:
        strictjson.parse(text)
    assert (refusal.value.field, refusal.value.rule) == (field, rule)


def test_an_escaped_pair_of_surrogates_is_one_character() -> None:
    assert strictjson.parse('"\\ud83e\\udd8a"') == "🦊"
