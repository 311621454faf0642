"""A Blueprint's document as a value, within limits that no YAML can exceed."""

import re
from typing import Any, Final

import msgspec
import yaml

from enhancelog.domain.observed import DocumentForm

# Reading YAML takes about 3 µs a byte. Larger documents are shown and compared as text only.
LONGEST: Final = 200_000  # characters
DEEPEST: Final = 50
MOST_NODES: Final = 20_000

_INDEX: Final = re.compile(r"0|[1-9]\d{0,8}", re.ASCII)


class Unreadable(ValueError):
    """The document is too large, too deep, or not what its form says. The text says which."""


class _Loader(yaml.CSafeLoader):
    """The core schema of YAML 1.2, in which hosts write: no dates, no numbers in base 60, no merged keys."""


# By the characters that a plain scalar may begin with.
_loader_scalars: Final = (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?(?:0|[1-9]\d{0,17})", list("-+0123456789")),
    (
        "float",
        r"[-+]?(?:(?:\.\d{1,18}|\d{1,18}\.\d{0,18})(?:[eE][-+]?\d{1,3})?|\d{1,18}[eE][-+]?\d{1,3})",
        list("-+.0123456789"),
    ),
)
_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _starts in _loader_scalars:
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_pattern})\Z", re.ASCII), _starts)


def parse(text: str, form: DocumentForm) -> Any:
    """Raises ``Unreadable``."""
    if len(text) > LONGEST:
        raise Unreadable(f"it is longer than {LONGEST:,} characters")
    try:
        if form == "json":
            return msgspec.json.decode(text)
        _check(text)
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader
    except Unreadable:
        raise
    except (yaml.YAMLError, msgspec.DecodeError, ValueError, TypeError, RecursionError) as error:
        raise Unreadable("it is not valid " + form.upper()) from error


# Aliases make values that are far larger than their text; a tag can make a number of any length.
def _check(text: str) -> None:
    depth = 0
    for number, event in enumerate(yaml.parse(text, Loader=_Loader)):
        if isinstance(event, yaml.AliasEvent):
            raise Unreadable("it has aliases")
        if getattr(event, "tag", None) is not None:
            raise Unreadable("it has tags")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEEPEST:
            raise Unreadable(f"it is nested more than {DEEPEST} levels deep")
        if number > MOST_NODES:
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
