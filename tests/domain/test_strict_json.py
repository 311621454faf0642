"""What is refused where, and that all else parses as JSON does. Entries' own rules are in ``test_records``."""

import json
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enhancelog.domain import strict_json
from enhancelog.domain.errors import Invalid
from tests import limited

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
    assert strict_json.loads(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@pytest.mark.parametrize("depth", [1, strict_json.MAX_DEPTH])
def test_nesting_up_to_the_limit_is_accepted(depth: int) -> None:
    strict_json.parse("[" * depth + "]" * depth)
    strict_json.parse('{"a":' * depth + "1" + "}" * depth)


@pytest.mark.parametrize("deep", ["[" * 33 + "]" * 33, '{"a":' * 33 + "1" + "}" * 33, "[" * 1_000_000])
def test_nesting_beyond_the_limit_is_refused_before_anything_recurses(deep: str) -> None:
    with pytest.raises(Invalid) as refusal:
        strict_json.parse(deep)
    assert refusal.value.rule == "depth"


def test_brackets_in_strings_are_no_nesting() -> None:
    assert strict_json.parse(json.dumps(["[" * 100, '\\"[' * 50])) == ["[" * 100, '\\"[' * 50]


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
        strict_json.parse(text)
    assert (refusal.value.field, refusal.value.rule) == (field, rule)


def test_an_escaped_pair_of_surrogates_is_one_character() -> None:
    assert strict_json.parse('"\\ud83e\\udd8a"') == "🦊"


def steps(text: str) -> Iterator[tuple[str, int]]:
    """Every bracket outside of strings and every string, with the depth after it: the plain reading of JSON."""
    depth, at = 0, 0
    while at < len(text):
        if text[at] == '"':
            end = at + 1
            while text[end] != '"':
                end += 2 if text[end] == "\\" else 1
            yield text[at + 1 : end], depth
            at = end
        elif text[at] in "[{]}":
            depth += 1 if text[at] in "[{" else -1
            yield text[at], depth
        at += 1


def expected_fault(value: Any, path: str) -> tuple[str, str] | None:
    """The field and the rule of the first fault, found with a path for everything; ``value`` is made of pairs."""
    if isinstance(value, Constant):
        return shown(path), "number"
    if isinstance(value, str):
        rule = "nul" if "\0" in value else "surrogate" if any("\ud800" <= each <= "\udfff" for each in value) else ""
        return (shown(path), rule) if rule else None
    if isinstance(value, Pairs):
        keys = [key for key, _ in value.pairs]
        if twice := [key for key in keys if keys.count(key) > 1]:
            return shown(f"{path}.{twice[0]}" if path else twice[0]), "duplicate"
        inner = [(f"{path}.{key}" if path else key, key, item) for key, item in value.pairs]
    elif isinstance(value, list):
        inner = [(f"{path}[{number}]", "", item) for number, item in enumerate(value)]
    else:
        return None
    found = (expected_fault(key, below) or expected_fault(item, below) for below, key, item in inner)
    return next(filter(None, found), None)


class Constant(str):
    """NaN, Infinity or a number beyond a double."""


class Pairs:
    """An object as it was written."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        self.pairs = pairs


def shown(path: str) -> str:
    return path.encode("utf-8", "backslashreplace").decode().replace("\0", "\\u0000")


def written(value: Any) -> str:
    if isinstance(value, Pairs):
        return "{" + ",".join(f"{json.dumps(key)}:{written(item)}" for key, item in value.pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(written, value)) + "]"
    return value if isinstance(value, Constant) else json.dumps(value)


texts = st.text(st.sampled_from(["a", "b", "é", '"', "\\", "[", "\0", "\ud800", "🦊"]), max_size=3)
flawed_values = st.recursive(
    st.integers() | texts | st.sampled_from([Constant("NaN"), Constant("-Infinity"), Constant("1e999")]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.lists(st.tuples(texts, inner), max_size=3).map(lambda pairs: Pairs(pairs))
    ),
    max_leaves=8,
)


@given(flawed_values)
def test_the_first_fault_is_named_with_its_path(value: Any) -> None:
    expected = expected_fault(value, "")
    try:
        strict_json.parse(written(value))
    except Invalid as refusal:
        assert (refusal.field, refusal.rule) == expected
    else:
        assert expected is None


@given(
    st.lists(
        st.sampled_from(['"a"', '"["', '"\\\\"', '"\\""', '"b]"', "[", "]", "{", "}", "[" * 9, "]" * 9]), max_size=40
    )
)
def test_depth_counts_brackets_outside_of_strings(tokens: list[str]) -> None:
    text = "".join(tokens)
    key, depth = "", 0
    for token, depth in steps(text):
        if depth > strict_json.MAX_DEPTH:
            break
        key = token if depth == 1 and token not in ("[", "]", "{", "}") else key
    with pytest.raises(Invalid) if depth > strict_json.MAX_DEPTH else nullcontext() as refusal:
        strict_json._check_depth(text)
    if refusal:
        assert (refusal.value.field, refusal.value.rule) == (key, "depth")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('{"a":1,"b":[{"c":null,"d":"x"}]}', '{ "b": [{"d": "x", "c": null}], "a": 1 }'),
        ("[1,2.50,1e2]", "[1.0,2.5,100]"),
        ('"\\u0041/"', '"A\\/"'),
        ("1e-99999999999999999999", "0"),
    ],
)
def test_values_are_equal_whatever_their_spelling(one: str, other: str) -> None:
    assert strict_json.are_equal(one.encode(), other.encode())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("[1,2]", "[2,1]"),
        ("[1]", "[1,1]"),
        ("true", "1"),
        ("[false]", "[0]"),
        ("null", "0"),
        ('"1"', "1"),
        ('{"a":1}', '{"a":1,"b":1}'),
        ("[]", "{}"),
        ("10000000000000000000000.1", "10000000000000000000000.2"),
    ],
)
def test_other_values_are_not_equal(one: str, other: str) -> None:
    assert not strict_json.are_equal(one.encode(), other.encode())


N = 1_000_000
HOSTILE = {
    "escaped quotes without an end": '{"a":[' + "[]," * 33 + '"' + '\\"' * (N // 2),
    "a backslash at the end": "[]," * 33 + '"' * (N // 2) + "\\" * (N // 2 - 1),
    "distinct keys, one twice": "{"
    + ",".join(f'"{number:x}":1' for number in range(N // 9))
    + f',"{N // 9 - 1:x}":2}}',
    "a long key above many": r'{"\u0041'
    + "k" * (N // 2)
    + '":{'
    + ",".join(f'"{n:x}":1' for n in range(N // 18))
    + "}}",
    "digits": "[1." + "1" * N + "e-99999]",
    "brackets": "[]," * (N // 3),
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_the_cost_is_bounded_whatever_a_megabyte_holds(body: str) -> None:
    limited.assert_ends(
        """
import sys
from enhancelog.domain import strict_json
try:
    strict_json.parse(sys.stdin.read())
except strict_json.Invalid:
    pass
""",
        text=body,
        cpu_s=3,
    )
