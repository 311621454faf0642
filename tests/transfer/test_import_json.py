"""Cutting a stream of bytes into entries: whatever the chunks, the same entries; what is broken is refused alone."""

import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enhancelog.domain import records
from enhancelog.domain.errors import TooLarge
from enhancelog.domain.records import Entry
from enhancelog.domain.strict_json import BOM
from enhancelog.transfer import bulk, json_stream
from enhancelog.transfer.items import Found, Item, Refused, Unreadable
from enhancelog.transfer.json_stream import Splitter
from enhancelog.transfer.sources import open_source
from tests.factories import make_entry, make_fields
from tests.strategies import entries

LIMIT = 4096
GOOD = records.encode(make_entry())


def read(data: bytes, limit: int = LIMIT) -> list[Item]:
    with open_source("-", limit, stdin=io.BytesIO(data)) as source:
        return list(source)


def summary(items: list[Item]) -> list[str]:
    """Where each was, with its id or the rule that it broke."""
    return [
        f"{item.where}: {item.entry.issue_id if isinstance(item, Found) else '!' + item.reason.rule}" for item in items
    ]


def chunked(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


WRITINGS: dict[Splitter, tuple[bytes, bytes, bytes]] = {
    json_stream.lines: (b"", b"\n", b"\n"),
    json_stream.array: (b" [\n", b" ,\r\n", b" ] "),
    json_stream.objects: (b"", b" ", b""),
}


@given(
    st.lists(entries(), max_size=4),
    st.sampled_from(list(WRITINGS)),
    st.integers(1, 50),
    st.sampled_from([None, 1]),
)
def test_any_chunks_give_the_same_entries(batch: list[Entry], split: Splitter, size: int, indent: int | None) -> None:
    opening, between, closing = WRITINGS[split]
    indent = None if split is json_stream.lines else indent
    written = [
        json.dumps(json.loads(records.encode(entry)), indent=indent, ensure_ascii=False).encode() for entry in batch
    ]
    data = opening + between.join(written) + closing
    items = list(json_stream.items(chunked(data, size), split, 1 << 20))
    assert [item.entry if isinstance(item, Found) else item for item in items] == batch


@given(st.binary(max_size=60).map(lambda data: data.replace(b"\n", b"")), st.sampled_from(list(WRITINGS)))
def test_no_bytes_stop_the_reading(data: bytes, split: Splitter) -> None:
    whole = list(json_stream.items([data], split, LIMIT))
    for size in (1, 7):
        items = list(json_stream.items(chunked(data, size), split, LIMIT))
        assert all(isinstance(item, Refused) for item in items)
        assert summary(items) == summary(whole)


@given(
    st.lists(st.sampled_from([b"\n", b" ", b"\r\n", b"\t\n", b"{}", b'{"a":\n', GOOD]), max_size=12), st.integers(1, 5)
)
def test_lines_keep_their_numbers_among_blank_ones(parts: list[bytes], size: int) -> None:
    data = b"".join(parts)
    numbers = [number for number, line in enumerate(data.split(b"\n"), 1) if line.strip(json_stream.WHITE_SPACE)]
    pieces = list(json_stream.lines(chunked(data, size), LIMIT))
    assert [piece.where for piece in pieces] == [f"line {number}" for number in numbers]
    limits = bulk.Limits(len(data), len(numbers), LIMIT)
    assert b"".join(bulk.measured(chunked(data, size), limits)) == data
    if numbers:
        with pytest.raises(TooLarge):
            list(bulk.measured(chunked(data, size), bulk.Limits(len(data), len(numbers) - 1, LIMIT)))


@pytest.mark.parametrize("size", [1, 2, 3, 4, 99])
def test_a_byte_order_mark_is_left_out_at_the_start_only(size: int) -> None:
    for data in (b"", b"\xef\xbb", BOM, BOM + b"{}", b"{}" + BOM, BOM + BOM):
        assert b"".join(json_stream.without_bom(chunked(data, size))) == data.removeprefix(BOM)


@pytest.mark.parametrize(
    "data", [b"", b" \r\n\t\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n", b"[]", b" [ \n] ", b"\xef\xbb\xbf[]"]
)
def test_nothing_is_no_entries(data: bytes) -> None:
    assert read(data) == []


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (GOOD, ["line 1: h-1"]),
        (b"\xef\xbb\xbf" + GOOD + b"\n", ["line 1: h-1"]),
        (b"\n\r\n" + GOOD + b"\r\n\n" + GOOD, ["line 3: h-1", "line 5: h-1"]),
        (b"[" + GOOD + b"]", ["entry 1: h-1"]),
        (json.dumps(make_fields(), indent=2).encode(), ["entry 1: h-1"]),
        (b'{"issue_id":"h-1",\n' + GOOD[len(b'{"issue_id":"h-1",') :], ["entry 1: h-1"]),
        (2 * json.dumps(make_fields(), indent=2).encode(), ["entry 1: h-1", "entry 2: h-1"]),
    ],
)
def test_the_kind_is_told_by_the_content(data: bytes, expected: list[str]) -> None:
    assert summary(read(data)) == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"{\n" + GOOD[1:], ["entry 1: h-1"]),
        (GOOD + b"\n{bad\n" + GOOD, ["line 1: h-1", "line 2: !json", "line 3: h-1"]),
        (GOOD + b'\n{"a":"\xff"}\n' + GOOD, ["line 1: h-1", "line 2: !utf-8", "line 3: h-1"]),
        (GOOD + b"\n[" + GOOD + b"]\n" + GOOD, ["line 1: h-1", "line 2: !type", "line 3: h-1"]),
        (GOOD + GOOD + b"\n" + GOOD, ["line 1: !json", "line 2: h-1"]),
        (GOOD + b"\n" + GOOD[:50], ["line 1: h-1", "line 2: !json"]),
        (
            b"[{}," + GOOD + b",1," + GOOD + b"]",
            ["entry 1: !missing", "entry 2: h-1", "entry 3: !type", "entry 4: h-1"],
        ),
        (b"[" + GOOD + b"," + GOOD, ["entry 1: h-1", "entry 2: h-1", "end: !json"]),
        (b"[" + GOOD + b"," + GOOD[:50], ["entry 1: h-1", "entry 2: !json", "end: !json"]),
        (b"[" + GOOD + b",]", ["entry 1: h-1", "entry 2: !json"]),
        (b"[" + GOOD + b",," + GOOD + b"]", ["entry 1: h-1", "entry 2: !json", "entry 3: h-1"]),
        (b"[" + GOOD + b"] x", ["entry 1: h-1", "end: !json"]),
        (b"[" + GOOD + b"][]", ["entry 1: h-1", "end: !json"]),
        (b"[" + GOOD + b"}," + GOOD + b"]", ["entry 1: !json", "entry 2: h-1"]),
        (b"[" + GOOD + b" " + GOOD + b"]", ["entry 1: !json"]),
        (b"[", ["end: !json"]),
    ],
)
def test_what_is_broken_does_not_hide_its_neighbours(data: bytes, expected: list[str]) -> None:
    assert summary(read(data)) == expected


