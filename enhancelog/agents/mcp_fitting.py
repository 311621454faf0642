"""Answers of tools with as many items of their lists as fit."""

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any, TypeVar

from enhancelog.agents.excerpts import fits

Built = TypeVar("Built")


def fitted(build: Callable[[int], Built], most: int) -> Built:
    while not fits(built := build(most)) and most:
        most = most * 3 // 4
    return built


def first(most: int, values: Mapping[str, Any]) -> dict[str, Any]:
    return dict(islice(values.items(), most))


def listed(found: Mapping[str, Any], fields: Iterable[str], most: int) -> tuple[dict[str, Any], dict[str, int]]:
    # The first items of the fields, and how many of each are left out.
    shown = {name: first(most, found[name]) if isinstance(found[name], dict) else found[name][:most] for name in fields}
    left_out = {name: len(found[name]) - len(part) for name, part in shown.items()}
    return shown, {name: number for name, number in left_out.items() if number}
