"""Links between entries and work items, and what each page shows of the other."""

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.test import Client, RequestFactory

from content import entry_panel, linked, links, pages
from content.kinds import Key
from content.store import open_store
from enhancelog.links import entry as entry_link
from tests.content.conftest import AGENT
from tests.factories import make_entry
from tests.pages import Element, read
from tests.recording import record

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("public_read")]


def panel_of(client: Client, issue_id: str) -> Element:
    (panel,) = read(client.get(entry_link(issue_id))).all("section", id="work-item")
    return panel


def test_an_entry_is_linked_and_unlinked_by_hand(admin: Client):
    assert admin.post(links.link("h-1"), {"story_id": "S-1"}).status_code == 404
    record(make_entry(issue_id="h-1"))
    answer = admin.post(links.link("h-1"), {"story_id": " S-1 "})
    assert (answer.status_code, answer["Location"]) == (302, entry_link("h-1"))
    assert admin.post(links.link("h-1"), {"story_id": "S-1"}).status_code == 302
    assert linked.stories_of_entry("h-1", 5) == (["S-1"], 1)
    assert admin.post(links.link("h-1"), {"story_id": "a:b"}).status_code == 302
    assert admin.post(links.link("h-1"), {"story_id": "S-1", "act": "unlink"}).status_code == 302
    assert linked.stories_of_entry("h-1", 5) == ([], 0)
    assert admin.get(links.link("h-1")).status_code == 405


def test_ids_that_cannot_be_are_no_links(admin: Client):
    record(make_entry(issue_id="h-1"))
    assert admin.post(links.link("h-1"), {"story_id": "\0"}).status_code == 302
    assert admin.post(links.link("h-1"), {"story_id": "\0", "act": "unlink"}).status_code == 302
    assert admin.post(links.link("\0"), {"story_id": "S-1"}).status_code == 404
    assert admin.post(links.link("\0"), {"story_id": "S-1", "act": "unlink"}).status_code == 302


def test_many_links_take_as_many_queries_as_one(admin: Client, django_assert_num_queries: Any):
    record(*(make_entry(issue_id=f"h-{n:02}") for n in range(20)))
    request = RequestFactory().get("/")
    request.user = User.objects.get()
    for many in (1, 20):
        for n in range(many):
            linked.link("h-00", f"S-{n:02}", "ada")
            linked.link(f"h-{n:02}", "S-00", "ada")
        with django_assert_num_queries(2):
            context = entry_panel.panel(request, "h-00")
        assert context is not None
        assert len(context["work_items"]) == min(many, entry_panel.LINKS_SHOWN)
        assert ("And 15 more." in panel_of(admin, "h-00").words) == (many == 20)
        with django_assert_num_queries(2):
            runs = pages._runs("S-00")
        assert [run.listed.issue_id for run in runs["runs"]] == [f"h-{n:02}" for n in range(min(many, 10))]
        assert runs["more_runs"] == max(0, many - 10)
    assert "And 10 more linked manually." in read(admin.get(links.story("S-00"))).words


def test_the_panel_beside_an_entry_shows_what_its_work_items_hold_now(admin: Client, client: Client):
    open_store(AGENT).preload(
        {
            Key("h-1", "story"): "# **Keep** the section\n\nbody",
            Key("h-1", "gate_output"): "FAILED test_a_b\nmore",
            Key("S-1", "commit_recovery_read_set"): "a\nb",
        }
    )
    record(make_entry(issue_id="h-1"))
    linked.link("h-1", "S-1", "ada")
    panel = panel_of(admin, "h-1")
    values = [each.words for each in panel.inside if each.tag == "dd"]
    assert values == ["Keep the section", "FAILED test_a_b", "2 lines"]
    assert "current value" in panel.words
    assert "S-1, linked manually" in panel.words
    assert [each.words for each in panel.inside if each.tag == "button"] == ["Unlink", "Link"]
    seen = panel_of(client, "h-1")
    assert [each.words for each in seen.inside if each.tag == "dd"] == values
    assert not {"form", "button"} & {each.tag for each in seen.inside}


def test_a_reader_without_anything_to_see_or_do_gets_no_panel():
    request = RequestFactory().get("/")
    request.user = AnonymousUser()
    assert entry_panel.panel(request, "a:b") is None
