"""The filter, order and page in an address, and the filter box."""

# The box (``?q=``) and empty parameters redirect to the canonical address; an invalid filter is 400.

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property, wraps
from typing import Any, Final, NamedTuple

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect

from enhancelog.domain import filter_box, filters, page_sizes
from enhancelog.domain.errors import Invalid
from enhancelog.domain.filter_box import Pair, Pairs
from enhancelog.domain.filters import EntryFilter, Order
from enhancelog.domain.times import now_ms
from enhancelog.links import pairs_of, with_query
from enhancelog.queries import blueprint_ids, entries
from enhancelog.queries.themes.labels import words_of
from enhancelog.web import htmx

# Characters in the filter box. Every row, facet and chip of a list repeats the filter in its link.
LONGEST_FILTER: Final = 1_500
_LONGEST_OF_ENTRY: Final = 2 * LONGEST_FILTER  # with the scope of the list

_KEPT: Final = ("order", "page_size")
_MEANS_EMPTY_ID: Final = ("blueprint_id", "not_blueprint_id")


@dataclass(frozen=True)
class FilteredPage:
    """``scope``: the page's own filter. ``fixed``: other parameters of its address. ``kept``: parameters that its links
    keep, beside the filter. ``empty_id``: ``blueprint_id=`` means the empty id."""

    path: str
    scope: Pairs = ()
    fixed: Pairs = ()
    kept: tuple[str, ...] = ()
    empty_id: bool = False
    title: str = ""

    def url(self, pairs: Pairs = ()) -> str:
        return with_query(self.path, [*self.fixed, *pairs])

    def may_be_empty(self, name: str) -> bool:
        return self.empty_id and name in _MEANS_EMPTY_ID

    def takes(self, name: str, value: str) -> bool:
        return bool(value) or self.may_be_empty(name) or (name, value) in self.fixed

    def fixes(self, name: str) -> bool:
        return name.removeprefix("not_") in dict(self.scope)


class Chip(NamedTuple):
    """``without``: URL. ``words``: what a theme is called."""

    text: str
    without: str
    words: str = ""


@dataclass(frozen=True)
class ListRequest:
    """``given``: the reader's filter. ``wanted``: with the page's scope."""

    filtered_page: FilteredPage
    given: Pairs
    kept: Pairs
    wanted: EntryFilter
    order: Order
    size: int
    cursor: str | None

    def url(self, given: Pairs | None = None, **others: str) -> str:
        """Of the first page, unless ``others`` has a cursor."""
        given = self.given if given is None else filter_box.canonical(given)
        return self.filtered_page.url((*given, *(dict(self.kept) | others).items()))

    def without(self, *pairs: Pair) -> str:
        return self.url(tuple(pair for pair in self.given if pair not in pairs))

    @property
    def text(self) -> str:
        return filter_box.render(self.given)

    @property
    def chips(self) -> list[Chip]:
        return [
            Chip(filter_box.token(name, value), self.without((name, value)), self.themes.get(value) or "")
            for name, value in self.given
        ]

    @cached_property
    def themes(self) -> dict[str, str | None]:
        """What the filter's themes are called; ``None``: there is no such theme."""
        values = [value for name, value in self.given if name.removeprefix("not_") == "theme"]
        found = words_of(values) if values else {}
        return {value: found.get(value) for value in values}

    @property
    def hidden(self) -> Pairs:
        return (*self.filtered_page.fixed, *self.kept)

    @property
    def cleared(self) -> str:
        return self.url(())

    @cached_property
    def entry_query(self) -> str:
        return with_query("", [*self.filtered_page.scope, *self.given])


class FilterRefused(Exception):
    """``text``: the content of the box."""

    def __init__(self, error: Invalid, page: FilteredPage, text: str) -> None:
        super().__init__(str(error))
        self.error = error
        self.filtered_page = page
        self.text = text


class Redirect(Exception):
    """``str()`` is the address."""


View = Callable[..., HttpResponseBase]


