"""Percent-encoded paths of pages and API resources."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, Protocol
from urllib.parse import quote, quote_plus

from django.http import QueryDict

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
    return with_query("/rejections/", pairs)


def runs(pairs: Pairs = ()) -> str:
    return with_query("/search/", pairs)


def matrix(pairs: Pairs = ()) -> str:
    return with_query("/matrix/", pairs)


def steadiness(pairs: Pairs = ()) -> str:
    return with_query("/steadiness/", pairs)


def differences(pairs: Pairs = (), against: Pairs = ()) -> str:
    """``against``: the filter to compare with, instead of the rest."""
    second = with_query("", against)[1:]
    return with_query("/differences/", [*pairs, *([("against", second)] if second else [])])


def axis(name: str, pairs: Pairs = ()) -> str:
    return with_query(f"/axes/{_last(name)}", pairs)


def patterns(pairs: Pairs = ()) -> str:
    return with_query("/patterns/", pairs)


def pattern(pattern_id: str) -> str:
    return f"/patterns/{_last(pattern_id)}"


def change_pattern(kind: str, pattern_id: str) -> str:
    return f"/patterns/{kind}/{_last(pattern_id)}"


def markers(pairs: Pairs = ()) -> str:
    return with_query("/markers/", pairs)


def marker(marker_id: str) -> str:
    return f"/markers/{_last(marker_id)}"


def edit_marker(marker_id: str) -> str:
    return f"/markers/edit/{_last(marker_id)}"


def hide_marker(marker_id: str) -> str:
    return f"/markers/hide/{_last(marker_id)}"


def entry(issue_id: str, pairs: Pairs = ()) -> str:
    """``pairs``: the filter for newer and older entries."""
    return with_query(f"/entries/{_last(issue_id)}", pairs)


def comparison(issue_id: str, other_id: str) -> str:
    return entry(issue_id, [("compare", other_id)])


def blueprint(blueprint_id: str, pairs: Pairs = ()) -> str:
    """The empty id is in the query string."""
    if not blueprint_id:
        return with_query("/blueprints/", [("blueprint_id", ""), *pairs])
    return with_query(f"/blueprints/{_last(blueprint_id)}", pairs)


def unfinished(pairs: Pairs = ()) -> str:
    return with_query("/unfinished/", pairs)


def unfinished_run(issue_id: str) -> str:
    return f"/unfinished/{_last(issue_id)}"


def fields(blueprint_id: str, pairs: Pairs = ()) -> str:
    return with_query("/fields/", [("blueprint_id", blueprint_id), *pairs])


def documents(blueprint_id: str, pairs: Pairs = ()) -> str:
    return with_query("/documents/", [("blueprint_id", blueprint_id), *pairs])


def document(hash: str, compare: str = "") -> str:
    """``compare``: the hash of the document before."""
    return with_query(f"/documents/{_last(hash)}", [("compare", compare)] if compare else [])


def story(story_id: str) -> str:
    return f"/content/stories/{_last(story_id)}"


def api_log(pairs: Pairs = ()) -> str:
    return with_query("/v1/enhance/log", pairs)


def api_document(hash: str) -> str:
    return f"/v1/enhance/documents/{_last(hash)}"


def api_patches(issue_id: str) -> str:
    return f"/v1/enhance/patches/{_last(issue_id)}"


def api_unfinished_run(issue_id: str) -> str:
    return f"/v1/enhance/unfinished/{_last(issue_id)}"


def api_marker(marker_id: str) -> str:
    return f"/v1/enhance/markers/{_last(marker_id)}"


def api_entry(issue_id: str) -> str:
    return f"/v1/enhance/log/{_last(issue_id)}"


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
