"""What a page was asked: the filter, order and page in its address, and the filter box that shows them as text.

A box that was sent (``?q=``) is parsed and redirected to the parameters it stands for, so that the address says it all.
Empty parameters are redirected away, except ``blueprint_id=`` where it means the empty id. What cannot be read is
answered with the box as it was, status 400, naming the parameter.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Final, NamedTuple

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect

from enhancelog.domain import filter_box, filters, page_sizes
from enhancelog.domain.errors import Invalid
from enhancelog.domain.filter_box import Pair, Pairs
from enhancelog.domain.filters import EntryFilter, Order
from enhancelog.domain.times import now_ms
from enhancelog.links import with_query
from enhancelog.queries import entries
from enhancelog.web import htmx

_KEPT: Final = ("order", "page_size")
_MEANS_EMPTY_ID: Final = ("blueprint_id", "not_blueprint_id")


@dataclass(frozen=True)
class Place:
    """A page that takes questions. ``scope`` is what it narrows to by itself, ``fixed`` what its address holds beside
    a filter, ``empty_id`` whether ``blueprint_id=`` means the empty id there, ``title`` what people call it."""

    path: str
    scope: Pairs = ()
    fixed: Pairs = ()
    empty_id: bool = False
    title: str = ""

    def url(self, pairs: Pairs = ()) -> str:
        return with_query(self.path, [*self.fixed, *pairs])

    def may_be_empty(self, name: str) -> bool:
        return self.empty_id and name in _MEANS_EMPTY_ID

    def takes(self, name: str, value: str) -> bool:
        """Whether a parameter may stand in the address; an empty one mostly says nothing."""
        return bool(value) or self.may_be_empty(name) or (name, value) in self.fixed

    def settles(self, name: str) -> bool:
        """Whether a parameter is not the reader's to choose here."""
        return name.removeprefix("not_") in dict(self.scope)


class Chip(NamedTuple):
    """One parameter as the box says it, and the address without it."""

    text: str
    without: str


@dataclass(frozen=True)
class Question:
    """``given`` is the reader's filter as in the address; ``wanted`` is that and the place's own scope."""

    place: Place
    given: Pairs
    kept: Pairs
    wanted: EntryFilter
    order: Order
    size: int
    cursor: str | None

    def url(self, given: Pairs | None = None, **others: str) -> str:
        """The same place with another filter, order or cursor; without a cursor it is the first page."""
        given = self.given if given is None else filter_box.canonical(given)
        return self.place.url((*given, *(dict(self.kept) | others).items()))

    def without(self, *pairs: Pair) -> str:
        return self.url(tuple(pair for pair in self.given if pair not in pairs))

    @property
    def text(self) -> str:
        return filter_box.render(self.given)

    @property
    def chips(self) -> list[Chip]:
        return [Chip(filter_box.token(*pair), self.without(pair)) for pair in self.given]

    @property
    def hidden(self) -> Pairs:
        """What the box's form sends beside the box."""
        return (*self.place.fixed, *self.kept)

    @property
    def cleared(self) -> str:
        return self.url(())

    @property
    def entry_query(self) -> str:
        """The query string of links to entries: newer and older keep to this list."""
        return with_query("", [*self.place.scope, *self.given])


class Refused(Exception):
    """The question cannot be read; ``text`` is what the box held."""

    def __init__(self, error: Invalid, place: Place, text: str) -> None:
        super().__init__(str(error))
        self.error = error
        self.place = place
        self.text = text


class Elsewhere(Exception):
    """The question has another, canonical address."""


View = Callable[..., HttpResponseBase]


def answers_questions(view: View) -> View:
    """For views that ``read`` a question: redirects, and the page for one that cannot be read."""

    @wraps(view)
    def answering(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except Elsewhere as elsewhere:
            return HttpResponseRedirect(str(elsewhere))
        except Refused as refused:
            return _refusal(request, refused)

    return answering


def without_empty_parameters(*kept: str) -> Callable[[View], View]:
    """For views that read their few parameters themselves: a ``GET`` is redirected to where none of them is empty."""

    def decorator(view: View) -> View:
        @wraps(view)
        def redirecting(request: HttpRequest, *args: Any, **arguments: Any) -> HttpResponseBase:
            pairs = [(name, value) for name, values in request.GET.lists() for value in values]
            full = [(name, value) for name, value in pairs if value or name in kept]
            if len(full) < len(pairs) and request.method in ("GET", "HEAD"):
                return HttpResponseRedirect(with_query(request.get_full_path().partition("?")[0], full))
            return view(request, *args, **arguments)

        return redirecting

    return decorator


def read(request: HttpRequest, place: Place) -> Question:
    """The question in the address. Raises ``Elsewhere`` and ``Refused``, for ``answers_questions``."""
    parameters = dict(request.GET.lists())
    if "q" in parameters:
        raise Elsewhere(place.url((*_from_box(parameters["q"][-1], place), *_kept(parameters))))
    pairs = [(name, value) for name, values in parameters.items() for value in values]
    full = [(name, value) for name, value in pairs if place.takes(name, value)]
    if len(full) < len(pairs):
        raise Elsewhere(place.url(tuple(pair for pair in full if pair not in place.fixed)))
    return question(place, full)


def question(place: Place, pairs: Iterable[Pair]) -> Question:
    """The question that these parameters put to a page; what it does not take is left out. Raises ``Refused``."""
    parameters: dict[str, list[str]] = {}
    for name, value in pairs:
        if place.takes(name, value):
            parameters.setdefault(name, []).append(value)
    full = [(name, value) for name, values in parameters.items() for value in values]
    given = filter_box.canonical(pair for pair in full if not place.settles(pair[0]))
    cursor = parameters.get("cursor", [None])[-1]
    try:
        now = entries.began_ms(cursor) or now_ms()
        filters.from_pairs(full, now)  # what the place settles is ignored, but not when it makes no sense
        return Question(
            place,
            given,
            kept=_kept(parameters),
            wanted=filters.from_pairs([*place.scope, *given], now),
            order=filters.order(parameters, default="desc"),
            size=filters.page_size(parameters) or page_sizes.ENTRIES,
            cursor=cursor,
        )
    except Invalid as error:
        raise Refused(error, place, filter_box.render(given)) from None


def _kept(parameters: filters.Parameters) -> Pairs:
    return tuple((name, parameters[name][-1]) for name in _KEPT if any(parameters.get(name, ())))


def _from_box(text: str, place: Place) -> Pairs:
    try:
        given = tuple(pair for pair in filter_box.parse(text) if pair not in place.scope)
        for name, value in given:
            if place.settles(name):
                raise Invalid(_key(name), "scope", "is settled by this page; Search looks everywhere")
            if not value and not place.may_be_empty(name):
                raise Invalid(_key(name), "empty", "must not be empty here")
        filters.from_pairs(given, now_ms())
    except Invalid as error:
        raise Refused(error, place, text) from None
    return given


def _key(parameter: str) -> str:
    """What the box calls a parameter."""
    base = parameter.removeprefix("not_")
    return {"blueprint_id": "blueprint", "phrase": "filter"}.get(base, base)


def _refusal(request: HttpRequest, refused: Refused) -> HttpResponse:
    place = refused.place
    box = {"place": place, "hidden": place.fixed, "text": refused.text, "cleared": place.url(), "chips": ()}
    context = {"error": refused.error, "question": box}
    return htmx.page(request, "failures/filter_refused.jinja", context, status=400)
