"""Whatever a record contains, an excerpt fits into a model's context, and reading on by offset yields all of it."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET, Raw

from enhancelog.agents.excerpts import (
    KNOWN_FIELDS,
    LISTED,
    LISTED_FIELDS,
    SMALLEST,
    Excerpt,
    Shape,
    fits,
    fitted,
    known_values,
    listed_values,
)
from enhancelog.agents.mcp_results import MAX_ANSWER_BYTES
from enhancelog.domain import records
from enhancelog.domain.errors import Invalid
from enhancelog.domain.records import Entry
from tests.factories import make_entry

# One character becomes up to six bytes of JSON.
repeated = st.builds(
    lambda text, times: text * times,
    st.sampled_from(["a", "語", "\u0001", '"', "😀", "line\n"]),
    st.integers(0, 60_000),
)
ids = st.sampled_from(["a", '"' * 512, "語" * 170])


@st.composite
def hostile(draw: st.DrawFn) -> Entry:
    many = draw(st.integers(0, 60))
    detail = draw(repeated)[: 900_000 // (6 * many + 1)]
    return records.from_values(
        max_bytes=1 << 26,
        issue_id=draw(ids),
        blueprint_id=draw(ids),
        prev_hash=draw(repeated),
        new_hash=draw(repeated),
        intent=draw(repeated),
        rationale=draw(repeated),
        verdicts=[
            {"axis": str(number) + '"' * draw(st.sampled_from([0, 500])), "status": "deny", "detail": detail}
            for number in range(many)
        ],
        status="rejected",
        reasons=[detail] * many,
        ts_ms=1,
        ops=[{"op": "add", "path": "/a", "value": draw(repeated)}] * draw(st.integers(0, 3)),
    )


def known(entry: Entry) -> dict[str, Raw]:
    """As the API sends it, with as much metadata as there can be."""
    more = {
        "position": 1,
        "actor": {"kind": "token", "name": '"' * 150},
        "source": '"' * 512,
        "digest": "0" * 64,
        "envelope": "0" * 64,
        "patterns": {str(number) + '"' * 500: "5f2b8c1d9e3a7046" for number in range(64)},
        "observed": {
            "ops": Raw(b"null") if entry.ops is UNSET else entry.ops,
            "bump": "patch",
            "candidate_hash": entry.new_hash,
            "prev_hash": entry.prev_hash,
            "source": '"' * 512,
        },
    }
    return msgspec.json.decode(records.encode(entry), type=dict[str, Raw]) | {
        name: Raw(msgspec.json.encode(value)) for name, value in more.items()
    }


def excerpt(values: dict[str, Any], offset: int = 0) -> tuple[dict[str, Any], Any]:
    def built(shape: Shape) -> tuple[dict[str, Any], Any]:
        made = Excerpt(shape, offset)
        return made.of(values), made.continued

    return fitted(built)


def read_on(values: dict[str, Raw], field: str) -> tuple[str, int]:
    """A text, put together from its parts, and in how many parts it came."""
    whole, offset, parts = "", 0, 0
    while True:
        shown, continued = excerpt(known_values(values, [field]), offset)
        parts += 1
        if not continued:
            return whole + shown[field], parts
        (one,) = continued
        part, marker, rest = shown[field].rpartition("… [continued at offset ")
        assert (marker, rest) == ("… [continued at offset ", f"{one['offset']} of {field}]")
        assert one["offset"] > offset
        whole, offset = whole + part, one["offset"]


@settings(max_examples=40, deadline=None)
@given(hostile())
def test_an_entry_fits_whatever_it_contains(entry: Entry) -> None:
    shown, continued = excerpt(known_values(known(entry), []))
    assert len(msgspec.json.encode([shown, continued])) <= MAX_ANSWER_BYTES
    assert shown["issue_id"] == entry.issue_id


@settings(max_examples=40, deadline=None)
@given(hostile())
def test_an_entry_in_a_list_fits_with_every_field(entry: Entry) -> None:
    assert fits(Excerpt(SMALLEST).of(listed_values(entry, LISTED_FIELDS)))
    assert fits(fitted(lambda shape: Excerpt(shape).of(listed_values(entry, LISTED_FIELDS)), LISTED))


@settings(max_examples=20, deadline=None)
@given(hostile(), st.sampled_from(["prev_hash", "intent", "rationale", "verdicts[0].detail", "reasons[0]"]))
def test_reading_on_by_offset_yields_the_whole_text(entry: Entry, field: str) -> None:
    if "[" in field and not entry.verdicts:
        return
    expected = entry.reasons[0] if "[" in field else getattr(entry, field)
    assert read_on(known(entry), field)[0] == expected


def test_a_text_comes_in_as_few_parts_as_fit() -> None:
    text = "word " * 20_000
    assert read_on(known(make_entry(rationale=text)), "rationale") == (text, 5)


def test_reading_on_in_a_list_counts_items() -> None:
    verdicts = [{"axis": f"axis-{number}", "status": "pass", "detail": "ok"} for number in range(1000)]
    values = known(make_entry(verdicts=verdicts))
    found: list[Any] = []
    while True:
        shown, continued = excerpt(known_values(values, ["verdicts"]), len(found))
        found += shown["verdicts"]
        if not continued:
            break
        assert continued == [{"field": "verdicts", "offset": len(found), "length": 1000}]
    assert found == verdicts


def test_what_is_cut_says_where_it_is_in_the_entry() -> None:
    deny = {"axis": "size", "status": "deny", "detail": "x" * 400}
    entry = make_entry(verdicts=[{"axis": "des", "status": "pass", "detail": "ok"}, deny], status="rejected")
    shown = Excerpt(LISTED).of(listed_values(entry, ["denied"]))
    assert shown == {"denied": {"size": f"{'x' * 300}… [continued at offset 300 of verdicts[1].detail]"}}


@pytest.mark.parametrize("value", ["2.50", '"' + "x" * 30_000 + '"', "123456789012345678901234567890"])
def test_an_operation_that_json_readers_would_change_is_its_text(value: str) -> None:
    operation = f'{{"op":"add","path":"/a","value":{value}}}'
    values = known(msgspec.structs.replace(make_entry(), ops=Raw(f"[{operation}]".encode())))
    shown, _ = excerpt(known_values(values, ["ops"]))
    assert isinstance(shown["ops"][0], str | dict)
    assert msgspec.json.encode(shown["ops"][0]).decode() == operation or read_on(values, "ops[0]")[0] == operation


def test_the_patch_of_a_host_s_store_is_read_on_like_the_entry_s_own() -> None:
    ops = [{"op": "remove", "path": f"/{number}"} for number in range(1000)]
    values = known(make_entry(ops=[*ops, {"op": "add", "path": "/a", "value": "x" * 30_000}]))
    shown, continued = excerpt(known_values(values, ["observed"]))
    assert shown["observed"]["bump"] == "patch"
    found = shown["observed"]["ops"]
    assert continued == [{"field": "observed.ops", "offset": len(found), "length": 1001}]
    while len(found) < 1000:
        shown, continued = excerpt(known_values(values, ["observed.ops"]), len(found))
        found += shown["observed.ops"]
    assert found[:1000] == ops
    assert read_on(values, "observed.ops[1000]")[0] == '{"op":"add","path":"/a","value":"' + "x" * 30_000 + '"}'


def test_a_server_without_the_patches_of_hosts_has_none_to_show() -> None:
    older = {name: value for name, value in known(make_entry(ops=[])).items() if name != "observed"}
    assert "observed" not in known_values(older, [])
    assert known_values(older, ["observed", "observed.ops"]) == {"observed": None, "observed.ops": None}
    assert known_values(known(make_entry()) | {"observed": Raw(b"null")}, ["observed"]) == {"observed": None}


def test_without_a_patch_there_are_no_operations() -> None:
    assert known_values(known(make_entry()), ["ops"]) == {"ops": None}
    assert "ops" not in known_values(known(make_entry()), [])


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ("nothing", 'contains the unknown field "nothing"; known: issue_id, '),
        ("intent[0]", 'contains the unknown field "intent[0]"'),
        ("reasons[0].detail", 'contains the unknown field "reasons[0].detail"'),
        ("observed.intent", 'contains the unknown field "observed.intent"'),
        ("verdicts[x]", 'contains the unknown field "verdicts[x]"'),
        ("verdicts[2]", "names verdicts[2], but verdicts has 2 items, counted from 0"),
    ],
)
def test_a_field_that_is_not_there_is_named(field: str, reason: str) -> None:
    with pytest.raises(Invalid) as refused:
        known_values(known(make_entry()), [field])
    assert (refused.value.field, refused.value.detail[: len(reason)]) == ("fields", reason)


def test_an_offset_beyond_the_end_is_refused() -> None:
    with pytest.raises(Invalid, match="is 1, but intent ends at 1"):
        excerpt(known_values(known(make_entry(intent="x")), ["intent"]), 1)


def test_fields_are_those_of_the_record() -> None:
    assert (*records.FIELDS, "denied") == LISTED_FIELDS
    assert KNOWN_FIELDS[: len(records.FIELDS)] == records.FIELDS
