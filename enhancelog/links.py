"""Percent-encoded paths of pages and API resources."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, Protocol
from urllib.parse import quote, quote_plus

from django.conf import settings
from django.http import QueryDict
from django.utils.http import url_has_allowed_host_and_scheme

from enhancelog.domain.times import DAY_MS

Pairs = Iterable[tuple[str, str]]

_SHORT: Final = 64  # longer values are not cached


class Span(Protocol):
    """A half-open range in epoch ms; ``None``: unbounded."""

    @property
    def since_ms(self) -> int | None: ...

    @property
    def until_ms(self) -> int | None: ...


class BoundedSpan(Protocol):
    """The same with both ends."""

    @property
    def since_ms(self) -> int: ...

    @property
    def until_ms(self) -> int: ...


def at(route: str) -> str:
    """The path at which this server has a route, such as ``/rejections/``."""
    return f"{settings.PUBLIC_PATH}{route}"


def absolute(path: str) -> str:
    return f"{settings.PUBLIC_ORIGIN}{path}"


def route_of(path: str) -> str:
    """The same backwards, also for what is a route already."""
    base = settings.PUBLIC_PATH
    if base and f"{path}/".startswith(f"{base}/"):
        return path[len(base) :] or "/"
    return path


def is_path_here(url: str) -> bool:
    """Whether it leads nowhere but to this host, also as browsers read it."""
    return url.startswith("/") and url_has_allowed_host_and_scheme(url, None)


def with_query(path: str, pairs: Pairs = ()) -> str:
    query = "&".join([f"{_encoded(name)}={_encoded(value)}" for name, value in pairs])
    return f"{path}?{query}" if query else path


def changed(given: Mapping[str, str], changes: Mapping[str, str]) -> list[tuple[str, str]]:
    """Parameters with changes; an empty one is left out."""
    return [(name, value) for name, value in {**given, **changes}.items() if value]


def between(since_ms: int | None, until_ms: int | None) -> list[tuple[str, str]]:
    """Parameters for epoch ms: a date for midnight, else a time to the millisecond."""
    bounds = (("since", since_ms), ("until", until_ms))
    return [(name, _instant(value)) for name, value in bounds if value is not None]


def pairs_of(parameters: QueryDict, without: str = "") -> list[tuple[str, str]]:
    """All but those with this name."""
    return [(name, value) for name, values in parameters.lists() if name != without for value in values]


def within(url: str, span: BoundedSpan) -> str:
    return f"{url}{'&' if '?' in url else '?'}{_bounds(span.since_ms, span.until_ms)}"


@lru_cache(maxsize=2048)
def _bounds(since_ms: int, until_ms: int) -> str:
    return with_query("", between(since_ms, until_ms)).removeprefix("?")


def rejections(pairs: Pairs = ()) -> str:
    return with_query(at("/rejections/"), pairs)


def runs(pairs: Pairs = ()) -> str:
    return with_query(at("/search/"), pairs)


def matrix(pairs: Pairs = ()) -> str:
    return with_query(at("/matrix/"), pairs)


def steadiness(pairs: Pairs = ()) -> str:
    return with_query(at("/steadiness/"), pairs)


def differences(pairs: Pairs = (), against: Pairs = ()) -> str:
    """``against``: the filter to compare with, instead of the rest."""
    second = with_query("", against)[1:]
    return with_query(at("/differences/"), [*pairs, *([("against", second)] if second else [])])


def axis(name: str, pairs: Pairs = ()) -> str:
    return with_query(at(f"/axes/{_last(name)}"), pairs)


def themes(axis: str, pairs: Pairs = ()) -> str:
    return with_query(at(f"/themes/{_last(axis)}"), pairs)


def patterns(pairs: Pairs = ()) -> str:
    return with_query(at("/patterns/"), pairs)


def pattern(pattern_id: str) -> str:
    return at(f"/patterns/{_last(pattern_id)}")


def change_pattern(kind: str, pattern_id: str) -> str:
    return at(f"/patterns/{kind}/{_last(pattern_id)}")


def triage(pairs: Pairs = ()) -> str:
    return with_query(at("/triage/"), pairs)


def markers(pairs: Pairs = ()) -> str:
    return with_query(at("/markers/"), pairs)


def marker(marker_id: str) -> str:
    return at(f"/markers/{_last(marker_id)}")


def edit_marker(marker_id: str) -> str:
    return at(f"/markers/edit/{_last(marker_id)}")


def hide_marker(marker_id: str) -> str:
    return at(f"/markers/hide/{_last(marker_id)}")


def mentions(pairs: Pairs = ()) -> str:
    return with_query(at("/account/mentions"), pairs)


def sources() -> str:
    return at("/sources/")


def rename_source(name: str) -> str:
    return at(f"/sources/rename/{_last(name)}")


def restore_source(source: str) -> str:
    return at(f"/sources/restore/{_last(source)}")


def audit(pairs: Pairs = ()) -> str:
    return with_query(at("/audit/"), pairs)


def notes(about: str, pairs: Pairs = ()) -> str:
    """``about``: a kind and an id, as in ``entry:h-1``."""
    return with_query(at("/notes/"), [("about", about), *pairs])


def note(note_id: str) -> str:
    return at(f"/notes/{_last(note_id)}")


def edit_note(note_id: str) -> str:
    return at(f"/notes/edit/{_last(note_id)}")


def withdraw_note(note_id: str) -> str:
    return at(f"/notes/withdraw/{_last(note_id)}")


def reviews(pairs: Pairs = ()) -> str:
    return with_query(at("/triage/reviews/"), pairs)


def review(issue_id: str, pairs: Pairs) -> str:
    """``pairs``: the axis, and the seed of the queue."""
    return with_query(at(f"/triage/reviews/{_last(issue_id)}"), pairs)


def alert(alert_id: str) -> str:
    return at(f"/alerts/{_last(alert_id)}")


def change_alert(alert_id: str) -> str:
    return at(f"/alerts/change/{_last(alert_id)}")


def deliveries(pairs: Pairs = ()) -> str:
    return with_query(at("/alerts/deliveries/"), pairs)


def confirm_address(token: str) -> str:
    return with_query(at("/account/addresses/confirm"), [("token", token)])


def retry_delivery(delivery_id: str) -> str:
    return at(f"/alerts/deliveries/retry/{_last(delivery_id)}")


def entry(issue_id: str, pairs: Pairs = ()) -> str:
    """``pairs``: the filter for newer and older entries."""
    return with_query(at(f"/entries/{_last(issue_id)}"), pairs)


def redact_entry(issue_id: str) -> str:
    return at(f"/redactions/entries/{_last(issue_id)}")


def evidence() -> str:
    return at("/evidence/")


def receipt(issue_id: str) -> str:
    return at(f"/evidence/receipts/{_last(issue_id)}")


def comparison(issue_id: str, other_id: str) -> str:
    return entry(issue_id, [("compare", other_id)])


def blueprint(blueprint_id: str, pairs: Pairs = ()) -> str:
    """The empty id is in the query string."""
    if not blueprint_id:
        return with_query(at("/blueprints/"), [("blueprint_id", ""), *pairs])
    return with_query(at(f"/blueprints/{_last(blueprint_id)}"), pairs)


def unfinished(pairs: Pairs = ()) -> str:
    return with_query(at("/unfinished/"), pairs)


def unfinished_run(issue_id: str) -> str:
    return at(f"/unfinished/{_last(issue_id)}")


def fields(blueprint_id: str, pairs: Pairs = ()) -> str:
    return with_query(at("/fields/"), [("blueprint_id", blueprint_id), *pairs])


def documents(blueprint_id: str, pairs: Pairs = ()) -> str:
    return with_query(at("/documents/"), [("blueprint_id", blueprint_id), *pairs])


def document(hash: str, compare: str = "") -> str:
    """``compare``: the hash of the document before."""
    return with_query(at(f"/documents/{_last(hash)}"), [("compare", compare)] if compare else [])


def story(story_id: str) -> str:
    return at(f"/content/stories/{_last(story_id)}")


def api_log(pairs: Pairs = ()) -> str:
    return with_query(at("/v1/enhance/log"), pairs)


def api_document(hash: str) -> str:
    return at(f"/v1/enhance/documents/{_last(hash)}")


def api_patches(issue_id: str) -> str:
    return at(f"/v1/enhance/patches/{_last(issue_id)}")


def api_unfinished_run(issue_id: str) -> str:
    return at(f"/v1/enhance/unfinished/{_last(issue_id)}")


def api_marker(marker_id: str) -> str:
    return at(f"/v1/enhance/markers/{_last(marker_id)}")


def api_audit(pairs: Pairs = ()) -> str:
    return with_query(at("/v1/audit"), pairs)


def api_note(note_id: str) -> str:
    return at(f"/v1/notes/{_last(note_id)}")


def api_alert(alert_id: str) -> str:
    return at(f"/v1/alerts/{_last(alert_id)}")


def api_entry(issue_id: str) -> str:
    return at(f"/v1/enhance/log/{_last(issue_id)}")


# Of what notes can be about.
NOTED: Final[Mapping[str, Callable[[str], str]]] = {
    "pattern": pattern,
    "entry": entry,
    "blueprint": blueprint,
    "marker": marker,
}


def _encoded(value: str) -> str:
    return _short_encoded(value) if len(value) <= _SHORT else quote_plus(value)


# A page has hundreds of links, to few axes, Blueprints and days.
_short_encoded: Final = lru_cache(maxsize=4096)(quote_plus)


@lru_cache(maxsize=2048)
def _instant(ms: int) -> str:
    moment = datetime.fromtimestamp(ms // 1000, UTC)
    return f"{moment:%Y-%m-%d}" if ms % DAY_MS == 0 else f"{moment:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03}Z"


def _last(value: str) -> str:
    return quote(value, safe="")
