"""What a patch means: applied to the document before, it gives the candidate. Enhancelog itself never applies one."""

import copy
from typing import Any

import msgspec
import pytest
import yaml

from enhancelog.domain.observed import Document, Patch
from enhancelog.host.outputs import Outputs
from tests.processes import RECORDED_HOST


def applied(document: Any, operations: list[dict[str, Any]]) -> Any:
    """RFC 6902."""
    root = {"": copy.deepcopy(document)}
    for operation in operations:
        path = operation["path"]
        match operation["op"]:
            case "test":
                assert is_same(found(root, path), operation["value"])
            case "remove":
                take(root, path)
            case "replace":
                take(root, path)
                put(root, path, operation["value"])
            case "add":
                put(root, path, operation["value"])
            case "copy":
                put(root, path, found(root, operation["from"]))
            case "move":
                put(root, path, take(root, operation["from"]))
            case unknown:
                raise AssertionError(unknown)
    return root[""]


def found(root: Any, pointer: str) -> Any:
    parent, key = place(root, pointer)
    return parent[key]


def take(root: Any, pointer: str) -> Any:
    parent, key = place(root, pointer)
    return parent.pop(key)


def put(root: Any, pointer: str, value: Any) -> None:
    parent, key = place(root, pointer)
    if isinstance(parent, list):
        assert key <= len(parent)
        parent.insert(key, copy.deepcopy(value))
    else:
        parent[key] = copy.deepcopy(value)


def place(root: Any, pointer: str) -> tuple[Any, Any]:
    """The container, and the key or index in it; the document is at ``""`` of ``root``."""
    parent: Any = root
    key: Any = ""
    for token in pointer.split("/")[1:]:
        parent, key = parent[key], token.replace("~1", "/").replace("~0", "~")
        if isinstance(parent, list):
            key = len(parent) if key == "-" else int(key)
    return parent, key


def is_same(one: Any, other: Any) -> bool:
    return bool(msgspec.json.encode(one, order="deterministic") == msgspec.json.encode(other, order="deterministic"))


def without_versions(document: Any) -> Any:
    """Without what the host's applier writes itself."""
    document = copy.deepcopy(document)
    document.get("metadata", {}).pop("version_label", None)
    for agent in document.get("agents", ()):
        agent.get("profile", {}).pop("version_hash", None)
    return document


@pytest.fixture(scope="module")
def read() -> tuple[list[Patch], dict[str, Any]]:
    """The patches, and the documents by hash."""
    items = list(Outputs(RECORDED_HOST / "output.db"))
    documents = {item.hash: yaml.load(item.text, yaml.CSafeLoader) for item in items if isinstance(item, Document)}
    return [item for item in items if isinstance(item, Patch)], documents


def test_every_patch_of_the_log_gives_its_candidate(read: tuple[list[Patch], dict[str, Any]]) -> None:
    patches, documents = read
    differ = 0
    for patch in patches:
        made = applied(documents[patch.prev_hash], msgspec.json.decode(patch.ops))
        candidate = documents[patch.candidate_hash]
        assert is_same(without_versions(made), without_versions(candidate)), patch.candidate_hash
        differ += not is_same(made, candidate)
    assert (len(patches), differ) == (150, 139)


@pytest.mark.parametrize(
    ("before", "operation", "after"),
    [
        ({"a": [1, 2]}, {"op": "add", "path": "/a/1", "value": 9}, {"a": [1, 9, 2]}),
        ({"a": [1]}, {"op": "add", "path": "/a/-", "value": 9}, {"a": [1, 9]}),
        ({"a": [1, 2]}, {"op": "replace", "path": "/a/0", "value": None}, {"a": [None, 2]}),
        ({"a/b": {"~": 1}}, {"op": "remove", "path": "/a~1b/~0"}, {"a/b": {}}),
        ({"a": {"b": 1}}, {"op": "move", "from": "/a/b", "path": "/c"}, {"a": {}, "c": 1}),
        ({"a": [1]}, {"op": "copy", "from": "/a", "path": "/b"}, {"a": [1], "b": [1]}),
        ({"a": 1}, {"op": "replace", "path": "", "value": []}, []),
        ({"a": 1}, {"op": "test", "path": "/a", "value": 1}, {"a": 1}),
    ],
)
def test_operations_mean_what_rfc_6902_says(before: Any, operation: dict[str, Any], after: Any) -> None:
    assert applied(before, [operation]) == after
