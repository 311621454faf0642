"""The list of stories and the page of one story, as a browser without script shows them."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from content import kinds, links
from content.kinds import KINDS, Key, Kind
from content.models import ContentRevision
from content.store import open_store
from tests.content.changing import edit, write
from tests.content.conftest import AGENT
from tests.content.test_store import sample
from tests.pages import Element, Page, read

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("public_read")]


def listed(page: Page) -> list[str]:
    """The ids of the list's stories."""
    return [link.words for link in page.all("a", class_="mono")]


def labels(page: Page) -> list[str]:
    return [button.attributes.get("aria-label", button.words) for button in page.all("a", class_="btn")]


def part(page: Page, id: str) -> Element:
    (found,) = [element for element in page.elements if element.attributes.get("id") == id]
    return found


def test_an_empty_store_says_how_to_fill_it(client: Client):
    assert "python3 manage.py import_content FILE" in [pre.words for pre in read(client.get("/content/")).all("pre")]


def test_the_list_shows_ids_titles_and_kinds(client: Client):
    write("S-1", "story", "# **Ship** it\n\nbody")
    write("S-1", "merge_success", "")
    (row,) = read(client.get("/content/")).all("tr", data_row="")
    story, kinds_held, changed = [cell for cell in row.inside if cell.tag == "td"]
    assert [each.words for each in story.all("bdi")] == ["S-1", "Ship it"]
    assert [each.words for each in kinds_held.inside if each.attributes["class"] == "kind"] == ["Story", "Merged"]
    assert [each.words for each in changed.inside if each.tag == "div"] == ["agent-7"]


def test_the_list_is_searched_by_id_and_filtered_by_kind(client: Client):
    write("Alpha")
    write("Beta", "gate_output", "text")
    assert listed(read(client.get("/content/?text=bet"))) == ["Beta"]
    assert listed(read(client.get("/content/?kind=story"))) == ["Alpha"]
    nothing = read(client.get("/content/?kind=story&text=bet"))
    assert listed(nothing) == []
    assert "No work item matches." in nothing.words
    assert client.get("/content/?kind=stories").status_code == 400
    assert client.get("/content/?cursor=x").status_code == 400


def test_the_list_goes_on_where_it_ended(client: Client):
    ids = [f"S-{number:03}" for number in range(60)]
    open_store(AGENT).preload({Key(story_id, "story"): "text" for story_id in ids})
    first = read(client.get("/content/"))
    assert listed(first) == ids[:50]
    (following,) = first.all("a", rel="next")
    second = read(client.get(following.attributes["href"]))
    assert listed(second) == ids[50:]
    assert second.all("a", rel="next") == []


def test_the_list_takes_a_fixed_number_of_queries(client: Client, django_assert_num_queries: Any):
    for count in (1, 60):
        open_store(AGENT).preload({Key(f"S-{n:03}", "story"): "text" for n in range(count)}, merge=True)
        with django_assert_num_queries(3):
            client.get("/content/")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_shown_and_can_be_edited(admin: Client, kind: str):
    write(kind=kind, value=sample(kind))
    page = read(admin.get(links.story("S-1")))
    assert KINDS[kind].label in part(page, f"kind-{kind}").words
    assert "1 of 14 kinds set" in part(page, "story-head").words
    assert KINDS[kind].codec.describe() in read(admin.get(links.edit("S-1", kind))).words
    versions = read(admin.get(links.history("S-1", kind))).all("h2")
    assert [heading.words for heading in versions] == ["Version 1"]


@pytest.mark.parametrize("story_id", ["ops/デプロイ-3 %", "a/../b", '"><script>', "x?y#z", "a//b/"])
def test_pages_of_unusual_ids_find_one_another(admin: Client, story_id: str):
    write(story_id)
    page = read(admin.get(links.story(story_id)))
    addresses = [link.attributes["href"] for link in page.all("a")]
    for path in (links.edit(story_id, "story"), links.history(story_id, "story")):
        assert path in addresses
        assert admin.get(path).status_code == 200
    (link,) = read(admin.get("/content/")).all("a", class_="mono")
    assert (link.words, link.attributes["href"]) == (story_id, links.story(story_id))
    assert all("src" in script.attributes for script in page.all("script"))


