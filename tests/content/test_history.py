"""The versions of one key: what each changed, and how to restore one."""

import pytest
from django.test import Client

from content import links
from content.models import ContentItem
from content.store import open_store
from tests.content.changing import write
from tests.content.conftest import AGENT
from tests.pages import Page, read

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("public_read")]


def versions(page: Page) -> list[str]:
    return [section.attributes["id"] for section in page.all("section", class_="panel")]


def test_history_has_the_diffs_and_tombstones_and_restores(admin: Client):
    write(value="one\ntwo")
    write(value="one\n2")
    open_store(AGENT).delete("S-1", "story")
    page = read(admin.get(links.history("S-1", "story")))
    assert versions(page) == ["version-3", "version-2", "version-1"]
    tombstone, edited, _ = page.all("section", class_="panel")
    assert "agent-7 removed" in tombstone.words
    assert [(line.tag, line.words) for line in edited.inside if line.tag in ("ins", "del")] == [
        ("del", "two"),
        ("ins", "2"),
    ]
    assert [button.words for button in page.all("button", name="restore")] == ["Restore", "Restore"]
    assert admin.post(links.history("S-1", "story"), {"restore": 1, "version": 0}).status_code == 302
    item = ContentItem.objects.get()
    assert (item.value, item.version, item.source) == ("one\ntwo", 4, "web")


def test_restoring_over_a_change_of_somebody_else_is_refused(admin: Client):
    for value in ("one", "two", "three"):
        write(value=value)
    answer = admin.post(links.history("S-1", "story"), {"restore": 1, "version": 2}, follow=True)
    (messages,) = read(answer).all("ul", class_="messages")
    assert "Nothing was restored" in messages.words
    assert ContentItem.objects.get().value == "three"
    assert admin.post(links.history("S-1", "story"), {"restore": 9, "version": 3}).status_code == 400


def test_history_goes_on_in_pages(client: Client):
    for number in range(25):
        write(value=f"text {number}")
    page = read(client.get(links.history("S-1", "story")))
    assert versions(page) == [f"version-{number}" for number in range(25, 5, -1)]
    (following,) = page.all("a", rel="next")
    older = read(client.get(following.attributes["href"]))
    assert versions(older) == [f"version-{number}" for number in range(5, 0, -1)]
    assert [line.words for line in older.all("del")] == ["text 3", "text 2", "text 1", "text 0"]
    assert client.get(links.history("S-2", "story")).status_code == 404
    assert client.get(links.history("S-1", "stories")).status_code == 404
