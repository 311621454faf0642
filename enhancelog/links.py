"""Paths of pages and API resources, percent-encoded. An id may hold anything, so none ever reaches ``reverse()``."""

from collections.abc import Iterable
from urllib.parse import quote, urlencode

Pairs = Iterable[tuple[str, str]]


def with_query(path: str, pairs: Pairs = ()) -> str:
    """``path`` with a query string; none for no pairs."""
    query = urlencode(list(pairs))
    return f"{path}?{query}" if query else path


def entry(issue_id: str, pairs: Pairs = ()) -> str:
    """The page of one entry; ``pairs`` is the filter that newer and older keep to."""
    return with_query(f"/entries/{_last(issue_id)}", pairs)


def blueprint(blueprint_id: str, pairs: Pairs = ()) -> str:
    """The timeline of one Blueprint; the empty id lives in the query string."""
    if not blueprint_id:
        return with_query("/blueprints/", [("blueprint_id", ""), *pairs])
    return with_query(f"/blueprints/{_last(blueprint_id)}", pairs)


def story(story_id: str) -> str:
    """The page of one work item's content."""
    return f"/content/stories/{_last(story_id)}"


def api_entry(issue_id: str) -> str:
    """The entry in the API."""
    return f"/v1/enhance/log/{_last(issue_id)}"


def _last(value: str) -> str:
    return quote(value, safe="")
