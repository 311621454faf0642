"""Changes that tests make: an agent writes through the store, a person submits the form."""

from typing import Any

from django.test import Client

from content import links
from content.store import open_store
from tests.content.conftest import AGENT

HTMX = {"HX-Request": "true"}


def write(story_id: str = "S-1", kind: str = "story", value: str = "one\ntwo\nthree") -> int:
    """Returns the new version."""
    return open_store(AGENT).write(story_id, kind, value).item.version


def edit(client: Client, kind: str = "story", story_id: str = "S-1", **fields: Any) -> Any:
    headers = fields.pop("headers", {})
    return client.post(links.edit(story_id, kind), fields, headers=headers)
