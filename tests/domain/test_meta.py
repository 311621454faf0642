"""``meta`` of an entry: what shape it has, and what of it is equal."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from enhancelog.domain import meta, records
from enhancelog.domain.errors import Invalid
from tests.factories import make_entry, make_fields
from tests.strategies import meta_keys, metas

ODD: list[tuple[Any, str, str]] = [
    ([], "meta", "type"),
    ("x", "meta", "type"),
    (1, "meta", "type"),
    ({"": 1}, "meta", "key"),
    ({"a b": 1}, "meta", "key"),
    ({"é": 1}, "meta", "key"),
    ({"a\n": 1}, "meta", "key"),
    ({"x" * 65: 1}, "meta", "key"),
    ({f"k{number}": 1 for number in range(65)}, "meta", "count"),
    ({"a": "x" * 8192}, "meta", "size"),
    ({"a": None}, "meta.a", "type"),
    ({"a.b": []}, "meta.a.b", "type"),
    ({"ok": 1, "a": {"b": 1}}, "meta.a", "type"),
]


def decoded(text: str) -> records.Entry:
    return records.decode(records.encode(make_entry())[:-1] + f', "meta" : {text} }}'.encode())


@pytest.mark.parametrize(("value", "field", "rule"), ODD)
def test_another_shape_is_refused_with_its_place(value: Any, field: str, rule: str) -> None:
    with pytest.raises(Invalid) as refusal:
        make_entry(meta=value)
    assert (refusal.value.field, refusal.value.rule) == (field, rule)


@pytest.mark.parametrize(("value", "field", "rule"), ODD)
def test_an_import_drops_another_shape_and_keeps_the_entry(value: Any, field: str, rule: str) -> None:
    data = json.dumps(make_fields(meta=value, candidate_hash=7, bump="minor")).encode()
    entry, dropped = records.decode_imported(data)
    assert entry == make_entry(bump="minor")
    assert {(reason.field, reason.rule) for reason in dropped} == {(field, rule), ("candidate_hash", "type")}


def test_an_import_keeps_what_is_in_shape_and_refuses_any_other_fault() -> None:
    fields = make_fields(meta={"model": "m"}, candidate_hash=None)
    entry, (reason,) = records.decode_imported(json.dumps(fields).encode())
    assert (entry, reason.field) == (make_entry(meta={"model": "m"}), "candidate_hash")
    faults: list[dict[str, Any]] = [{"ts_ms": "1"}, {"ops": {}}, {"verdicts": None}]
    for changes in faults:
        with pytest.raises(Invalid) as refusal:
            records.decode_imported(json.dumps(fields | {"meta": []} | changes).encode())
        assert refusal.value.field == next(iter(changes))
    for text in (b'{"a":1,"a":2}', b'{"a":1e999}', b'{"a":"\\u0000"}'):
        with pytest.raises(Invalid):
            records.decode_imported(json.dumps(make_fields()).encode()[:-1] + b',"meta":' + text + b"}")


def test_it_keeps_the_order_of_keys_and_the_writing_of_numbers() -> None:
    entry = decoded('{ "b" : 1.50, "a": 1E2,\n"c" : "x  y", "d": true }')
    assert bytes(entry.meta) == b'{"b":1.50,"a":1E2,"c":"x  y","d":true}'  # type: ignore[arg-type]
    assert records.decode(records.encode(entry)) == entry


def test_values_are_compared_as_json() -> None:
    for text in ('{"a":1,"b":"x"}', '{"b":"x","a":1.0}', '{"b":"\\u0078","a":10e-1}'):
        assert records.differences(decoded(text), decoded('{"a":1,"b":"x"}')) == ()
    for text in ('{"a":1}', '{"a":"1","b":"x"}', '{"a":true,"b":"x"}', "{}"):
        assert records.differences(decoded(text), decoded('{"a":1,"b":"x"}')) == ("meta",)
    assert records.differences(make_entry(), decoded("{}")) == ()
    assert records.differences(decoded("{}"), make_entry()) == ("meta",)


def test_the_limits_themselves_are_accepted() -> None:
    most = {f"k{number}": number for number in range(64)}
    assert make_entry(meta=most).meta != UNSET
    room = meta.MAX_BYTES - len('{"a":""}')
    assert len(bytes(make_entry(meta={"a": "x" * room}).meta)) == meta.MAX_BYTES  # type: ignore[arg-type]
    with pytest.raises(Invalid):
        make_entry(meta={"a": "x" * (room + 1)})


@pytest.mark.parametrize(
    ("value", "found", "not_found"),
    [
        ("1", ["1", "1.0", "1e0", "10e-1", "100E-2"], ["01", "1 ", "+1", "true", "-1"]),
        ("1e2", ["100", "1e2"], ["1e20"]),
        ("-0.0", ["0", "0e5", "-0"], [""]),
        ("123456789012345678901234567890", ["123456789012345678901234567890"], ["123456789012345678901234567891"]),
        ("1e-99999999999999999999", ["0"], ["1e-400"]),
        ('"1.0"', ["1.0"], ["1", "1.00"]),
        ('"true"', ["true"], ["True"]),
        ("true", ["true"], ["1"]),
        ('"null"', ["null"], [""]),
        ('""', [""], [" "]),
        (json.dumps("x" * 5_000), ["x" * 5_000], ["x" * 4_999, "x" * 256]),
    ],
)
def test_a_text_finds_a_value(value: str, found: list[str], not_found: list[str]) -> None:
    (text,) = meta.indexed(f'{{"a":{value}}}'.encode()).values()
    assert [each for each in found if text not in meta.found_as(each)] == []
    assert [each for each in not_found if text in meta.found_as(each)] == []


@given(metas | st.dictionaries(meta_keys, st.floats(allow_nan=False, allow_infinity=False)))
def test_every_value_is_found_by_its_text(value: dict[str, Any]) -> None:
    data = bytes(make_entry(meta=value).meta)  # type: ignore[arg-type]
    written, indexed = meta.written(data), meta.indexed(data)
    assert list(written) == list(indexed) == list(value)
    for key, text in written.items():
        assert indexed[key] in meta.found_as(text)


@given(st.text(max_size=20) | st.integers().map(str) | st.floats().map(str))
def test_any_text_can_be_asked_for(text: str) -> None:
    assert 1 <= len(meta.found_as(text)) <= 2
