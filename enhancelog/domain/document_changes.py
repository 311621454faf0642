"""What differs between two documents, by their structure."""

from collections.abc import Sequence
from typing import Any, Final, Literal, NamedTuple

import msgspec

from enhancelog.domain import blueprint_documents
from enhancelog.domain.alignment import Budget, Pair, aligned, moved

ABSENT: Final = msgspec.UNSET
LONGEST_NAME: Final = 100

Kind = Literal["added", "removed", "changed", "renamed", "moved"]
Tokens = tuple[str, ...]

_NAMES: Final = ("name", "ref")
_VERSION_LABEL: Final = ("metadata", "version_label")
_VERSION_HASH: Final = ("profile", "version_hash")


class Change(NamedTuple):
    """``tokens`` lead to it in the document after; if removed, in the one before. What moved has indexes as values."""

    kind: Kind
    tokens: Tokens
    before: Any = ABSENT
    after: Any = ABSENT

    @property
    def is_by_host(self) -> bool:
        return is_by_host(self.tokens)


class Place(NamedTuple):
    """For people: ``label`` "agent reviewer · system prompt", ``named`` with items by name, ``item``: its name."""

    label: str
    named: str
    item: str


def is_by_host(place: Tokens) -> bool:
    """The host sets it itself, whatever a patch says."""
    return place == _VERSION_LABEL or (len(place) == 4 and place[0] == "agents" and place[2:] == _VERSION_HASH)


def compare(before: Any, after: Any) -> list[Change]:
    """Of values that ``blueprint_documents`` has read."""
    walk = _Walk()
    walk.value(before, after, (), ())
    return walk.changes


def place(change: Change, before: Any, after: Any) -> Place:
    document = before if change.kind == "removed" else after
    tokens = [_cut(token) for token in blueprint_documents.named(document, list(change.tokens))]
    parts: list[str] = []
    value, collection, item = document, "", ""
    for number, token in enumerate(change.tokens, 1):
        kind, name = "", ""
        if isinstance(value, list):
            value = value[int(token)]
            kind, name = _kind_and_name(value, collection)
        else:
            value = value[token]
        if name:
            parts, item = [f"{kind} {name}".strip()], name
        elif not (item and token == "profile" and number < len(change.tokens)):
            parts.append(_cut(token.replace("_", " ")))
        collection = token
    return Place(" · ".join(parts) or "the whole document", blueprint_documents.pointer(tokens), item)


def _kind_and_name(item: Any, collection: str) -> tuple[str, str]:
    for key in _NAMES:
        if isinstance(item, dict) and isinstance(name := item.get(key), str) and name:
            return "step" if key == "ref" else _cut(collection.removesuffix("s").replace("_", " ")), _cut(name)
    return "", ""


def _cut(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"


class _Walk:
    # It recurses as deep as documents are, at most 50 levels.

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self._budget = Budget()

    def value(self, old: Any, new: Any, was: Tokens, at: Tokens) -> None:
        if isinstance(old, dict) and isinstance(new, dict):
            self._mapping(old, new, was, at)
        elif isinstance(old, list) and isinstance(new, list):
            self._list(old, new, was, at)
        elif isinstance(old, bool) is not isinstance(new, bool) or old != new:
            self.changes.append(Change("changed", at, old, new))

    def _mapping(self, old: dict[str, Any], new: dict[str, Any], was: Tokens, at: Tokens) -> None:
        for key, value in new.items():
            if key in old:
                self.value(old[key], value, (*was, key), (*at, key))
            else:
                self.changes.append(Change("added", (*at, key), after=value))
        gone = [key for key in old if key not in new]
        self.changes += [Change("removed", (*was, key), before=old[key]) for key in gone]

    def _list(self, old: list[Any], new: list[Any], was: Tokens, at: Tokens) -> None:
        key = next((key for key in _NAMES if _all_have(key, [*old, *new])), None)
        if key is None:
            pairs = aligned(_spelled(old), _spelled(new), self._budget)
        else:
            was_named, is_named = [item[key] for item in old], [item[key] for item in new]
            is_unique = all(len(set(names)) == len(names) for names in (was_named, is_named))
            pairs = _of_one_name(key, old, new) if is_unique else aligned(was_named, is_named, self._budget)
        both = [(i, j) for i, j in pairs if i is not None and j is not None]
        is_moved = dict(zip(both, moved([i for i, _ in both]), strict=True))
        for i, j in pairs:
            if i is None or j is None or not _alike(old[i], new[j]):
                self.changes += [] if i is None else [Change("removed", (*was, str(i)), before=old[i])]
                self.changes += [] if j is None else [Change("added", (*at, str(j)), after=new[j])]
                continue
            one, other = old[i], new[j]
            here = (*at, str(j))
            if is_moved[i, j]:
                self.changes.append(Change("moved", here, i, j))
            if key == "name" and one[key] != other[key]:
                self.changes.append(Change("renamed", (*here, key), one[key], other[key]))
                one, other = _without(key, one), _without(key, other)
            self.value(one, other, (*was, str(i)), here)


def _all_have(key: str, items: Sequence[Any]) -> bool:
    return all(isinstance(item, dict) and isinstance(name := item.get(key), str) and name for item in items)


def _of_one_name(key: str, old: list[Any], new: list[Any]) -> list[Pair]:
    """Items that are the same but for the name were renamed."""
    places: dict[str, int | None] = {item[key]: place for place, item in enumerate(old)}
    pairs: list[Pair] = [(places.pop(item[key], None), place) for place, item in enumerate(new)]
    gone = {_body(key, old[place]): place for place in places.values() if place is not None}
    for number, (one, other) in enumerate(pairs):
        if one is None and other is not None and gone:
            pairs[number] = gone.pop(_body(key, new[other]), None), other
    kept = {one for one, _ in pairs}
    return [*pairs, *((place, None) for place in range(len(old)) if place not in kept)]


def _body(key: str, item: dict[str, Any]) -> bytes:
    body = _without(key, item)
    if isinstance(profile := body.get("profile"), dict):
        body["profile"] = _without("version_hash", profile)
    return msgspec.json.encode(body, order="deterministic")


def _without(key: str, item: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name != key}


def _spelled(items: list[Any]) -> list[bytes]:
    return [msgspec.json.encode(item, order="deterministic") for item in items]


def _alike(one: Any, other: Any) -> bool:
    return all(isinstance(one, kind) is isinstance(other, kind) for kind in (dict, list))
