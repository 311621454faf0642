"""Which places of a Blueprint a patch touches."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from enhancelog.domain import strict_json
from enhancelog.domain.blueprint_documents import named, pointer, tokens
from enhancelog.domain.places import LONGEST_PLACE, MOST_TOKENS, is_place

# Of an entry, the first places count, those by index before those by name: a document that comes later only adds some.
MOST_PLACES: Final = 200

_INDEX: Final = re.compile(r"/(?:0|[1-9]\d{0,8})(?=/|\Z)", re.ASCII)


class Touched(NamedTuple):
    """``is_whole``: an operation's whole ``path`` or ``from``. ``has_named``: it is there once more by name."""

    place: str
    is_whole: bool
    is_named: bool = False
    has_named: bool = False


def pointers(ops: str) -> list[str]:
    """The valid ones of the operations, each once; the whole document is none."""
    try:
        operations = json.loads(ops, parse_int=str, parse_float=str)
    except (ValueError, TypeError, RecursionError):
        return []
    return list(dict.fromkeys(filter(is_place, _texts(operations))))


def has_indexes(found: list[str]) -> bool:
    """Whether a document could give a name to one of them."""
    return any(_INDEX.search(each) for each in found)


def places(found: list[str], document: Any = None) -> list[Touched]:
    """``document``: the one before, as ``blueprint_documents.parse`` returns it."""
    whole = set(found)
    by_index: dict[str, Touched] = {}
    for each in found:
        for place in _beginnings(each):
            if len(by_index) < MOST_PLACES:
                by_index.setdefault(place, Touched(place, place in whole))
    if document is None:
        return list(by_index.values())
    by_name: dict[str, Touched] = {}
    for place, touched in by_index.items():
        name = pointer(named(document, tokens(place)))
        known = by_index.get(name) or by_name.get(name)
        if name == place or len(name) > LONGEST_PLACE or "\0" in name or not strict_json.is_text(name):
            continue
        if known is None and len(by_index) + len(by_name) == MOST_PLACES:
            break
        by_index[place] = touched._replace(has_named=True)
        if name not in by_index:
            is_whole = touched.is_whole or (known is not None and known.is_whole)
            by_name[name] = Touched(name, is_whole, is_named=True)
    return [*by_index.values(), *by_name.values()]


def _texts(operations: Any) -> Iterator[str]:
    for operation in operations if isinstance(operations, list) else ():
        if isinstance(operation, dict):
            names = ("path", "from") if operation.get("op") in ("move", "copy") else ("path",)
            yield from (operation[name] for name in names if isinstance(operation.get(name), str))


def _beginnings(place: str) -> Iterator[str]:
    beginning = ""
    for token in place.split("/", MOST_TOKENS + 1)[1 : MOST_TOKENS + 1]:
        beginning += f"/{token}"
        if len(beginning) > LONGEST_PLACE:
            return
        yield beginning
