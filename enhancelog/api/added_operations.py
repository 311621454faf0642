"""Operations and schemas that other applications add to the API's description."""

from collections.abc import Callable
from typing import Any, Final

Document = dict[str, Any]

# Loaded only when somebody describes the API: it takes a quarter of a command's start.
_loaders: Final[list[Callable[[], tuple[Document, Document]]]] = []


def register(load: Callable[[], tuple[Document, Document]]) -> None:
    """``load`` returns paths with their operations, and schemas by name."""
    _loaders.append(load)


def paths() -> Document:
    return {path: operations for load in _loaders for path, operations in load()[0].items()}


def schemas() -> Document:
    return {name: schema for load in _loaders for name, schema in load()[1].items()}
