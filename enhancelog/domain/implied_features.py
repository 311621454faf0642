"""Which features a filter decides, so that comparing them would say nothing."""

from collections.abc import Callable, Iterable
from typing import Final

from enhancelog.domain import features
from enhancelog.domain.differences import Feature

_OF_VERDICTS: Final = frozenset(("status", "only", "without", "axes", "pattern", "theme", "is", "afterwards", "next"))
_OF_AXES: Final = frozenset(("axis", "axis_passed", "axis_absent", "only", "without"))
_OF_PATCHES: Final = frozenset((*features.OF_PATCHES, "touches"))


def implied_by(asked: Iterable[tuple[str, tuple[str, ...]]]) -> Callable[[Feature], bool]:
    """``asked``: what the filters of both sides ask (``EntryFilter.asked``)."""
    values: dict[str, set[str]] = {}
    for name, given in asked:
        values.setdefault(name, set()).update(given)
    left_out = values.keys() - _OF_AXES
    if "blueprint_prefix" in values:
        left_out |= {"blueprint_id"}
    if values.keys() & (_OF_VERDICTS | {"axis"}):
        left_out |= {"status"}
    if values.keys() & _OF_VERDICTS:
        left_out |= {"axis"}
    if values.keys() & _OF_PATCHES:
        left_out |= {"has"}
    if values.get("has", set()) & {"patch", "ops", "candidate"}:
        left_out |= _OF_PATCHES
    axes = {axis for name in _OF_AXES for axis in values.get(name, ())}
    words = {word for name in ("text", "phrase") for text in values.get(name, ()) for word in features.words(text)}

    def is_implied(feature: Feature) -> bool:
        name, value = feature
        base = name.removeprefix("not_")
        return base in left_out or (base in _OF_AXES and value in axes) or (base == "word" and value in words)

    return is_implied
