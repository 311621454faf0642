"""Values before a patch, as JSON text, from its ``test`` operations or the Blueprint's document."""

from typing import Any

import msgspec
from msgspec import UNSET

from enhancelog.domain.blueprint_documents import tokens
from enhancelog.domain.records import Operation


class OldValues:
    """``document``: ``UNSET`` if unknown."""

    def __init__(self, document: Any) -> None:
        self._document = document
        self._tested: dict[str, str] = {}
        self._touched: list[str] = []

    def before(self, operation: Operation) -> str | None:
        """``None`` if absent, or if an earlier operation may have changed it."""
        path = operation.path
        if operation.op not in ("replace", "remove", "add") or (operation.op == "add" and _is_in_list(path)):
            return None
        if any(_related(path, touched) for touched in self._touched):
            return None
        if path in self._tested:
            return self._tested[path]
        found = _at(self._document, path)
        return None if found is UNSET else msgspec.json.encode(found).decode()

    def follow(self, operation: Operation) -> None:
        path = operation.path
        if operation.op == "test":
            self._tested[path] = "" if operation.value is UNSET else bytes(operation.value).decode()
            return
        places = [path, str(operation.source)] if operation.op == "move" else [path]
        shifts = operation.op != "replace"
        self._touched += [place.rpartition("/")[0] if shifts and _is_in_list(place) else place for place in places]


def _at(value: Any, pointer: str) -> Any:
    for name in tokens(pointer):
        if isinstance(value, dict):
            value = value.get(name, UNSET)
        elif isinstance(value, list):
            value = next((item for place, item in enumerate(value) if str(place) == name), UNSET)
        else:
            return UNSET
    return value


def _is_in_list(pointer: str) -> bool:
    # Inserting or removing an item of a list shifts the others.
    last = pointer.rpartition("/")[2]
    return last == "-" or _is_index(last)


def _is_index(name: str) -> bool:
    return name.isascii() and name.isdecimal() and len(name) < 10


def _related(one: str, other: str) -> bool:
    return one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")
