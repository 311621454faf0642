"""The content pages, as a browser without script meets them, and the fragments that htmx gets."""

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.template.loader import render_to_string
from django.test import Client, RequestFactory
from pytest_django.fixtures import Settings

from content import kinds, linked, links, pages
from content.kinds import KINDS, Key, Kind
from content.models import ContentItem, ContentRevision
from content.store import open_store
from enhancelog.domain.codecs import Text
from enhancelog.links import entry as entry_link
from tests.content.conftest import AGENT
from tests.content.test_store import sample
from tests.factories import make_entry
from tests.recording import record

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def public_read(settings: Settings) -> None:
    settings.PUBLIC_READ = True


@pytest.fixture
def admin() -> Client:
    client = Client()
    client.force_login(User.objects.create_user("ada", password="x", is_staff=True))
    return client


def write(story_id: str = "S-1", kind: str = "story", value: str = "one\ntwo\nthree") -> int:
    return open_store(AGENT).write(story_id, kind, value).item.version


def text_of(response: Any) -> str:
    return str(response.content.decode())


def edit(client: Client, kind: str = "story", story_id: str = "S-1", **fields: Any) -> Any:
    headers = fields.pop("headers", {})
    return client.post(links.edit(story_id, kind), fields, headers=headers)


def test_an_empty_store_says_how_to_fill_it(client: Client):
    assert "import_content FILE" in text_of(client.get("/content/"))


def test_the_list_shows_ids_titles_and_kinds(client: Client):
    write("S-1", "story", "# **Ship** it\n\nbody")
    write("S-1", "merge_success", "")
    page = text_of(client.get("/content/"))
    for part in ("S-1", "Ship it", "Merged", "agent-7"):
        assert part in page


def test_the_list_is_searched_by_id_and_filtered_by_kind(client: Client):
    write("Alpha")
    write("Beta", "gate_output", "text")
    assert "Alpha" not in text_of(client.get("/content/?text=bet"))
    assert "Beta" not in text_of(client.get("/content/?kind=story"))
    assert "No work item matches" in text_of(client.get("/content/?kind=story&text=bet"))
    assert client.get("/content/?kind=stories").status_code == 400
    assert client.get("/content/?cursor=x").status_code == 400


def test_the_list_goes_on_where_it_ended(client: Client):
    open_store(AGENT).preload({Key(f"S-{number:03}", "story"): "text" for number in range(60)})
    first = text_of(client.get("/content/"))
    assert "S-049" in first
    assert "S-050" not in first
    following = first.partition('rel="next" href="')[2].partition('"')[0]
    second = text_of(client.get(following))
    assert "S-050" in second
    assert "S-049" not in second


def test_the_list_takes_a_fixed_number_of_queries(client: Client, django_assert_num_queries: Any):
    for count in (1, 60):
        open_store(AGENT).preload({Key(f"S-{n:03}", "story"): "text" for n in range(count)}, merge=True)
        with django_assert_num_queries(3):
            client.get("/content/")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_shown_and_can_be_edited(admin: Client, kind: str):
    write(kind=kind, value=sample(kind))
    page = text_of(admin.get(links.story("S-1")))
    assert f'id="kind-{kind}"' in page
    assert KINDS[kind].label in page
    assert "1 of 14 kinds set" in page
    assert KINDS[kind].codec.describe() in text_of(admin.get(links.edit("S-1", kind)))
    assert "Version 1" in text_of(admin.get(links.history("S-1", kind)))


@pytest.mark.parametrize("story_id", ["ops/デプロイ-3 %", "a/../b", '"><script>', "x?y#z", "a//b/"])
def test_pages_of_unusual_ids_find_one_another(admin: Client, story_id: str):
    write(story_id)
    page = text_of(admin.get(links.story(story_id)))
    for path in (links.edit(story_id, "story"), links.history(story_id, "story")):
        assert path in page
        assert admin.get(path).status_code == 200
    assert links.story(story_id) in text_of(admin.get("/content/"))
    assert "<script>" not in page.replace("<script src", "")


def test_values_are_escaped_and_markdown_is_rendered_safe(client: Client):
    write("S-1", "story", '# Title\n\n<script>x</script> ![i](https://x/y.png) <b hx-get="/">b</b> [l](javascript:x)')
    write("S-1", "gate_output", "<script>y</script>")
    write("S-1", "merge_report", '{"a": "</pre><script>"}')
    page = text_of(client.get(links.story("S-1")))
    assert "<h2>Title</h2>" in page
    assert "<script>" not in page
    assert "<img" not in page
    assert '<b hx-get="/"' not in page
    assert 'href="javascript' not in page


def test_a_reader_sees_no_way_to_change_anything(client: Client):
    write()
    write(kind="abort_respawn_count", value="1")
    page = text_of(client.get(links.story("S-1")))
    assert "Edit" not in page
    assert "<form method" not in page.partition("<footer")[0]  # below it: the reader's own colours
    assert edit(client, value="lost", version=1).status_code == 302
    assert "sign-in" in edit(client, value="lost", version=1)["Location"]
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
    assert "14 kinds not set" in text_of(page)