def redirects_or_refuses(view: View) -> View:

    @wraps(view)
    def answering(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except Redirect as redirect:
            return HttpResponseRedirect(str(redirect))
        except FilterRefused as refused:
            return _refusal(request, refused)

    return answering


def without_empty_parameters(*kept: str) -> Callable[[View], View]:
    """Redirects a GET to the address without empty parameters, except ``kept``."""

    def decorator(view: View) -> View:
        @wraps(view)
        def redirecting(request: HttpRequest, *args: Any, **arguments: Any) -> HttpResponseBase:
            pairs = pairs_of(request.GET)
            full = [(name, value) for name, value in pairs if value or name in kept]
            if len(full) < len(pairs) and request.method in ("GET", "HEAD"):
                return HttpResponseRedirect(with_query(request.get_full_path().partition("?")[0], full))
            return view(request, *args, **arguments)

        return redirecting

    return decorator


def read(request: HttpRequest, page: FilteredPage) -> ListRequest:
    """Raises ``Redirect`` and ``FilterRefused``, for ``redirects_or_refuses``."""
    parameters = dict(request.GET.lists())
    if "q" in parameters:
        raise Redirect(page.url((*_from_box(parameters["q"][-1], page), *_kept(parameters, page))))
    pairs = [(name, value) for name, values in parameters.items() for value in values]
    full = [(name, value) for name, value in pairs if page.takes(name, value)]
    if len(full) < len(pairs):
        raise Redirect(page.url(tuple(pair for pair in full if pair not in page.fixed)))
    return parse(page, full)


def parse(page: FilteredPage, pairs: Iterable[Pair]) -> ListRequest:
    """Ignores parameters that the page does not take. Raises ``FilterRefused``."""
    parameters: dict[str, list[str]] = {}
    for name, value in pairs:
        if page.takes(name, value):
            parameters.setdefault(name, []).append(value)
    full = [(name, value) for name, values in parameters.items() for value in values]
    given = filter_box.canonical(pair for pair in full if not page.fixes(pair[0]))
    cursor = parameters.get("cursor", [None])[-1]
    try:
        now = entries.began_ms(cursor) or now_ms()
        filters.from_pairs(full, now)  # what the page fixes is ignored, but must be valid
        _check_length(filter_box.render(given), LONGEST_FILTER if page.title else _LONGEST_OF_ENTRY)
        return ListRequest(
            page,
            given,
            kept=_kept(parameters, page),
            wanted=filters.from_pairs([*page.scope, *given], now),
            order=filters.order(parameters, default="desc"),
            size=filters.page_size(parameters) or page_sizes.ENTRIES,
            cursor=cursor,
        )
    except Invalid as error:
        raise FilterRefused(error, page, filter_box.render(given)) from None


def blueprint_filter(request: HttpRequest, *others: str) -> EntryFilter:
    """Which Blueprints, and the parameters in ``others``; all other parameters are ignored. Raises ``Invalid``."""
    parameters = dict(request.GET.lists())
    names = (*blueprint_ids.PARAMETERS, *others)
    wanted = filters.parse({name: parameters[name] for name in names if name in parameters}, now_ms())
    _check_length(filter_box.render(wanted.pairs), LONGEST_FILTER)
    return wanted


def _check_length(text: str, most: int) -> None:
    if len(text) > most:
        detail = f"has {len(text):,} characters; a page takes {most:,}, the API more"
        raise Invalid("filter", "length", detail)


def _kept(parameters: filters.Parameters, page: FilteredPage) -> Pairs:
    names = (*_KEPT, *page.kept)
    return tuple((name, parameters[name][-1]) for name in names if any(parameters.get(name, ())))


def _from_box(text: str, page: FilteredPage) -> Pairs:
    try:
        given = tuple(pair for pair in filter_box.parse(text) if pair not in page.scope)
        for name, value in given:
            if page.fixes(name):
                raise Invalid(_key(name), "scope", "is fixed on this page; use Search to look everywhere")
            if not value and not page.may_be_empty(name):
                raise Invalid(_key(name), "empty", "must not be empty here")
        filters.from_pairs(given, now_ms())
    except Invalid as error:
        raise FilterRefused(error, page, text) from None
    return given


def _key(parameter: str) -> str:
    base = parameter.removeprefix("not_")
    return {"blueprint_id": "blueprint", "blueprint_prefix": "blueprint", "phrase": "filter"}.get(base, base)


def _refusal(request: HttpRequest, refused: FilterRefused) -> HttpResponse:
    page = refused.filtered_page
    box = {"filtered_page": page, "hidden": page.fixed, "text": refused.text, "cleared": page.url(), "chips": ()}
    context = {"error": refused.error, "list_request": box}
    return htmx.page(request, "failures/filter_refused.jinja", context, status=400)
