"""Paths of the content pages and resources, percent-encoded; an id never reaches ``reverse()``."""

from urllib.parse import quote

from enhancelog.links import story

__all__ = ["api_key", "api_story", "edit", "history", "link", "story"]


def edit(story_id: str, kind: str) -> str:
    """The page that changes one key."""
    return f"/content/edit/{kind}/{_last(story_id)}"


def history(story_id: str, kind: str) -> str:
    """The page of one key's versions."""
    return f"/content/history/{kind}/{_last(story_id)}"


def link(issue_id: str) -> str:
    """Where a link between an entry and a work item is made or removed."""
    return f"/content/links/{_last(issue_id)}"


def api_key(story_id: str, kind: str) -> str:
    """One key in the API."""
    return f"/v1/content/kinds/{kind}/{_last(story_id)}"


def api_story(story_id: str) -> str:
    """All of a story's keys in the API."""
    return f"/v1/content/stories/{_last(story_id)}"


def _last(value: str) -> str:
    return quote(value, safe="")
