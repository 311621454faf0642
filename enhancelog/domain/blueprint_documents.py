"""A Blueprint's document as a value, within limits that no YAML can exceed."""

import math
import re
from collections.abc import Iterable
from typing import Any, Final

import msgspec
import yaml

from enhancelog.domain.observed import DocumentForm

# Characters. Reading YAML takes about 1 µs for each. Larger documents are shown and compared as text only.
LONGEST: Final = 200_000
LONGEST_JSON: Final = 1 << 20
DEEPEST: Final = 50
MOST_NODES: Final = 20_000

_INDEX: Final = re.compile(r"0|[1-9]\d{0,8}", re.ASCII)


class Unreadable(ValueError):
    """The document is too large, too deep, or not what its form says. The text says which."""


# The core schema of YAML 1.2, in which hosts write: no dates, no numbers in base 60, no merged keys.
_SCALAR: Final = re.compile(
    r"(?P<null>~|null|Null|NULL|)"
    r"|(?P<true>true|True|TRUE)|(?P<false>false|False|FALSE)"
    r"|(?P<int>[-+]?(?:0|[1-9]\d{0,17}))"
    r"|(?P<float>[-+]?(?:(?:\.\d{1,18}|\d{1,18}\.\d{0,18})(?:[eE][-+]?\d{1,3})?|\d{1,18}[eE][-+]?\d{1,3}))",
    re.ASCII,
)
_NO_KEY: Final = object()


def parse(text: str, form: DocumentForm) -> Any:
    """A value as JSON has them: every key is text. Raises ``Unreadable``."""
    longest = LONGEST if form == "yaml" else LONGEST_JSON
    if len(text) > longest:
        raise Unreadable(f"it is longer than {longest:,} characters")
    try:
        return _from_yaml(text) if form == "yaml" else _from_json(text)
    except Unreadable:
        raise
    except (yaml.YAMLError, msgspec.DecodeError, ValueError, RecursionError) as error:
        raise Unreadable("it is not valid " + form.upper()) from error


def _from_json(text: str) -> Any:
    try:
        value = msgspec.json.decode(text)
    except RecursionError:  # how deep that is depends on the version of Python
        raise too_deep() from None
    depth, level, count = 0, [value], 1
    while level:
        depth += 1
        level = [inner for each in level for inner in _inner(each)]
        count += len(level)
        _check(depth - 1, count)
    return value


def _inner(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


# In one pass over the events: twice as fast as to check them and then to load. Aliases make values that are far larger
# than their text; a tag can make a number of any length.
def _from_yaml(text: str) -> Any:
    open_: list[Any] = [[]]  # each collection that has not ended, in the list of the document's only value
    keys: list[Any] = [_NO_KEY]
    count = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionEndEvent):
            open_.pop()
            keys.pop()
            continue
        if isinstance(event, yaml.AliasEvent):
            raise Unreadable("it has aliases")
        if not isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent):
            continue
        if event.tag is not None:
            raise Unreadable("it has tags")
        into, key = open_[-1], keys[-1]
        if isinstance(into, dict) and key is _NO_KEY:
            if not isinstance(event, yaml.ScalarEvent) or event.value in into:
                raise Unreadable("it is not valid YAML")
            keys[-1] = event.value
            continue
        value: Any = _scalar(event) if isinstance(event, yaml.ScalarEvent) else _collection(event)
        if isinstance(into, dict):
            into[key], keys[-1] = value, _NO_KEY
        else:
            into.append(value)
        if not isinstance(event, yaml.ScalarEvent):
            open_.append(value)
            keys.append(_NO_KEY)
        count += 1
        _check(len(open_) - 1, count)
    if len(open_[0]) > 1:
        raise Unreadable("it is not valid YAML")
    return open_[0][0] if open_[0] else None


def _collection(event: yaml.CollectionStartEvent) -> Any:
    return {} if isinstance(event, yaml.MappingStartEvent) else []


def _scalar(event: yaml.ScalarEvent) -> Any:
    text = event.value
    found = _SCALAR.fullmatch(text) if event.implicit[0] else None
    match found and found.lastgroup:
        case None:
            return text
        case "int":
            return int(text)
        case "float":
            number = float(text)
            return number if math.isfinite(number) else text
        case kind:
            return {"null": None, "true": True, "false": False}[kind]


def too_deep() -> Unreadable:
    return Unreadable(f"it is nested more than {DEEPEST} levels deep")


def _check(depth: int, values: int) -> None:
    if depth > DEEPEST:
        raise too_deep()
    if values > MOST_NODES:
        raise Unreadable(f"it has more than {MOST_NODES:,} values")


def tokens(pointer: str) -> list[str]:
    """Of a JSON pointer (RFC 6901), decoded."""
    return [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:]]


def pointer(tokens: list[str]) -> str:
    return "".join("/" + token.replace("~", "~0").replace("/", "~1") for token in tokens)


def named(document: Any, tokens: list[str]) -> list[str]:
    """The tokens, with the index of each list item that has a ``name`` replaced by it."""
    found, value = [], document
    for token in tokens:
        if isinstance(value, list):
            value = value[int(token)] if _INDEX.fullmatch(token) and int(token) < len(value) else None
            name = value.get("name") if isinstance(value, dict) else None
            found.append(name if isinstance(name, str) and name else token)
        else:
            value = value.get(token) if isinstance(value, dict) else None
            found.append(token)
    return found