@pytest.mark.parametrize("writing", [b"%b\n%b\n%b", b"[%b,%b,%b]"])
def test_an_entry_beyond_the_limit_is_refused_and_only_its_beginning_kept(writing: bytes) -> None:
    large = records.encode(make_entry(issue_id="large", intent="x" * 100_000))
    first, refused, last = read(writing % (GOOD, large, GOOD))
    assert isinstance(first, Found)
    assert isinstance(last, Found)
    assert isinstance(refused, Refused)
    assert refused.reason.rule == "size"
    assert f"{len(large):,} bytes" in str(refused.reason)
    assert refused.raw == large[:LIMIT].decode()


@pytest.mark.parametrize("writing", [b"%b\r\n%b\n", b"[ %b , %b ]", b"[\n%b,\n%b\n]\n"])
def test_an_entry_of_exactly_the_limit_is_read(writing: bytes) -> None:
    entry = make_entry(intent="x" * (LIMIT - len(records.encode(make_entry(intent="")))))
    assert len(records.encode(entry)) == LIMIT
    assert [isinstance(item, Found) for item in read(writing % ((records.encode(entry),) * 2))] == [True, True]


def test_what_is_refused_keeps_what_stood_there() -> None:
    (refused,) = read(b'{"issue_id": "\xff"}')
    assert isinstance(refused, Refused)
    assert refused.raw == '{"issue_id": "\\xff"}'


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\x1f\x8b\x08", "gzip"),
        (b"PK\x03\x04", "zip"),
        (b"\x28\xb5\x2f\xfd", "zstandard"),
        ("[]".encode("utf-16"), "UTF-16"),
        (b"issue_id,blueprint_id\n", "neither"),
        (b'"text"', "neither"),
        (b"\0\0\0", "neither"),
        (b"<html>", "neither"),
    ],
)
def test_anything_else_is_unreadable_in_one_line(data: bytes, said: str) -> None:
    with pytest.raises(Unreadable, match=said) as refusal:
        read(data)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("location", ["", "/nowhere/at/all", "/", "a\0b", "x" * 300])
def test_a_path_that_cannot_be_opened_is_unreadable(location: str) -> None:
    with pytest.raises(Unreadable), open_source(location, LIMIT):
        pass


def test_progress_counts_bytes(tmp_path: Path) -> None:
    path = tmp_path / "log.ndjson"
    path.write_bytes((GOOD + b"\n") * 3000)
    with open_source(str(path), 1000) as source:
        assert source.total == path.stat().st_size
        seen = [source.done for _ in source]
    assert seen == sorted(seen)
    assert 0 < seen[0] < seen[-1] == source.total
