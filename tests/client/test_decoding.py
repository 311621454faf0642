"""Compressed responses of the server, and of one that means harm."""

import gzip
import tracemalloc
import zlib
from collections.abc import Iterable

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from enhancelog.client import endpoint as module
from enhancelog.client.decoding import Decoder, DecodingError
from enhancelog.client.exchange import Request
from enhancelog.domain.errors import Other
from tests.client.scripted import Scripted

GET = Request("GET", "/v1/enhance/log")


def answer(body: bytes, coding: str = "gzip") -> httpx.Response:
    return httpx.Response(200, headers={"Content-Encoding": coding}, stream=httpx.ByteStream(body))


def read(parts: Iterable[bytes], coding: str) -> bytes:
    decoder = Decoder(coding)
    body = b"".join(piece for part in parts for piece in decoder.feed(part))
    decoder.end()
    return body


@given(st.binary(max_size=3000), st.integers(1, 700))
def test_gzip_is_read_however_it_is_cut_into_parts(body: bytes, size: int) -> None:
    sent = gzip.compress(body, mtime=0)
    assert read([sent[at : at + size] for at in range(0, len(sent), size)], "GZIP") == body


@pytest.mark.parametrize("coding", ["", "identity", " Identity "])
def test_what_is_not_compressed_is_passed_on(coding: str) -> None:
    assert read([b"ab", b"c"], coding) == b"abc"


def test_a_response_without_a_body_may_name_a_coding() -> None:
    assert read([], "gzip") == b""


@pytest.mark.parametrize("coding", ["gzip, gzip", "br", "zstd", "deflate", "gzip, identity"])
def test_only_the_coding_that_was_asked_for_is_read(coding: str) -> None:
    with pytest.raises(DecodingError, match="which was not requested"):
        read([gzip.compress(b"x", mtime=0)], coding)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (gzip.compress(b"x" * 999, mtime=0)[:-1], "ended within"),
        (gzip.compress(b"x", mtime=0) + b"y", "continues after"),
        (gzip.compress(b"x", mtime=0) * 2, "continues after"),
        (b"no gzip", "not valid gzip"),
        (zlib.compress(b"x"), "not valid gzip"),
    ],
)
def test_what_is_not_whole_gzip_is_an_error(body: bytes, reason: str) -> None:
    with pytest.raises(DecodingError, match=reason):
        read([body], "gzip")


def test_the_client_asks_for_gzip_and_reads_it() -> None:
    server = Scripted(answer(gzip.compress(b"[]", mtime=0)))
    assert server.connection.send(GET).body == b"[]"
    assert server.requests[0].headers["Accept-Encoding"] == "gzip"


@pytest.mark.parametrize("coding", ["gzip", "gzip, gzip"])
def test_a_small_body_that_unfolds_to_gigabytes_costs_no_more_than_the_limit(
    coding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_ANSWER_BYTES", 1 << 20)
    bomb = gzip.compress(bytes(1 << 26), 9)
    server = Scripted(answer(bomb if coding == "gzip" else gzip.compress(bomb, 9, mtime=0), coding))
    tracemalloc.start()
    try:
        with pytest.raises(Other, match=r"larger than 1,048,576 bytes|which was not requested"):
            server.connection.send(GET)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 << 20
