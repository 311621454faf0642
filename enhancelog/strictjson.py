"""JSON as this project accepts it: the syntax of RFC 8259 without the traps that parsers let through.

Refused, with the place named: duplicate keys, NaN and Infinity, numbers beyond a double, nesting deeper than 32,
U+0000 and lone surrogates (PostgreSQL can store neither), text that is not UTF-8. No Django.
"""

import json
import math
import re
from typing import Any

from enhancelog.errors import Invalid

MAX_DEPTH = 32


_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)


class _Duplicate(dict[str, Any]):
    """An object that said a key twice; the walk reports it with its path."""

    key: str


class _BadNumber:
    """A number that is none; the walk reports it with its path."""

    def __init__(self, digits: str) -> None:
        self.digits = digits


def loads(data: bytes) -> Any:
    """Parse ``data``. Raises ``Invalid`` whose field is the path of what is wrong (empty: the document)."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Invalid("", "utf-8", f"is not UTF-8 at byte {error.start}") from None
    return parse(text)


def parse(text: str) -> Any:
    """``loads`` for text that is decoded already."""
    if text.count("[") + text.count("{") > MAX_DEPTH:
        _check_depth(text)
    marks: list[_Duplicate | _BadNumber] = []

    def build(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) == len(pairs):
            return made
        keys = [key for key, _ in pairs]
        marked = _Duplicate(made)
        marked.key = next(key for key in keys if keys.count(key) > 1)
        marks.append(marked)
        return marked

    def bad_number(digits: str) -> _BadNumber:
        marks.append(_BadNumber(digits))
        return _BadNumber(digits)

    def number(digits: str) -> float | _BadNumber:
        value = float(digits)
        return bad_number(digits) if math.isinf(value) else value

    try:
        value = json.loads(text, object_pairs_hook=build, parse_constant=bad_number, parse_float=number)
    except json.JSONDecodeError as error:
        raise Invalid("", "json", f"is not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
    except ValueError:
        raise Invalid("", "number", "holds a number with too many digits") from None
    if marks or "\\u" in text or not _clean(text):
        _walk(value, "")
    return value


def check_text(text: str, field: str) -> None:
    """Raise ``Invalid`` if ``text`` holds U+0000 or a lone surrogate."""
    if "\0" in text:
        raise Invalid(field, "nul", "holds the character U+0000, which cannot be stored; leave it out")
    if not text.isascii() and not _clean(text):
        raise Invalid(field, "surrogate", "holds a lone surrogate, which is no character; leave it out")


def _clean(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _check_depth(text: str) -> None:
    """Raise before a parser recurses; the field is the last key of the outermost object."""
    depth, key = 0, ""
    for match in _STRING_OR_BRACKET.finditer(text):
        token = match[0]
        if token in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise Invalid(_shown(key), "depth", f"is nested deeper than {MAX_DEPTH} levels")
        elif token in "]}":
            depth -= 1
        elif depth == 1:
            key = token[1:-1]


def _walk(value: Any, path: str) -> None:
    if isinstance(value, str):
        check_text(value, path)
    elif isinstance(value, _BadNumber):
        raise Invalid(path, "number", f"holds {value.digits[:40]}, which is no number of JSON's or beyond any double")
    elif isinstance(value, list):
        for number, item in enumerate(value):
            _walk(item, f"{path}[{number}]")
    elif isinstance(value, dict):
        if isinstance(value, _Duplicate):
            raise Invalid(_shown(_join(path, value.key)), "duplicate", "stands twice in one object")
        for key, item in value.items():
            check_text(key, _shown(_join(path, key)))
            _walk(item, _join(path, key))


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _shown(path: str) -> str:
    """A path that can itself be written out: keys are the sender's."""
    return path.encode("utf-8", "backslashreplace").decode().replace("\0", "\\u0000")