def test_saving_writes_a_version_and_goes_back(admin: Client):
    write()
    answer = edit(admin, value="one\r\n2\r\nthree", version=1)
    assert (answer.status_code, answer["Location"]) == (302, "/content/stories/S-1#kind-story")
    revision = ContentRevision.objects.get(version=2)
    assert (revision.value, revision.actor_kind, revision.actor_name, revision.source) == (
        "one\n2\nthree",
        "user",
        "ada",
        "web",
    )


def test_saving_what_is_there_already_changes_nothing(admin: Client):
    write(value="one\r\ntwo\r\n")
    assert edit(admin, value="one\r\ntwo\r\n", version=1).status_code == 302
    assert ContentRevision.objects.count() == 1


def test_a_first_newline_survives_the_form(admin: Client):
    write(value="\n\nabout")
    assert "autofocus>\n\n\nabout</textarea>" in text_of(admin.get(links.edit("S-1", "story")))


def test_a_line_set_is_sorted_for_whoever_types_it(admin: Client):
    edit(admin, "commit_recovery_read_set", value="b\r\n\r\na\r\nb\r\n", version=0)
    assert ContentItem.objects.get().value == "a\nb"


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [("merge_report", "{", "not JSON"), ("abort_respawn_count", "-1", "whole number"), ("story", "a\0b", "U+0000")],
)
def test_a_bad_value_comes_back_with_what_is_wrong(admin: Client, kind: str, value: str, said: str):
    answer = edit(admin, kind, value=value, version=0)
    assert answer.status_code == 422
    assert said in text_of(answer)
    assert 'aria-invalid="true"' in text_of(answer)
    fragment = edit(admin, kind, value=value, version=0, headers=HTMX)
    assert fragment.status_code == 200
    assert "<html" not in text_of(fragment)
    assert not ContentItem.objects.exists()


def test_a_conflict_shows_yours_theirs_and_base_and_can_be_resolved(admin: Client):
    write(value="one\ntwo\nthree")
    write(value="one\ntwo\nTHEIRS")
    answer = edit(admin, value="YOURS\ntwo\nthree", version=1)
    assert answer.status_code == 409
    page = text_of(answer)
    for part in ("<ins>THEIRS</ins>", "<ins>YOURS</ins>", "version 1", "version 2 by token", "agent-7"):
        assert part in page
    assert ContentItem.objects.get().value == "one\ntwo\nTHEIRS"
    assert edit(admin, value="YOURS\ntwo\nTHEIRS", version=2).status_code == 302
    assert ContentItem.objects.get().value == "YOURS\ntwo\nTHEIRS"


def test_a_conflict_with_a_removal_is_one_too(admin: Client):
    write()
    open_store(AGENT).delete("S-1", "story")
    answer = edit(admin, value="mine", version=1)
    assert answer.status_code == 409
    assert "removed" in text_of(answer)
    assert edit(admin, value="mine", version=0).status_code == 302
    assert ContentItem.objects.get().version == 3


def test_adding_what_somebody_added_meanwhile_is_a_conflict(admin: Client):
    write(value="theirs")
    assert edit(admin, value="mine", version=0).status_code == 409
    assert edit(admin, value="theirs", version=0).status_code == 302


def test_remove_take_and_count(admin: Client):
    write()
    assert edit(admin, act="remove", version=1).status_code == 302
    write(kind="commit_recovery_forced_exit", value="")
    assert edit(admin, "commit_recovery_forced_exit", act="take").status_code == 302
    write(kind="commit_recovery_pending", value="1")
    assert edit(admin, "commit_recovery_pending", act="increment", by="1").status_code == 302
    assert edit(admin, "commit_recovery_pending", act="increment", by="-5").status_code == 422
    assert {item.kind: item.value for item in ContentItem.objects.all()} == {
        "story": None,
        "commit_recovery_forced_exit": None,
        "commit_recovery_pending": "2",
    }


def test_removing_what_changed_meanwhile_shows_it_again(admin: Client):
    write()
    write(value="newer")
    answer = edit(admin, act="remove", version=1)
    assert answer.status_code == 422
    assert "newer" in text_of(answer)
    assert ContentItem.objects.get().value == "newer"


@pytest.mark.parametrize("fields", [{"act": "drop"}, {"version": "x"}, {"version": "9" * 40}, {}])
def test_a_form_that_makes_no_sense_is_400(admin: Client, fields: dict[str, str]):
    assert edit(admin, **fields).status_code == 400


def test_htmx_gets_the_row_and_what_follows_from_it(admin: Client):
    write(kind="abort_respawn_count", value="1")
    answer = edit(admin, "abort_respawn_count", act="increment", by="1", headers=HTMX)
    page = text_of(answer)
    assert page.startswith('<div class="item" id="kind-abort_respawn_count"')
    assert "<output>2</output>" in page
    assert page.count('hx-swap-oob="true"') == 2
    assert "1 → 2" in page
    form = text_of(admin.get(links.edit("S-1", "abort_respawn_count"), headers=HTMX))
    assert "<html" not in form
    assert "editing" in form
    row = text_of(admin.get(links.edit("S-1", "abort_respawn_count") + "?cancel", headers=HTMX))
    assert row.startswith('<div class="item" id="kind-abort_respawn_count"')
    assert "editing" not in row


