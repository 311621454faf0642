"""Base64, hashes and numbers in texts: one value has one spelling."""

import base64
import binascii
import re
from collections.abc import Iterable, Sequence
from typing import Final

from enhancelog.evidence.errors import Unproven
from enhancelog.evidence.merkle import HASH_BYTES, MAX_SIZE

_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,18}")
_LONGEST_QUOTE: Final = 60  # characters


def quoted(text: str) -> str:
    """For an error."""
    return ascii(text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}...")


def write_base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def parse_base64(text: str, field: str) -> bytes:
    try:
        data = base64.b64decode(text.encode(), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise Unproven(f"{field}: is not base64: {quoted(text)}") from None
    if write_base64(data) != text:  # bits that nobody reads, or padding after the end
        raise Unproven(f"{field}: is not canonical base64: {quoted(text)}")
    return data


def parse_hash(text: str, field: str) -> bytes:
    data = parse_base64(text, field)
    if len(data) != HASH_BYTES:
        raise Unproven(f"{field}: has {len(data):,} bytes, a hash has {HASH_BYTES}")
    return data


def parse_number(text: str, field: str) -> int:
    if not _NUMBER.fullmatch(text) or int(text) > MAX_SIZE:
        raise Unproven(f"{field}: is {quoted(text)}, not a whole number in plain digits up to {MAX_SIZE}")
    return int(text)


def write_hashes(hashes: Iterable[bytes]) -> str:
    return "".join(f"{write_base64(each)}\n" for each in hashes)


def parse_hashes(lines: Sequence[str], field: str, most: int) -> list[bytes]:
    if len(lines) > most:
        raise Unproven(f"{field}: has {len(lines):,} hashes, no proof has more than {most}")
    return [parse_hash(line, f"{field}[{number}]") for number, line in enumerate(lines)]
