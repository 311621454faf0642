"""Facets as links that add or remove a filter."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from enhancelog.domain.filter_box import Pairs
from enhancelog.domain.meta_filters import PREFIX, is_meta, key_of
from enhancelog.queries.counts import Count
from enhancelog.queries.facets import Choice, Facets
from enhancelog.queries.themes.labels import words_of
from enhancelog.web.list_requests import ListRequest

SHOWN: Final = 12
SHOWN_KEYS: Final = 6  # of meta, each with a facet of its own
OPENED: Final = 1_000  # of the facet that ``?facet=`` names

_BEGINNING, _END = 18, 26  # characters of a shortened place

_NONE: Final = "none"
_WORDS: Final = {
    "axes": {"one": "one only", "many": "two or more", _NONE: "none"},
    "afterwards": {"applied": "applied on a later attempt", "rejected": "still rejected", _NONE: "no later attempt"},
    "has": {"gap": "after a gap", "badge": "with a badge", "flip": "judged differently again"},
}


class FacetLink(NamedTuple):
    """``current``: already in the filter. ``is_name``: an id, not our word. ``title``: all of a shortened label."""

    label: str
    entries: Count
    url: str
    current: bool
    is_name: bool
    title: str = ""


class Facet(NamedTuple):
    """``more_url`` shows those left out; empty if there are too many. ``of``: what the links are parts of."""

    title: str
    links: Sequence[FacetLink]
    left_out: Count = Count(0)
    more_url: str = ""
    id: str = ""
    is_name: bool = False  # the title
    style: str = ""  # of the labels
    of: FacetLink | None = None
    note: str = ""


def facet_links(list_request: ListRequest, found: Facets, opened: str = "") -> list[Facet]:
    """``opened``: the parameter whose facet shows up to ``OPENED`` values."""
    sources = found.by.get("source", ())
    groups = [
        _names("Denied by", "axis", list_request, found.by.get("axis", ()), opened),
        _words("How many axes", "axes", list_request, found.by.get("axes", ())),
        _of_themes(list_request, found, opened),
        _names("Blueprint", "blueprint_id", list_request, found.by.get("blueprint_id", ()), opened),
        _names("Source", "source", list_request, sources if len(sources) > 1 else (), opened),
        _words("Afterwards", "afterwards", list_request, found.by.get("afterwards", ())),
        _words("Worth a look", "has", list_request, found.by.get("has", ())),
        _of_touches(list_request, found, opened),
        *_of_meta(list_request, found, opened),
    ]
    return [group for group in groups if group.links]


def _names(title: str, name: str, list_request: ListRequest, choices: Sequence[Choice], opened: str) -> Facet:
    most = OPENED if opened == name else SHOWN
    chosen = _chosen(list_request, name)
    counted = {choice.value for choice in choices}
    absent = [Choice(value, Count(0)) for value in chosen if value not in counted]
    shown = [
        *choices[:most],
        *(choice for choice in choices[most:] if choice.value in chosen),
        *absent,
    ]
    links = [
        _link(list_request, choice.value or "(no name)", choice.entries, ((name, choice.value),), is_name=True)
        for choice in shown
    ]
    left_out = len(choices) + len(absent) - len(shown)
    more_url = _opening_url(list_request, name) if left_out and most == SHOWN else ""
    return Facet(title, links, Count(left_out), more_url, _id(name))


def _of_themes(list_request: ListRequest, found: Facets, opened: str) -> Facet:
    facet = _names("Theme", "theme", list_request, found.by.get("theme", ()), opened)
    words = words_of(link.label for link in facet.links)
    links = [link._replace(label=words.get(link.label) or link.label, title=link.label) for link in facet.links]
    return facet._replace(links=links)


def _of_touches(list_request: ListRequest, found: Facets, opened: str) -> Facet:
    facet = _names("What it touches", "touches", list_request, found.by.get("touches", ()), opened)
    runs, them = ("run is", "it") if found.unnamed.is_one else ("runs are", "them")
    note = f"{found.unnamed} {runs} found by index only, because the document before {them} is not stored"
    with_patch = f"{found.patched} {'run' if found.patched.is_one else 'runs'} whose patch is known"
    of = _link(list_request, with_patch, found.patched, (("has", "patch"),))
    if _chosen(list_request, "has"):  # OR would find others
        of = of._replace(url="")
    is_least = found.more_places and facet.left_out.number > 0
    left_out = facet.left_out._replace(capped=is_least)
    links = [_shortened(link) for link in facet.links]
    return facet._replace(
        links=links, left_out=left_out, style="whole", of=of, note=note if found.unnamed.number else ""
    )


# What tells places apart is in their end, and in the name of an agent before it.
def _shortened(link: FacetLink) -> FacetLink:
    place = link.label
    if len(place) <= _BEGINNING + _END:
        return link
    return link._replace(label=f"{place[:_BEGINNING]}…{place[-_END:]}", title=place)


def _of_meta(list_request: ListRequest, found: Facets, opened: str) -> Iterator[Facet]:
    # The most frequent keys have a facet each, and one lists further keys.
    chosen = [name for name, _ in list_request.given if name.startswith(PREFIX)]
    # On pages, a parameter without a value is left out.
    # Beside a chosen one ("1.0"), another that is also found by it ("1") would add nothing.
    choices = {
        name: [
            each for each in values if each.value and (name not in chosen or (name, each.value) in list_request.given)
        ]
        for name, values in found.by.items()
        if is_meta(name)
    }
    entries = {name: sum(each.entries.number for each in values) for name, values in choices.items()}
    names = sorted({*choices, *chosen}, key=lambda name: (-entries.get(name, 0), name))
    whole = [name for name in names if name in (*names[:SHOWN_KEYS], *chosen, opened)]
    for name in whole:
        facet = _names(name, name, list_request, choices.get(name, ()), opened)
        is_least = found.more_meta and facet.left_out.number > 0
        yield facet._replace(is_name=True, left_out=facet.left_out._replace(capped=is_least))
    others = [name for name in names if name not in whole]
    links = [
        FacetLink(key_of(name), Count(entries[name], found.more_meta), _opening_url(list_request, name), False, True)
        for name in others[:SHOWN]
    ]
    yield Facet("Other keys of meta", links, Count(max(0, len(others) - SHOWN), found.more_meta))


def _id(name: str) -> str:
    return f"facet-{name}"


def _opening_url(list_request: ListRequest, name: str) -> str:
    return f"{list_request.url(facet=name)}#{_id(name)}"


def _words(title: str, name: str, list_request: ListRequest, choices: Sequence[Choice]) -> Facet:
    counts = {choice.value: choice.entries for choice in choices}
    chosen = _chosen(list_request, name)
    # Values may overlap (gap and badge) and are combined with OR, so a chosen one can only be removed.
    return Facet(
        title,
        [
            _link(list_request, word, counts.get(value, Count(0)), _pairs(name, value))
            for value, word in _WORDS[name].items()
            if (value in chosen if chosen else value in counts)
        ],
    )


def _pairs(name: str, value: str) -> Pairs:
    if (name, value) == ("axes", _NONE):
        return ("not_axes", "one"), ("not_axes", "many")
    return ((name, value),)


def _link(list_request: ListRequest, label: str, entries: Count, pairs: Pairs, is_name: bool = False) -> FacetLink:
    current = set(pairs) <= set(list_request.given)
    # Values of ``axis`` are combined with AND. Others with OR, and then only a place inside the chosen one is offered.
    names = {name for name, _ in pairs} - {"axis"}
    others = [pair for pair in list_request.given if pair[0] not in names]
    url = list_request.without(*pairs) if current else list_request.url((*others, *pairs))
    return FacetLink(label, entries, url, current, is_name)


def _chosen(list_request: ListRequest, name: str) -> list[str]:
    return [value for key, value in list_request.given if key == name]
