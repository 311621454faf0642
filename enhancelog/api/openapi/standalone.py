"""A schema of the OpenAPI document as a JSON Schema of its own."""

from collections.abc import Mapping
from typing import Any, Final

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

_REF: Final = "#/components/schemas/"
_DEFINITION: Final = "#/$defs/"


def standalone(name: str, schemas: Mapping[str, Any], url: str) -> dict[str, Any]:
    """``url`` is where it is served. The schemas that it refers to are in ``$defs``."""
    definitions: dict[str, Any] = {}
    to_do = [name]
    while to_do:
        current = to_do.pop()
        if current not in definitions:
            definitions[current] = _moved(schemas[current], to_do)
    root = definitions.pop(name)
    return {"$schema": DIALECT, "$id": url, **root, "$defs": definitions}


def _moved(part: Any, found: list[str]) -> Any:
    """``part`` with its references into ``$defs``; the names that they lead to are added to ``found``."""
    if isinstance(part, list):
        return [_moved(item, found) for item in part]
    if not isinstance(part, dict):
        return part
    moved = {key: _moved(value, found) for key, value in part.items()}
    reference = moved.get("$ref")
    if isinstance(reference, str) and reference.startswith(_REF):
        name = reference.removeprefix(_REF)
        found.append(name)
        moved["$ref"] = _DEFINITION + name
    return moved
