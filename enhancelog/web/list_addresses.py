"""List pages and their canonical addresses, without cursor, format, key and host."""

from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from django.conf import settings
from django.urls import Resolver404, resolve

from enhancelog import links
from enhancelog.domain import public_addresses
from enhancelog.domain.errors import Invalid
from enhancelog.domain.filter_box import Pair
from enhancelog.web import list_requests
from enhancelog.web.list_requests import FilteredPage, FilterRefused, ListRequest

REJECTIONS: Final = FilteredPage(links.rejections(), scope=(("status", "rejected"),), empty_id=True, title="Rejections")
PATTERNS: Final = FilteredPage(
    links.patterns(), scope=(("status", "rejected"),), kept=("state", "expected"), empty_id=True, title="Patterns"
)
SEARCH: Final = FilteredPage(links.runs(), title="Search")

_OF_ENTRIES: Final[dict[str, Callable[..., FilteredPage]]] = {
    "rejection_list": lambda: REJECTIONS,
    "search": lambda: SEARCH,
    "blueprint_timeline": lambda blueprint_id: timeline(blueprint_id),
}
_OTHERS: Final = {
    "overview": ("Overview", ("blueprint_id", "period", "expected")),
    "blueprint_list": ("Blueprints", ("text", "period", "sort", "order", "page_size")),
    "matrix": ("Matrix", ("blueprint_id", "blueprint_prefix", "period", "view", "without", "sort", "order")),
    "content_list": ("Content", ("text", "kind")),
}
_EMPTY: Final = '""'  # as in the filter box


class Address(NamedTuple):
    """``filter``: as in the filter box. ``feed``: may be empty."""

    title: str
    filter: str
    url: str
    feed: str = ""


def timeline(blueprint_id: str) -> FilteredPage:
    scope = (("blueprint_id", blueprint_id),)
    if blueprint_id:  # an empty id cannot be a path
        return FilteredPage(links.blueprint(blueprint_id), scope, title=blueprint_id)
    return FilteredPage(links.at("/blueprints/"), scope, fixed=scope, title="(no name)")


def address(url: str) -> Address:
    """Raises ``Invalid`` (url) if this is not a list of this server."""
    try:
        parts = urlsplit(url)
        pairs = parse_qsl(parts.query, keep_blank_values=True, max_num_fields=1_000, errors="strict")
        path = unquote(parts.path, errors="strict")
    except ValueError:
        raise Invalid("url", "address", "is not an address") from None
    if (parts.scheme or parts.netloc) and _origin(url) != settings.PUBLIC_ORIGIN:
        raise Invalid("url", "elsewhere", f"must lead to a list of this server, {settings.PUBLIC_URL}")
    return address_of(links.route_of(path), pairs)


def _origin(url: str) -> str:
    try:
        return public_addresses.origin(url)
    except ValueError:
        return ""


def address_of(route: str, pairs: Iterable[Pair]) -> Address:
    try:
        match = resolve(route)
    except Resolver404:
        raise _no_list() from None
    name, arguments = match.view_name, match.kwargs
    given = list(pairs)
    if name == "blueprint_list" and "blueprint_id" in dict(given):
        name, arguments = "blueprint_timeline", {"blueprint_id": dict(given)["blueprint_id"]}
    if name in _OF_ENTRIES:
        return _of_entries(_OF_ENTRIES[name](**arguments), given)
    if name == "pattern_list":
        return _of_patterns(given)
    if name not in _OTHERS:
        raise _no_list()
    title, parameters = _OTHERS[name]
    kept = [pair for pair in given if pair[0] in parameters and (pair[1] or pair[0] == "blueprint_id")]
    said = " ".join(f"{parameter}:{value or _EMPTY}" for parameter, value in kept)
    return Address(title, said, links.with_query(links.at(route), sorted(kept, key=itemgetter(0))))


def _of_entries(page: FilteredPage, pairs: list[Pair]) -> Address:
    list_request = _read(page, pairs)
    return Address(page.title, list_request.text, list_request.url(), list_request.url(format="atom"))


def _of_patterns(pairs: list[Pair]) -> Address:
    list_request = _read(PATTERNS, pairs)
    sort = {name: value for name, value in pairs if name == "sort" and value}
    said = [list_request.text, *(f"{name}:{value}" for name, value in [*sort.items(), *list_request.kept])]
    return Address(PATTERNS.title, " ".join(filter(None, said)), list_request.url(None, **sort))


def _read(page: FilteredPage, pairs: list[Pair]) -> ListRequest:
    try:
        return list_requests.parse(page, [pair for pair in pairs if pair[0] != "cursor"])
    except FilterRefused as refused:
        raise Invalid("url", "filter", f"contains a filter that cannot be read: {refused.error}") from None


def _no_list() -> Invalid:
    return Invalid("url", "page", "must lead to a list, such as /rejections/?axis=noop")
