"""The fields of a Blueprint's document: agents' prompts and settings, the steps of its flow, and other settings."""

from collections.abc import Iterator
from typing import Any, Final, Literal, NamedTuple

from enhancelog.domain.blueprint_documents import named, pointer, tokens
from enhancelog.domain.places import LONGEST_PLACE, MOST_TOKENS, is_place

Group = Literal["agents", "steps", "settings"]

_PROMPTS: Final = ("system_prompt", "prompt")


class Field(NamedTuple):
    """``of``: the agent's name, or the step's ``ref``. ``label``: the place within it."""

    place: str
    group: Group
    of: str
    label: str
    value: Any
    is_prompt: bool = False


class Fields(NamedTuple):
    """``places``: of all values, whether or not they are fields. ``left_out``: how many no place of a patch can be."""

    fields: list[Field]
    places: frozenset[str]
    left_out: int = 0


def fields(document: Any) -> Fields:
    """In the order of the document, but an agent's prompt first."""
    found, places, left_out = [], set(), 0
    for place, field in _values(document, [], "", in_field=False):
        if place is None:
            left_out += 1
            continue
        places.add(place)
        if field is not None:
            found.append(field)
    order = {of: number for number, of in enumerate(dict.fromkeys(each.of for each in found if each.group == "agents"))}
    found.sort(key=lambda each: (order[each.of], not each.is_prompt) if each.group == "agents" else (len(order), True))
    return Fields(found, frozenset(places), left_out)


def group_of(place: str) -> Group:
    first = place.split("/", 2)[1] if place else ""
    return "agents" if first == "agents" else "steps" if first == "flow" else "settings"


def is_by_index(document: Any, place: str) -> bool:
    """Whether an item with a name is at this index now; it may have been another one before."""
    given = tokens(place)
    return named(document, given) != given


# Without a place: what no place of a patch can be. ``in_field``: a field shows the value as a part of itself.
def _values(value: Any, path: list[str], place: str, *, in_field: bool) -> Iterator[tuple[str | None, Field | None]]:
    children = list(_children(value))
    is_leaf = not isinstance(value, dict) and not any(isinstance(child, dict | list) for _, child in children)
    is_step = _is_step(path, value)
    if path:
        is_field = is_step or (is_leaf and not in_field and not _is_empty(value))
        yield place, _field(path, place, value, is_step=is_step) if is_field else None
    for token, child in children:
        inner = place + pointer([token])
        if len(path) == MOST_TOKENS or len(inner) > LONGEST_PLACE or not is_place(inner):
            if not (in_field or is_step or is_leaf):
                yield None, None
        else:
            yield from _values(child, [*path, token], inner, in_field=in_field or is_step or is_leaf)


def _children(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from ((str(key), child) for key, child in value.items())
    elif isinstance(value, list):
        for index, child in enumerate(value):
            name = child.get("name") if isinstance(child, dict) else None
            yield (name if isinstance(name, str) and name else str(index)), child


def _is_step(path: list[str], value: Any) -> bool:
    return path[:1] == ["flow"] and isinstance(value, dict) and isinstance(value.get("ref"), str)


def _is_empty(value: Any) -> bool:
    return value is None or value == []


def _field(path: list[str], place: str, value: Any, *, is_step: bool) -> Field | None:
    group = group_of(place)
    if is_step:
        return Field(place, group, value["ref"], "/".join(path[1:]), value)
    if group != "agents" or len(path) < 3:
        return Field(place, group, "", "/".join((path[1:] if group == "steps" else []) or path), value)
    if path[2:] == ["name"]:  # it is shown as such
        return None
    return Field(place, group, path[1], "/".join(path[2:]), value, path[-1] in _PROMPTS and isinstance(value, str))