def test_values_are_escaped_and_markdown_is_rendered_safe(client: Client):
    write("S-1", "story", '# Title\n\n<script>x</script> ![i](https://x/y.png) <b hx-get="/">b</b> [l](javascript:x)')
    write("S-1", "gate_output", "<script>y</script>")
    write("S-1", "merge_report", '{"a": "</pre><script>"}')
    page = read(client.get(links.story("S-1")))
    prose = part(page, "kind-story").inside
    assert [element.words for element in prose if element.tag == "h2"] == ["Title"]
    assert not {"script", "img"} & {element.tag for element in prose}
    assert all("src" in script.attributes for script in page.all("script"))
    assert not any("hx-get" in element.attributes for element in prose)
    assert not any(element.attributes.get("href", "").startswith("javascript") for element in page.elements)
    for kind, value in (("gate_output", "<script>y</script>"), ("merge_report", '{"a": "</pre><script>"}')):
        assert [element.text for element in part(page, f"kind-{kind}").inside if element.tag == "pre"] == [value]


def test_a_reader_sees_no_way_to_change_anything(client: Client):
    write()
    write(kind="abort_respawn_count", value="1")
    page = read(client.get(links.story("S-1")))
    assert not any(label.startswith(("Edit", "Add", "Take")) for label in labels(page))
    (main,) = page.all("main")
    assert not {"form", "input"} & {element.tag for element in main.inside}
    assert edit(client, value="lost", version=1).status_code == 401
    bob = Client()
    bob.force_login(User.objects.create_user("bob", password="x"))
    assert edit(bob, value="lost", version=1).status_code == 403
    assert bob.post(links.history("S-1", "story"), {"restore": 1, "version": 1}).status_code == 403
    assert bob.post(links.link("h-1"), {"story_id": "S-1"}).status_code == 403
    assert ContentRevision.objects.count() == 2


def test_a_story_without_anything_is_404_to_readers_and_a_start_for_staff(client: Client, admin: Client):
    assert client.get(links.story("S-1")).status_code == 404
    assert client.get(links.story("a:b")).status_code == 404
    page = admin.get(links.story("S-1"))
    assert page.status_code == 200
    assert "14 kinds not set" in read(page).words


@pytest.mark.parametrize(
    ("path", "goes_to"),
    [
        ("/content/?text=&kind=story&cursor=", "/content/?kind=story"),
        ("/content/history/story/S%201%3F?before=", "/content/history/story/S%201%3F"),
        ("/?period=", "/"),
        ("/blueprints/?sort=&order=asc", "/blueprints/?order=asc"),
        ("/blueprints/?page_size=", "/blueprints/"),
        ("/blueprints/?blueprint_id=&order=", "/blueprints/?blueprint_id="),
    ],
)
def test_empty_parameters_are_redirected_away(client: Client, path: str, goes_to: str):
    answer = client.get(path)
    assert (answer.status_code, answer["Location"]) == (302, goes_to)


@pytest.mark.parametrize(
    "path", ["/", "/rejections/", "/search/", "/blueprints/", "/blueprints/b", "/entries/h", "/content/"]
)
def test_pages_to_read_take_nothing_else(admin: Client, path: str):
    answer = admin.post(path)
    assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD")


def test_pages_are_the_readers_own(admin: Client):
    write()
    for path in ("/content/", links.story("S-1"), links.edit("S-1", "story"), links.history("S-1", "story")):
        answer = admin.get(path)
        assert answer["Cache-Control"] == "private, no-cache"
        assert {"Cookie", "HX-Request"} <= {name.strip() for name in answer["Vary"].split(",")}
        assert "unsafe" not in answer["Content-Security-Policy"]
        assert not any("style" in element.attributes for element in read(answer).elements)


def test_a_fifteenth_kind_is_one_line(admin: Client, monkeypatch: pytest.MonkeyPatch):
    plain = KINDS["gate_output"].codec
    monkeypatch.setitem(kinds.KINDS, "review_notes", Kind("review_notes", "Review notes", "What a review said", plain))
    path = links.api_key("S-1", "review_notes")
    assert admin.put(path, '{"value": "fine"}', content_type="application/json").status_code == 201
    assert admin.get(path).json()["value"] == "fine"
    assert kinds.from_raw_key("S-1:review_notes") == Key("S-1", "review_notes")
    assert b'"S-1:review_notes": "fine"' in b"".join(admin.get("/v1/content/export"))
    page = read(admin.get(links.story("S-1")))
    assert "Review notes" in part(page, "kind-review_notes").words
    assert "1 of 15 kinds set" in page.words
    assert edit(admin, "review_notes", value="finer", version=1).status_code == 302
    history = read(admin.get(links.history("S-1", "review_notes")))
    assert "finer" in [added.words for added in history.all("ins")]
    assert any("Review notes" in row.words for row in read(admin.get("/content/?kind=review_notes")).all("tr"))
