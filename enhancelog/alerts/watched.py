"""What a rule watches: the list that its saved view opens, as filters."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from django.urls import Resolver404, resolve

from enhancelog.domain import filters
from enhancelog.domain.alerts import AlertEvent
from enhancelog.domain.errors import Invalid
from enhancelog.domain.filters import EntryFilter
from enhancelog.domain.meta_filters import is_meta
from enhancelog.projections import source_names

Pair = tuple[str, str]

_REJECTED: Final = (("status", "rejected"),)
_SCOPES: Final[dict[str, tuple[Pair, ...]]] = {"rejection_list": _REJECTED, "pattern_list": _REJECTED, "search": ()}
# What a run is of, and not what became of it.
_OF_RUNS: Final = frozenset(("blueprint_id", "blueprint_prefix", "source"))
# What later runs decide, or is derived for pages, is not known when an entry arrives.
_LATER: Final = frozenset(("afterwards", "next", "theme"))
_KNOWN_OF_UNFINISHED: Final = _OF_RUNS | {"status"}


class Watched(NamedTuple):
    """``runs``: the part of the filter that says which runs, whatever became of them."""

    wanted: EntryFilter
    runs: EntryFilter


EVERYTHING: Final = Watched(EntryFilter(), EntryFilter())


def read(url: str, now_ms: int) -> Watched:
    """The filter of a saved view's address. Raises ``Invalid`` (view)."""
    parts = urlsplit(url)
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    try:
        match = resolve(unquote(parts.path))
    except Resolver404:
        raise _no_list() from None
    if match.view_name == "blueprint_timeline":
        scope: tuple[Pair, ...] = (("blueprint_id", match.kwargs["blueprint_id"]),)
    elif match.view_name == "blueprint_list" and "blueprint_id" in dict(pairs):
        scope = (("blueprint_id", dict(pairs)["blueprint_id"]),)
        pairs = [pair for pair in pairs if pair[0] != "blueprint_id"]
    elif match.view_name in _SCOPES:
        scope = _SCOPES[match.view_name]
    else:
        raise _no_list()
    return _watched([*scope, *pairs], now_ms)


def check(event: AlertEvent, url: str, now_ms: int) -> None:
    """Whether a rule of this event can watch the list. Raises ``Invalid`` (view)."""
    wanted = read(url, now_ms).wanted
    asked = {name for name, _ in wanted.asked}
    if event == "mention":
        raise Invalid("view", "combination", "cannot be given with mention, which concerns all notes")
    if later := sorted(asked & _LATER):
        raise Invalid("view", "filter", f'filters by "{later[0]}", which is not known yet when an entry arrives')
    if any(name == "has" and "flip" in values for name, values in wanted.asked):
        raise Invalid("view", "filter", 'filters by "has:flip", which is not known yet when an entry arrives')
    if event == "run.unfinished" and (beyond := sorted(asked - _KNOWN_OF_UNFINISHED)):
        detail = f'filters by "{beyond[0]}", which unfinished runs do not have; Blueprints and sources are fine'
        raise Invalid("view", "filter", detail)


def without_times(wanted: EntryFilter) -> EntryFilter:
    return replace(wanted, since_ms=None, until_ms=None)


def rejections(wanted: EntryFilter) -> EntryFilter:
    return replace(wanted, include={**wanted.include, "status": ("rejected",)})


def has_unfinished(runs: EntryFilter, blueprint_id: str, source: str) -> bool:
    """Whether an unfinished run is one of these. ``source``: as recorded."""
    values = {"blueprint_id": blueprint_id, "source": source}
    for given, is_included in ((runs.include, True), (runs.exclude, False)):
        for name, wanted in given.items():
            is_one = values.get(name) in wanted
            if name == "source":
                is_one = source in source_names.current().recorded_of(wanted)
            if name == "blueprint_prefix":
                is_one = blueprint_id.startswith(tuple(wanted))
            if is_one != is_included:
                return False
    return True


def _watched(pairs: Iterable[Pair], now_ms: int) -> Watched:
    try:
        wanted = filters.from_pairs(pairs, now_ms)
    except Invalid as error:
        raise Invalid("view", "filter", f"has a filter that cannot be read: {error}") from None
    runs = EntryFilter(
        {name: values for name, values in wanted.include.items() if _is_of_runs(name)},
        {name: values for name, values in wanted.exclude.items() if _is_of_runs(name)},
        now_ms=now_ms,
    )
    return Watched(wanted, runs)


def _is_of_runs(name: str) -> bool:
    return name in _OF_RUNS or is_meta(name)


def _no_list() -> Invalid:
    return Invalid("view", "page", "must be of a list of runs or patterns: Rejections, Patterns, Search or a Blueprint")
