"""``meta`` of an entry: a flat JSON object of what the caller notes about the run."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal, InvalidOperation
from typing import Any, Final

from enhancelog.domain import strict_json
from enhancelog.domain.errors import Invalid

MAX_KEYS: Final = 64
MAX_BYTES: Final = 8192
LONGEST_INDEXED: Final = 256  # characters

KEY_SCHEMA: Final = "^[A-Za-z0-9_.-]{1,64}$"
_KEY: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)
KEY_RULE: Final = "a key has 1 to 64 of A-Z a-z 0-9 _ . -"
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?", re.ASCII)
_EXACT: Final = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)
# From 0.0000001 to below 10 to the power of 21, a number is written without an exponent.
_PLAIN: Final = range(-7, 21)


def checked(data: bytes) -> bytes:
    """``data``, strict JSON, without white space. Raises ``Invalid``."""
    data = strict_json.compact(data)
    if not data.startswith(b"{"):
        raise Invalid("meta", "type", "must be a JSON object")
    if len(data) > MAX_BYTES:
        raise Invalid("meta", "size", f"has {len(data):,} bytes, the limit is {MAX_BYTES:,}")
    members = json.loads(data, parse_int=str, parse_float=str)
    if len(members) > MAX_KEYS:
        raise Invalid("meta", "count", f"has {len(members):,} keys, the limit is {MAX_KEYS}")
    for key, value in members.items():
        if not is_key(key):
            raise Invalid("meta", "key", f"has the key {json.dumps(key[:80])}; {KEY_RULE}")
        if not isinstance(value, str | bool):
            raise Invalid(f"meta.{key}", "type", "must be a string, a number or a boolean")
    return data


def is_key(text: str) -> bool:
    return _KEY.fullmatch(text) is not None


# Key to value as text; a number as it was written.
def written(data: bytes) -> dict[str, str]:
    return _texts(json.loads(data, parse_int=str, parse_float=str))


# Key to value as the index holds it: equal numbers alike, a long text as its beginning and SHA-256.
def indexed(data: bytes) -> dict[str, str]:
    values = _texts(json.loads(data, parse_int=_shortest, parse_float=_shortest))
    return {key: _cut(text) for key, text in values.items()}


def found_as(text: str) -> tuple[str, ...]:
    """What a filter's value finds in the index: the text and, of a number, its shortest form."""
    texts = (text, _shortest(text)) if _NUMBER.fullmatch(text) else (text,)
    return tuple(dict.fromkeys(_cut(each) for each in texts))


def as_found(numbers: Mapping[str, int], values: Iterable[str]) -> dict[str, int]:
    """From how many entries hold each text, how many a filter finds: the text "1.0" also finds the number 1."""
    return {value: sum(numbers.get(text, 0) for text in found_as(value)) for value in values}


def is_whole(indexed_text: str) -> bool:
    return len(indexed_text) <= LONGEST_INDEXED


def _texts(members: dict[str, Any]) -> dict[str, str]:
    return {key: json.dumps(value) if isinstance(value, bool) else value for key, value in members.items()}


def _shortest(digits: str) -> str:
    try:
        number = _EXACT.normalize(Decimal(digits))
    except InvalidOperation:  # an exponent out of range: zero, or what no entry holds
        return "0" if float(digits) == 0 else digits
    if not number:
        return "0"
    return f"{number:f}" if number.adjusted() in _PLAIN else str(number)


# Index keys are limited in length. The result is longer than any text that is kept whole, so it equals none.
def _cut(text: str) -> str:
    return text if is_whole(text) else text[:LONGEST_INDEXED] + hashlib.sha256(text.encode()).hexdigest()
