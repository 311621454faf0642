"""Strict JSON (RFC 8259) in linear time."""

import json
import math
import re
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from functools import reduce
from itertools import accumulate
from typing import Any, Final

from enhancelog.domain.errors import Invalid

# Refused: duplicate keys, NaN and Infinity, numbers beyond a double, deeper nesting than MAX_DEPTH, invalid UTF-8, and
# U+0000 and lone surrogates, which PostgreSQL cannot store.
MAX_DEPTH = 32
BOM: Final = b"\xef\xbb\xbf"  # the byte-order mark, which RFC 8259 lets a parser ignore

# An unterminated string reaches to the end of the text, so that no search starts inside it.
_STRING: Final = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_TOKEN_OR_SPACE: Final = re.compile(rb'("(?:[^"\\]++|\\.)*+(?:"|\\?\Z))|[ \t\r\n]++', re.DOTALL)
_NO_BRACKET: Final = re.compile(r"[^\[\]{}]++")
_STEP: Final = {"[": 1, "{": 1, "]": -1, "}": -1}


class _Duplicate(dict[str, Any]):
    key: str  # occurs twice


class _BadNumber:
    def __init__(self, digits: str) -> None:
        self.digits = digits


class _Fault(Exception):
    # ``path`` holds keys and indexes, innermost first.
    def __init__(self, rule: str, detail: str, *path: str | int) -> None:
        super().__init__(rule)
        self.rule, self.detail, self.path = rule, detail, list(path)

    def as_invalid(self) -> Invalid:
        return Invalid(_shown(reduce(_join, reversed(self.path), "")), self.rule, self.detail)


def loads(data: bytes) -> Any:
    """Raises ``Invalid``; its field is the path of the fault."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Invalid("", "utf-8", f"is not UTF-8 at byte {error.start}") from None
    return parse(text)


def parse(text: str) -> Any:
    if text.count("[") + text.count("{") > MAX_DEPTH:
        _check_depth(text)
    marks: list[_Duplicate | _BadNumber] = []

    def build(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) == len(pairs):
            return made
        counts = Counter(key for key, _ in pairs)
        marked = _Duplicate(made)
        marked.key = next(key for key, count in counts.items() if count > 1)
        marks.append(marked)
        return marked

    def bad_number(digits: str) -> _BadNumber:
        marks.append(bad := _BadNumber(digits))
        return bad

    def number(digits: str) -> float | _BadNumber:
        value = float(digits)
        return bad_number(digits) if math.isinf(value) else value

    try:
        value = json.loads(text, object_pairs_hook=build, parse_constant=bad_number, parse_float=number)
    except json.JSONDecodeError as error:
        raise Invalid("", "json", f"is not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
    except ValueError:
        raise Invalid("", "number", "contains a number with too many digits") from None
    if marks or "\\u" in text or not is_text(text):
        try:
            _check(value)
        except _Fault as fault:
            raise fault.as_invalid() from None
    return value


# Without white space between tokens.
def compact(data: bytes) -> bytes:
    return _TOKEN_OR_SPACE.sub(rb"\1", data)


def are_equal(one: bytes, other: bytes) -> bool:
    """Whether two valid texts hold the same value: the order of keys and the spelling do not count."""
    return one == other or _are_equal(_exactly(one), _exactly(other))


def _exactly(data: bytes) -> Any:
    return json.loads(data, parse_float=_exact_number)


def _exact_number(digits: str) -> Decimal | float:
    try:
        return Decimal(digits)
    except InvalidOperation:  # an exponent so far below zero that it does not fit: zero
        return float(digits)


def _are_equal(one: Any, other: Any) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_are_equal(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_are_equal, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)  # to Python, True is 1


def check_text(text: str, field: str) -> None:
    """Raises ``Invalid`` for U+0000 and lone surrogates."""
    if text.isascii() and "\0" not in text:
        return  # the common case
    if flaw := _flaw(text):
        raise Invalid(field, *flaw)


def is_clean(text: str) -> bool:
    return _flaw(text) is None


def _flaw(text: str) -> tuple[str, str] | None:
    if "\0" in text:
        return "nul", "contains the character U+0000, which cannot be stored; remove it"
    if not text.isascii() and not is_text(text):
        return "surrogate", "contains a lone surrogate, which is not a character; remove it"
    return None


def is_text(text: str) -> bool:
    """Whether it holds no lone surrogate."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _check_depth(text: str) -> None:
    # A parser that recurses must not see more levels than this.
    brackets = _NO_BRACKET.sub("", _STRING.sub("", text))
    depths = accumulate(map(_STEP.__getitem__, brackets))
    if any(depth > MAX_DEPTH for depth in depths):
        raise Invalid(_shown(_outermost_key(text)), "depth", f"is nested deeper than {MAX_DEPTH} levels")


def _outermost_key(text: str) -> str:
    depth, key, at = 0, "", 0
    for string in _STRING.finditer(text):
        for step in map(_STEP.get, text[at : string.start()]):
            depth += step or 0
            if depth > MAX_DEPTH:
                return key
        if depth == 1:
            key = string[0][1:-1]
        at = string.end()
    return key


def _check(value: Any) -> None:
    if isinstance(value, str):
        if flaw := _flaw(value):
            raise _Fault(*flaw)
    elif isinstance(value, _BadNumber):
        raise _Fault("number", f"contains {value.digits[:40]}, which is not a JSON number or exceeds a double")
    elif isinstance(value, _Duplicate):
        raise _Fault("duplicate", "appears twice in one object", value.key)
    elif isinstance(value, dict):
        _check_items(value.items())
    elif isinstance(value, list):
        _check_items(enumerate(value))


def _check_items(items: Iterable[tuple[str | int, Any]]) -> None:
    for step, item in items:
        try:
            _check(step)
            _check(item)
        except _Fault as fault:
            fault.path.append(step)
            raise


def _join(path: str, step: str | int) -> str:
    if isinstance(step, int):
        return f"{path}[{step}]"
    return f"{path}.{step}" if path else step


def _shown(path: str) -> str:
    # Keys come from the sender and may not be encodable.
    return path.encode("utf-8", "backslashreplace").decode().replace("\0", "\\u0000")
