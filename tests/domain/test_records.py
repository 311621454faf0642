"""Bodies that are refused, each with its field and rule, and round trips of all that is accepted."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enhancelog.domain import records
from enhancelog.domain.errors import Invalid, TooLarge
from enhancelog.domain.origin import Origin
from enhancelog.domain.records import Entry
from enhancelog.store import rows
from tests.factories import make_entry, make_fields
from tests.strategies import entries


def body(**changes: Any) -> bytes:
    return json.dumps(make_fields(**changes)).encode()


def refused(data: bytes) -> tuple[str, str]:
    with pytest.raises(Invalid) as refusal:
        records.decode(data)
    assert str(refusal.value) == str(refusal.value).strip() != ""
    str(refusal.value).encode()  # can be written out
    return refusal.value.field, refusal.value.rule


def deny(**changes: Any) -> list[dict[str, Any]]:
    return [{"axis": "des", "status": "deny", "detail": "d"}, {"axis": "a", "status": "deny", "detail": "d"} | changes]


@pytest.mark.parametrize("field", records.CONTRACT_FIELDS)
def test_a_missing_field_is_named(field: str) -> None:
    fields = make_fields()
    del fields[field]
    assert refused(json.dumps(fields).encode()) == (field, "missing")


@pytest.mark.parametrize("field", records.FIELDS)
def test_null_is_no_value_of_any_field(field: str) -> None:
    assert refused(body(**{field: None})) == (field, "type")


@pytest.mark.parametrize(
    ("changes", "field", "rule"),
    [
        ({"ts_ms": 1.0}, "ts_ms", "type"),
        ({"ts_ms": True}, "ts_ms", "type"),
        ({"ts_ms": "1"}, "ts_ms", "type"),
        ({"ts_ms": 2**63}, "ts_ms", "value"),
        ({"ts_ms": -(2**63) - 1}, "ts_ms", "value"),
        ({"ts_ms": 10**400}, "ts_ms", "value"),
        ({"status": "Applied"}, "status", "choice"),
        ({"status": ""}, "status", "choice"),
        ({"intent": 1}, "intent", "type"),
        ({"intent": ["a"]}, "intent", "type"),
        ({"reasons": "a"}, "reasons", "type"),
        ({"reasons": ["a", 1]}, "reasons[1]", "type"),
        ({"reasons": ["a", "\0"]}, "reasons[1]", "nul"),
        ({"reasons": ["\udc00"]}, "reasons[0]", "surrogate"),
        ({"verdicts": {}}, "verdicts", "type"),
        ({"verdicts": ["des"]}, "verdicts[0]", "type"),
        ({"verdicts": [{"axis": "a", "status": "deny"}]}, "verdicts[0].detail", "missing"),
        ({"verdicts": deny(status="denied")}, "verdicts[1].status", "choice"),
        ({"verdicts": deny(detail=None)}, "verdicts[1].detail", "type"),
        ({"verdicts": deny(detail="\0")}, "verdicts[1].detail", "nul"),
        ({"verdicts": deny(axis="")}, "verdicts[1].axis", "id-length"),
        ({"verdicts": deny(axis="a\nb")}, "verdicts[1].axis", "id"),
        ({"verdicts": deny(axis="x" * 513)}, "verdicts[1].axis", "id-length"),
        ({"issue_id": ""}, "issue_id", "id-length"),
        ({"issue_id": "."}, "issue_id", "id"),
        ({"issue_id": ".."}, "issue_id", "id"),
        ({"issue_id": "a\x00"}, "issue_id", "nul"),
        ({"issue_id": "a\x1f"}, "issue_id", "id"),
        ({"issue_id": "a\x7f"}, "issue_id", "id"),
        ({"issue_id": "a\x9f"}, "issue_id", "id"),
        ({"issue_id": "\ud800"}, "issue_id", "surrogate"),
        ({"issue_id": "x" * 513}, "issue_id", "id-length"),
        ({"issue_id": "長" * 171}, "issue_id", "id-length"),
        ({"blueprint_id": "."}, "blueprint_id", "id"),
        ({"blueprint_id": "x" * 513}, "blueprint_id", "id-length"),
        ({"prev_hash": "\0"}, "prev_hash", "nul"),
        ({"new_hash": "\ud800"}, "new_hash", "surrogate"),
        ({"rationale": "a\0"}, "rationale", "nul"),
        ({"bump": "huge"}, "bump", "choice"),
        ({"ops": {}}, "ops", "type"),
        ({"ops": [1]}, "ops[0]", "type"),
        ({"ops": [{"path": ""}]}, "ops[0].op", "missing"),
        ({"ops": [{"op": "remove"}]}, "ops[0].path", "missing"),
        ({"ops": [{"op": "merge", "path": ""}]}, "ops[0].op", "choice"),
        ({"ops": [{"op": "add", "path": "/a"}]}, "ops[0].value", "missing"),
        ({"ops": [{"op": "copy", "path": "/a"}]}, "ops[0].from", "missing"),
        ({"ops": [{"op": "remove", "path": "a"}]}, "ops[0].path", "pointer"),
        ({"ops": [{"op": "move", "path": "/a", "from": "b"}]}, "ops[0].from", "pointer"),
        ({"ops": [{"op": "test", "path": "", "value": "\0"}]}, "ops[0].value", "nul"),
        ({"unknown": "\0"}, "unknown", "nul"),
        ({"unknown": {"a\0": 1}}, "unknown.a\\u0000", "nul"),
        ({"unknown": [{"a": "\udfff"}]}, "unknown[0].a", "surrogate"),
    ],
)
def test_a_bad_value_is_refused_with_its_field_and_rule(changes: dict[str, Any], field: str, rule: str) -> None:
    assert refused(body(**changes)) == (field, rule)


@pytest.mark.parametrize(
    ("data", "field", "rule"),
    [
        (b"", "", "json"),
        (b"null", "", "type"),
        (b"[]", "", "type"),
        (b'"x"', "", "type"),
        (b"{}{}", "", "json"),
        (b"{'a':1}", "", "json"),
        (b'{"a":1,}', "", "json"),
        (b'{"a":01}', "", "json"),
        (b'{"a":"\n"}', "", "json"),
        (b'\xef\xbb\xbf{"a":1}', "", "json"),
        (b'{"a":"\xff"}', "", "utf-8"),
        (b'{"a":"\xed\xa0\x80"}', "", "utf-8"),
        (b'{"a":"\xc0\x80"}', "", "utf-8"),
        (b'{"a":NaN}', "a", "number"),
        (b'{"a":[-Infinity]}', "a[0]", "number"),
        (b'{"a":1e400}', "a", "number"),
        (b'{"a":' + b"1" * 5000 + b"}", "", "number"),
        (b'{"ts_ms":1,"ts_ms":1}', "ts_ms", "duplicate"),
        (b'{"verdicts":[{"axis":"a","axis":"b"}]}', "verdicts[0].axis", "duplicate"),
        (b'{"a":"\\ud800"}', "a", "surrogate"),
        (b'{"a":"\\u0000"}', "a", "nul"),
        (b'{"deep":' + b"[" * 32 + b"]" * 32 + b"}", "deep", "depth"),
        (b'{"deep":' + b'{"a":' * 40_000 + b"1" + b"}" * 40_000 + b"}", "deep", "depth"),
        (b"[" * 200_000, "", "depth"),
    ],
)
def test_a_bad_document_is_refused_with_its_place_and_rule(data: bytes, field: str, rule: str) -> None:
    assert refused(data) == (field, rule)


def test_a_body_beyond_the_limit_is_too_large() -> None:
    data = body(intent="x" * records.MAX_ENTRY_BYTES)
    with pytest.raises(TooLarge) as refusal:
        records.decode(data)
    assert (refusal.value.size, refusal.value.limit) == (len(data), records.MAX_ENTRY_BYTES)


def test_a_body_of_exactly_the_limit_is_accepted() -> None:
    room = records.MAX_ENTRY_BYTES - len(body(intent=""))
    assert len(records.decode(body(intent="x" * room)).intent) == room


def test_unknown_fields_are_dropped_everywhere() -> None:
    entry = records.decode(body(extra=[1], verdicts=deny(weight=3)))
    assert b"extra" not in records.encode(entry)
    assert b"weight" not in records.encode(entry)


def test_encoding_has_the_contracts_key_order_and_only_what_was_recorded() -> None:
    shuffled = dict(reversed(make_fields().items()))
    assert tuple(json.loads(records.encode(records.from_values(**shuffled)))) == records.CONTRACT_FIELDS
    assert tuple(json.loads(records.encode(make_entry(bump="major")))) == (*records.CONTRACT_FIELDS, "bump")


def test_32_levels_are_accepted() -> None:
    value: Any = 1
    for _ in range(29):
        value = [value]
    entry = make_entry(ops=[{"op": "add", "path": "", "value": value}])  # object, ops, operation and 29 more
    assert records.decode(records.encode(entry)) == entry


def test_digest_is_of_the_canonical_form() -> None:
    assert records.digest(make_entry()) == "d80da78df533b355e1baaea8ef8cfb6639089b91a69412febac1c7cf4b4c5b16"


def test_plain_values_that_json_cannot_say_are_refused() -> None:
    for value in (object(), float("nan"), "\ud800", {1, "a"}):
        with pytest.raises(Invalid):
            records.from_values(**make_fields(intent=value))


def test_differences_ignore_what_only_the_stored_entry_carries() -> None:
    with_ops = make_entry(ops=[], bump="minor")
    assert records.differences(make_entry(), with_ops) == ()
    assert records.differences(with_ops, make_entry()) == ("ops", "bump")
    assert records.differences(with_ops, make_entry(ops=[], bump="minor")) == ()
    assert records.differences(make_entry(bump="minor", intent="x"), with_ops) == ("intent",)


def test_a_denial_is_the_first_reason_of_its_axis() -> None:
    said = [("a", "deny", "1"), ("b", "pass", "2"), ("a", "deny", "3"), ("c", "deny", "4"), ("b", "deny", "5")]
    entry = make_entry(verdicts=[{"axis": axis, "status": status, "detail": detail} for axis, status, detail in said])
    assert records.denials(entry) == {"a": "1", "c": "4", "b": "5"}
    assert records.judged_axes(entry) == ("a", "b", "c")


@given(entries())
def test_decode_of_encode_is_the_entry(entry: Entry) -> None:
    data = records.encode(entry)
    assert records.decode(data) == entry
    assert records.encode(records.decode(data)) == data


@given(entries())
def test_a_row_gives_back_the_entry_and_its_json(entry: Entry) -> None:
    row = rows.to_row(7, entry, 99, Origin("command", "tests", "tests"), "digest", "5a")
    record = row[1 : 1 + len(rows.RECORD_COLUMNS)]
    assert len(row) == len(rows.STORED_COLUMNS)
    assert rows.from_row(record) == entry
    assert records.encode_part(rows.json_from_row(record)).encode() == records.encode(entry)


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_no_bytes_raise_anything_but_invalid(data: bytes) -> None:
    with contextlib.suppress(Invalid):
        records.decode(data)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ),
    st.sampled_from(records.FIELDS),
)
def test_any_json_in_any_field_is_accepted_or_refused_by_name(value: Any, field: str) -> None:
    data = json.dumps(make_fields(**{field: value})).encode()
    found = accepted_or_refused(data)
    assert (
        found.field.startswith(field) if isinstance(found, Invalid) else records.decode(records.encode(found)) == found
    )


def accepted_or_refused(data: bytes) -> Entry | Invalid:
    try:
        return records.decode(data)
    except Invalid as refusal:
        return refusal
