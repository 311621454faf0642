"""Paths of content pages and resources; ``reverse()`` refuses some ids."""

from urllib.parse import quote

from enhancelog.links import at, story

__all__ = ["api_key", "api_story", "edit", "history", "link", "story"]


def edit(story_id: str, kind: str) -> str:
    return at(f"/content/edit/{kind}/{_last(story_id)}")


def history(story_id: str, kind: str) -> str:
    return at(f"/content/history/{kind}/{_last(story_id)}")


def link(issue_id: str) -> str:
    return at(f"/content/links/{_last(issue_id)}")


def api_key(story_id: str, kind: str) -> str:
    return at(f"/v1/content/kinds/{kind}/{_last(story_id)}")


def api_story(story_id: str) -> str:
    return at(f"/v1/content/stories/{_last(story_id)}")


def _last(value: str) -> str:
    return quote(value, safe="")
