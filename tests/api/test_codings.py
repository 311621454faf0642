"""Which content coding a request prefers, and that a compressed body is the same body."""

import gzip
import string
import sys
import tracemalloc
import zlib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enhancelog.web.codings import Coding, preferred
from enhancelog.web.compression import compressed, compressed_stream

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

CODINGS: list[Coding] = ["gzip", "zstd"]

tokens = st.sampled_from(["gzip", "zstd", "identity", "*", "br", "GZIP", "x-gzip", "deflate", "", "g zip", "é"])
weights = st.sampled_from(
    ["", ";q=0", "; q=0.5", ";q=1.000", ";Q=0.123", ";q=1.5", ";q=-1", ";q=", ";q=nan", ";level=1"]
)
headers = st.lists(st.tuples(tokens, weights).map("".join), max_size=6).map(", ".join) | st.text(string.printable)


def unpacked(body: bytes, coding: Coding) -> bytes:
    """Raises for a body that is cut or has something after its end."""
    if coding == "zstd":
        decompressor = zstd.ZstdDecompressor()
        whole = decompressor.decompress(body)
        assert decompressor.eof
        assert not decompressor.unused_data
        return whole
    return gzip.decompress(body)


@pytest.mark.parametrize(
    ("header", "coding"),
    [
        ("", None),
        ("gzip", "gzip"),
        ("GZip", "gzip"),
        ("zstd", "zstd"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip, deflate, br", "gzip"),
        ("gzip;q=1.0, zstd;q=0.9", "gzip"),
        ("zstd;q=0, gzip", "gzip"),
        ("gzip;q=0", None),
        ("*", "gzip"),
        ("*;q=0.1", "gzip"),
        ("*;q=0", None),
        ("br, *;q=0", None),
        ("gzip;q=0, *", None),
        ("zstd, *;q=0", "zstd"),
        ("identity", None),
        ("identity;q=0", None),
        ("identity;q=0, gzip", "gzip"),
        ("identity, gzip", "gzip"),
        ("identity;q=1, gzip;q=0.9", None),
        ("gzip;q=0.5, *;q=0.9", None),
        ("gzip, gzip;q=0", None),
        (", gzip ,\t, zstd ; q=0.5,", "gzip"),
        ("br, deflate, compress", None),
        ("gzip;q=0.001", "gzip"),
        ("gzip;q=0.0001", None),
        ("gzip;q=2", None),
        ("gzip;q", None),
        ("gzip;level=9", None),
        ("gzip zstd", None),
        ("gzip, é", None),
    ],
)
def test_preferred_coding(header: str, coding: Coding | None) -> None:
    assert preferred(header) == coding


def test_a_header_without_end_is_neither_read_nor_kept() -> None:
    assert preferred("gzip" + "," * 900) == "gzip"
    assert preferred("gzip" + "," * 1000) is None


@given(headers)
def test_any_header_has_an_answer_that_it_names(header: str) -> None:
    coding = preferred(header)
    assert coding in (None, "gzip", "zstd")
    assert coding is None or coding in header.lower() or "*" in header


@given(st.binary(max_size=5000), st.sampled_from(CODINGS))
def test_a_compressed_body_is_the_same_body(body: bytes, coding: Coding) -> None:
    assert unpacked(compressed(body, coding), coding) == body


@given(st.lists(st.binary(max_size=300), max_size=20), st.sampled_from(CODINGS))
def test_a_compressed_stream_is_the_same_stream(chunks: list[bytes], coding: Coding) -> None:
    assert unpacked(b"".join(compressed_stream(chunks, coding)), coding) == b"".join(chunks)


@pytest.mark.parametrize("coding", CODINGS)
def test_a_chunk_is_readable_before_the_next_one_exists(coding: Coding) -> None:
    decompressor = zlib.decompressobj(31) if coding == "gzip" else zstd.ZstdDecompressor()
    asked = 0

    def rows() -> Iterator[bytes]:
        nonlocal asked
        for number in range(50):
            asked += 1
            yield b"row %d\n" % number

    stream = compressed_stream(rows(), coding)
    for number in range(50):
        assert decompressor.decompress(next(stream)) == b"row %d\n" % number
        assert asked == number + 1


@pytest.mark.parametrize("coding", CODINGS)
def test_a_long_stream_takes_the_memory_of_a_chunk(coding: Coding) -> None:
    chunk = b"".join(b'{"issue_id":"h-%d"}\n' % number for number in range(5000))
    tracemalloc.start()
    try:
        size = sum(len(part) for part in compressed_stream((bytes(chunk) for _ in range(500)), coding))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size < 500 * len(chunk) / 5
    assert peak < 20 * len(chunk)