def test_history_has_the_diffs_and_tombstones_and_restores(admin: Client):
    write(value="one\ntwo")
    write(value="one\n2")
    open_store(AGENT).delete("S-1", "story")
    page = text_of(admin.get(links.history("S-1", "story")))
    assert page.count('class="panel" id="version-') == 3
    assert "<del>two</del>" in page
    assert "<ins>2</ins>" in page
    assert "removed" in page
    assert admin.post(links.history("S-1", "story"), {"restore": 1, "version": 0}).status_code == 302
    item = ContentItem.objects.get()
    assert (item.value, item.version, item.source) == ("one\ntwo", 4, "web")


def test_restoring_over_a_change_of_somebody_else_is_refused(admin: Client):
    write(value="one")
    write(value="two")
    write(value="three")
    answer = admin.post(links.history("S-1", "story"), {"restore": 1, "version": 2}, follow=True)
    assert "Nothing was restored" in text_of(answer)
    assert ContentItem.objects.get().value == "three"
    assert admin.post(links.history("S-1", "story"), {"restore": 9, "version": 3}).status_code == 400


def test_history_goes_on_in_pages(client: Client):
    for number in range(25):
        write(value=f"text {number}")
    page = text_of(client.get(links.history("S-1", "story")))
    assert page.count('id="version-') == 20
    following = page.partition('rel="next" href="')[2].partition('"')[0]
    older = text_of(client.get(following))
    assert older.count('id="version-') == 5
    assert "<del>text 3</del>" in older
    assert client.get(links.history("S-2", "story")).status_code == 404
    assert client.get(links.history("S-1", "stories")).status_code == 404


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
            context = pages.panel(request, "h-00")
        assert len(context["work_items"]) == min(many, pages.LINKS_SHOWN)
        page = render_to_string("content/_panel.html", {"panel": context}, request)
        assert ("And 15 more" in page) == (many == 20)
        with django_assert_num_queries(2):
            runs = pages._runs("S-00")
        assert [run.listed.entry.issue_id for run in runs["runs"]] == [f"h-{n:02}" for n in range(min(many, 10))]
        assert runs["more_runs"] == max(0, many - 10)
    assert "And 10 more" in text_of(admin.get(links.story("S-00")))


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


def test_the_panel_beside_an_entry_shows_what_its_work_items_hold_now(admin: Client):
    open_store(AGENT).preload(
        {
            Key("h-1", "story"): "# **Keep** the section\n\nbody",
            Key("h-1", "gate_output"): "FAILED test_a_b\nmore",
            Key("S-1", "commit_recovery_read_set"): "a\nb",
        }
    )
    linked.link("h-1", "S-1", "ada")
    request = RequestFactory().get("/")
    request.user = User.objects.get()
    page = render_to_string("content/_panel.html", {"panel": pages.panel(request, "h-1")}, request)
    for part in ("Keep the section", "FAILED test_a_b<", "2 lines", "current value", "linked by hand", "Unlink"):
        assert part in page
    request.user = AnonymousUser()
    assert "<form" not in render_to_string("content/_panel.html", {"panel": pages.panel(request, "h-1")}, request)
    assert pages.panel(request, "a:b") is None


def test_pages_are_the_readers_own(admin: Client):
    write()
    for path in ("/content/", links.story("S-1"), links.edit("S-1", "story"), links.history("S-1", "story")):
        answer = admin.get(path)
        assert answer["Cache-Control"] == "private, no-cache"
        assert {"Cookie", "HX-Request"} <= {name.strip() for name in answer["Vary"].split(",")}
        assert "unsafe" not in answer["Content-Security-Policy"]
        assert " style=" not in text_of(answer)


def test_a_fifteenth_kind_is_one_line(admin: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(kinds.KINDS, "review_notes", Kind("review_notes", "Review notes", "What a review said", Text()))
    path = links.api_key("S-1", "review_notes")
    assert admin.put(path, '{"value": "fine"}', content_type="application/json").status_code == 201
    assert admin.get(path).json()["value"] == "fine"
    assert kinds.from_raw_key("S-1:review_notes") == Key("S-1", "review_notes")
    assert b'"S-1:review_notes": "fine"' in b"".join(admin.get("/v1/content/export"))
    page = text_of(admin.get(links.story("S-1")))
    assert "Review notes" in page
    assert "1 of 15 kinds set" in page
    assert edit(admin, "review_notes", value="finer", version=1).status_code == 302
    assert "<ins>finer</ins>" in text_of(admin.get(links.history("S-1", "review_notes")))
    assert "Review notes" in text_of(admin.get("/content/?kind=review_notes"))
