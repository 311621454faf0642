"""Content in the Django admin goes through the store, with the same rules."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from content.admin import ContentItemForm
from content.models import ContentItem, ContentRevision
from content.store import open_store
from tests.content.conftest import AGENT
from tests.pages import read

pytestmark = pytest.mark.django_db

ADD = "/admin/content/contentitem/add/"


@pytest.fixture
def root() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root", password="x"))
    return client


def change(client: Client, item: ContentItem, **fields: Any) -> Any:
    return client.post(f"/admin/content/contentitem/{item.pk}/change/", fields)


def test_adding_and_changing_write_versions(root: Client):
    answer = root.post(ADD, {"story_id": "S-1", "kind": "abort_respawn_count", "value": "3", "seen": "0"})
    assert answer.status_code == 302
    item = ContentItem.objects.get()
    assert change(root, item, value=" 4 ", seen="1").status_code == 302
    assert list(
        ContentRevision.objects.order_by("version").values_list("value", "version", "actor_name", "source")
    ) == [("3", 1, "root", "admin"), ("4", 2, "root", "admin")]


def test_the_rules_are_the_same(root: Client):
    for fields, said in (
        ({"story_id": "a:b", "kind": "story", "value": "x"}, "separates id and kind"),
        ({"story_id": "S-1", "kind": "abort_respawn_count", "value": "-1"}, "whole number"),
        ({"story_id": "S-1", "kind": "merge_report", "value": "{"}, "not JSON"),
        ({"story_id": "S-1", "kind": "stories", "value": "x"}, "Select a valid choice"),
    ):
        answer = root.post(ADD, {**fields, "seen": "0"})
        assert answer.status_code == 200
        assert said in read(answer).words
    assert not ContentItem.objects.exists()


def test_a_change_of_somebody_else_is_not_overwritten(root: Client):
    store = open_store(AGENT)
    store.write("S-1", "story", "one")
    store.write("S-1", "story", "theirs")
    item = ContentItem.objects.get()
    for answer in (
        change(root, item, value="what I typed", seen="1"),
        root.post(ADD, {"story_id": "S-1", "kind": "story", "value": "what I typed", "seen": "0"}),
    ):
        assert answer.status_code == 200
        page = read(answer)
        assert "Nothing was saved: agent-7 changed it to version 2" in page.words
        assert [box.text.strip() for box in page.all("textarea", name="value")] == ["what I typed"]
        assert [field.attributes["value"] for field in page.all("input", name="seen")] == ["2"]
        assert ContentItem.objects.get().value == "theirs"
    assert change(root, item, value="what I typed", seen="2").status_code == 302
    assert ContentItem.objects.get().value == "what I typed"


def test_a_change_between_look_and_save_is_not_overwritten_either(root: Client, monkeypatch: pytest.MonkeyPatch):
    store = open_store(AGENT)
    store.write("S-1", "story", "one")
    store.write("S-1", "story", "theirs")
    monkeypatch.setattr(ContentItemForm, "_check_unchanged", lambda *_: None)
    assert change(root, ContentItem.objects.get(), value="x", seen="1").status_code == 302
    assert ContentItem.objects.get().value == "theirs"


def test_the_list_is_filtered_by_kind_and_by_nothing_else(root: Client):
    open_store(AGENT).write("S-1", "story", "text")
    items = "/admin/content/contentitem/"
    assert "1 content item" in read(root.get(f"{items}?kind=story")).words
    assert "0 content items" in read(root.get(f"{items}?kind=gate_output")).words
    for query in ("kind=%00", "kind__exact=%00", "story_id=%00", "q=%00"):
        assert root.get(f"{items}?{query}").status_code in (200, 302, 400)
    assert root.get("/admin/content/contentrevision/?kind=%00").status_code in (302, 400)


def test_deleting_leaves_a_tombstone_and_the_key_can_be_made_again(root: Client):
    store = open_store(AGENT)
    for story_id in ("S-1", "S-2"):
        store.write(story_id, "story", "text")
    first, second = ContentItem.objects.order_by("story_id")
    assert root.post(f"/admin/content/contentitem/{first.pk}/delete/", {"post": "yes"}).status_code == 302
    action = {"action": "delete_selected", "_selected_action": [second.pk], "post": "yes"}
    assert root.post("/admin/content/contentitem/", action).status_code == 302
    assert store.list_ids() == []
    assert [past.value for past in store.history("S-2", "story")] == ["text", None]
    assert "0 content items" in read(root.get("/admin/content/contentitem/")).words
    assert root.post(ADD, {"story_id": "S-1", "kind": "story", "value": "again", "seen": "0"}).status_code == 302
    assert ContentItem.objects.get(story_id="S-1").version == 3


def test_revisions_are_for_reading(root: Client):
    open_store(AGENT).write("S-1", "story", "text")
    path = f"/admin/content/contentrevision/{ContentRevision.objects.get().pk}"
    assert root.get("/admin/content/contentrevision/").status_code == 200
    assert root.get(f"{path}/change/").status_code == 200
    assert root.post(f"{path}/change/", {"value": "x"}).status_code == 403
    assert root.post(f"{path}/delete/", {"post": "yes"}).status_code == 403
    assert root.get("/admin/content/contentrevision/add/").status_code == 403
    assert root.get("/admin/content/contentlink/").status_code == 200
    assert root.get(f"/admin/content/contentitem/{ContentItem.objects.get().pk}/change/").status_code == 200
