"""Notes on the pages of what they are about: written, edited and withdrawn by their authors, and shown at once."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from enhancelog import links
from enhancelog.accounts import api_tokens
from enhancelog.domain.markers import NewMarker
from enhancelog.domain.notes import NoteSubject
from enhancelog.domain.origin import Origin
from enhancelog.models import Note, Template
from enhancelog.store import markers, notes, pattern_changes
from enhancelog.web.notes_panel import page_of
from tests.factories import make_entry, make_rejected
from tests.pages import Element, Page, read
from tests.recording import record, record_all

pytestmark = pytest.mark.django_db

ADA = Origin("user", "ada", "page")
LONG = "é" * 256
ODD = 'a/b?c#d%2F"<b>&x=1'


@pytest.fixture(autouse=True)
def anybody_reads(settings: Any) -> None:
    settings.PUBLIC_READ = True


@pytest.fixture
def ada() -> User:
    return User.objects.create_user("ada", is_staff=True)


@pytest.fixture
def staff(ada: User) -> Client:
    client = Client()
    client.force_login(ada)
    return client


def subjects() -> Iterator[NoteSubject]:
    """One of each kind, with ids as hostile as may be."""
    record_all([make_rejected("noop", issue_id=ODD, blueprint_id=""), make_entry(issue_id=LONG, blueprint_id=LONG)])
    yield NoteSubject("pattern", Template.objects.values_list("key", flat=True).get())
    yield from (NoteSubject("entry", issue_id) for issue_id in (ODD, LONG))
    yield from (NoteSubject("blueprint", blueprint_id) for blueprint_id in ("", LONG))
    yield NoteSubject("marker", markers.make(NewMarker(title="prompt v12"), ADA))


def page(client: Client, path: str) -> Page:
    response = client.get(path)
    assert response.status_code == 200, path
    return read(response)


def shown(found: Page) -> list[Element]:
    return found.all("li", class_="remark")


def texts(found: Page) -> list[str]:
    return [each.all("div", class_="prose")[0].words for each in shown(found) if each.all("div", class_="prose")]


def sent(client: Client, subject: NoteSubject, text: str, **more: str) -> Any:
    return client.post(links.notes(str(subject)), {"text": text, **more})


def test_a_note_is_written_on_the_page_of_each_kind_and_shown_at_once(staff: Client, client: Client) -> None:
    client.get("/")  # which sets a cookie
    for subject in subjects():
        address = page_of(subject)
        etag = client.get(address)["ETag"]
        assert client.get(address, headers={"If-None-Match": etag}).status_code == 304
        (form,) = [
            each for each in page(staff, address).all("form") if each.attributes.get("action", "").startswith("/notes/")
        ]
        assert form.attributes["action"] == links.notes(str(subject))
        answer = sent(staff, subject, "**worth** knowing\r\n")
        made = Note.objects.latest("made_ms", "id").pk
        assert (answer.status_code, answer["Location"]) == (302, f"{address}#note-{made}")
        answer = client.get(address, headers={"If-None-Match": etag})
        assert answer.status_code == 200
        (note,) = shown(read(answer))
        assert (note.attributes["id"], note.all("strong")[0].words) == (f"note-{made}", "worth")
        assert not read(answer).all("textarea")
        assert texts(page(client, links.notes(str(subject)))) == ["worth knowing"]
        assert Note.objects.get(pk=made).text == "**worth** knowing\n"


def test_the_entry_that_the_api_sends_keeps_its_etag(staff: Client) -> None:
    record(make_entry(issue_id="h-1"))
    before = staff.get(links.api_entry("h-1"))["ETag"]
    sent(staff, NoteSubject("entry", "h-1"), "one")
    assert staff.get(links.api_entry("h-1"))["ETag"] == before


def test_the_list_that_led_to_an_entry_is_kept(staff: Client) -> None:
    record(make_rejected("noop", issue_id="h-1"))
    subject = NoteSubject("entry", "h-1")
    back = "/entries/h-1?axis=noop"
    (hidden,) = page(staff, back).all("input", name="back")
    assert hidden.attributes["value"] == back
    assert sent(staff, subject, "one", back=back)["Location"].startswith(f"{back}#note-")
    split = sent(staff, subject, "one", back="/entries/h-1?a=\r\nX-Odd: 1")
    assert (split.status_code, "X-Odd" in split, "\n" in split["Location"]) == (302, False, False)
    for elsewhere in ("//example.org/", "https://example.org", "/entries/h-10", "/account/tokens", "/entries/h-1\n"):
        assert sent(staff, subject, "one", back=elsewhere)["Location"].startswith("/entries/h-1#note-")


@pytest.mark.parametrize(
    ("text", "why"),
    [("", "required"), (" \n", "empty"), ("x" * 10_001, "10,001 characters"), ("a\0b", "Null")],
)
def test_what_cannot_be_said_stays_in_the_form(staff: Client, ada: User, text: str, why: str) -> None:
    record(make_entry(issue_id="h-1"))
    subject = NoteSubject("entry", "h-1")
    made = notes.add(subject, "one", ada, ADA)
    for answer in (
        sent(staff, subject, text),
        staff.post(links.edit_note(made), {"text": text, "version": "1"}),
    ):
        assert answer.status_code == 400
        found = read(answer)
        assert [why in each.words for each in found.all("div", class_="field-error")] == [True]
        assert found.all("textarea")[0].text.removeprefix("\n").strip() == text.strip()
    assert Note.objects.get().text == "one"


def test_a_note_is_edited_and_its_versions_can_be_read(staff: Client, client: Client, ada: User) -> None:
    record(make_entry(issue_id="h-1"))
    made = notes.add(NoteSubject("entry", "h-1"), "one", ada, ADA)
    edit = links.edit_note(made)
    (form,) = [each for each in page(staff, edit).all("form") if each.all("textarea")]
    assert form.all("textarea")[0].text.strip() == "one"
    assert form.all("input", name="version")[0].attributes["value"] == "1"
    assert staff.post(edit, {"text": "two", "version": "1"})["Location"] == f"/entries/h-1#note-{made}"
    found = page(client, "/entries/h-1")
    assert texts(found) == ["two"]
    assert "edited" in shown(found)[0].words
    assert texts(page(client, links.note(made))) == ["two", "two", "one"]


def test_the_second_of_two_editors_sees_the_first_and_keeps_the_text(staff: Client, ada: User) -> None:
    record(make_entry(issue_id="h-1"))
    made = notes.add(NoteSubject("entry", "h-1"), "one", ada, ADA)
    edit = links.edit_note(made)
    staff.post(edit, {"text": "from one window", "version": "1"})
    answer = staff.post(edit, {"text": "from <another>", "version": "1"})
    assert answer.status_code == 409
    found = read(answer)
    assert "changed while you were editing" in found.all("p", role="alert")[0].words
    assert found.all("div", class_="body prose")[0].words == "from one window"
    (form,) = [each for each in found.all("form") if each.all("textarea")]
    assert form.all("textarea")[0].text.strip() == "from <another>"
    version = form.all("input", name="version")[0].attributes["value"]
    assert version == "2"
    assert Note.objects.get().text == "from one window"
    assert staff.post(edit, {"text": "from <another>", "version": version}).status_code == 302
    assert Note.objects.get().text == "from <another>"
    assert staff.post(edit, {"text": "no version"}).status_code == 400


def test_a_withdrawn_note_leaves_a_tombstone_and_no_text(staff: Client, client: Client, ada: User) -> None:
    record(make_entry(issue_id="h-1"))
    made = notes.add(NoteSubject("entry", "h-1"), "first secret", ada, ADA)
    notes.edit(made, "second secret", ADA)
    withdraw = links.withdraw_note(made)
    assert "second secret" in page(staff, withdraw).words
    assert Note.objects.get().withdrawn_ms is None
    for _ in range(2):
        assert staff.post(withdraw)["Location"] == f"/entries/h-1#note-{made}"
    for path in ("/entries/h-1", links.notes("entry:h-1"), links.note(made)):
        found = page(client, path)
        assert "secret" not in found.words
        assert [each.words.startswith("A note by ada was withdrawn by ada") for each in shown(found)] == [True]
    for path in (links.edit_note(made), withdraw):
        assert staff.get(path).status_code == 302
    assert staff.post(links.edit_note(made), {"text": "again", "version": "2"}).status_code == 302
    assert Note.objects.get().text == ""


def test_only_its_author_changes_a_note(ada: User, staff: Client) -> None:
    record(make_entry(issue_id="h-1"))
    made = notes.add(NoteSubject("entry", "h-1"), "one", ada, ADA)
    colleague, plain = Client(), Client()
    colleague.force_login(User.objects.create_user("bob", is_staff=True))
    plain.force_login(User.objects.create_user("cy"))
    for other in (colleague, plain):
        assert not shown(page(other, "/entries/h-1"))[0].all("a", href=links.edit_note(made))
        for path in (links.edit_note(made), links.withdraw_note(made)):
            assert other.get(path).status_code == other.post(path, {"text": "x", "version": "1"}).status_code == 403
    assert sent(plain, NoteSubject("entry", "h-1"), "x").status_code == 403
    assert not page(plain, "/entries/h-1").all("textarea")
    assert Client().post(links.notes("entry:h-1"), {"text": "x"}).status_code == 401
    assert Note.objects.get().text == "one"
    assert shown(page(staff, "/entries/h-1"))[0].all("a", href=links.edit_note(made))
    ada.delete()  # another may have the name then
    ada_again = Client()
    ada_again.force_login(User.objects.create_user("ada", is_staff=True))
    assert ada_again.get(links.edit_note(made)).status_code == 403


def test_people_change_the_notes_of_their_tokens(ada: User, staff: Client) -> None:
    record(make_entry(issue_id="h-1"))
    api_tokens.make(api_tokens.Wanted("ci", ("triage:write",)), ada, "ada")
    made = notes.add(NoteSubject("entry", "h-1"), "one", ada, Origin("token", "ci", "api"))
    assert shown(page(staff, "/entries/h-1"))[0].words.startswith("token ci")
    assert staff.post(links.edit_note(made), {"text": "two", "version": "1"}).status_code == 302


@pytest.mark.parametrize(
    "path", ["/notes/", "/notes/?about=entry", "/notes/?about=axis:noop", "/notes/?about=entry:.."]
)
def test_a_bad_subject_is_refused(staff: Client, path: str) -> None:
    for answer in (staff.get(path), staff.post(path, {"text": "x"})):
        assert answer.status_code == 400
        assert "about" in read(answer).words


@pytest.mark.parametrize("about", ["entry:h-2", "pattern:x", f"pattern:{'0' * 16}", "blueprint:", "marker:x"])
def test_what_does_not_exist_has_no_notes(staff: Client, about: str) -> None:
    record(make_entry(issue_id="h-1"))
    for answer in (staff.get(links.notes(about)), sent(staff, NoteSubject(*about.split(":")), "x")):  # type: ignore[arg-type]
        assert answer.status_code == 404
    for path in ("/notes/x", f"/notes/{'0' * 16}", "/notes/edit/x", "/notes/withdraw/x"):
        assert staff.get(path).status_code == 404
    assert not Note.objects.exists()


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        '<b hx-get="/account/tokens" hx-trigger="load" onclick="y">z</b>',
        "![i](https://example.org/i.png)",
        "[l](javascript:alert(1))",
        '<span class="mention">@ada</span>',
        "@<img/src=x> @ada<script>x</script>",
    ],
)
def test_nothing_active_gets_through(client: Client, ada: User, text: str) -> None:
    record(make_entry(issue_id="h-1"))
    notes.add(NoteSubject("entry", "h-1"), text, ada, ADA)
    (prose,) = shown(page(client, "/entries/h-1"))[0].all("div", class_="prose")
    for element in prose.inside:
        assert element.tag in ("p", "a", "span")
        assert element.attributes.keys() <= {"href", "rel", "class"}
        assert not element.attributes.get("href", "").startswith("javascript:")
        assert element.tag != "span" or element.words == "@ada"


def test_a_mention_is_marked_if_it_is_of_a_user(client: Client, ada: User) -> None:
    User.objects.create_user("bob.b@example.com+x-y_z")
    record(make_entry(issue_id="h-1"))
    text = "**@ada**, @bob.b@example.com+x-y_z. @nobody `@ada` [@ada](https://example.org) x@ada"
    notes.add(NoteSubject("entry", "h-1"), text, ada, ADA)
    marked = [each.words for each in page(client, "/entries/h-1").all("span", class_="mention")]
    assert marked == ["@ada", "@bob.b@example.com+x-y_z"]


def test_notes_follow_a_merge_of_patterns(staff: Client, ada: User) -> None:
    record_all(make_rejected("noop", issue_id=text, detail=text) for text in ("first thing", "other words"))
    first, other = Template.objects.order_by("first_position").values_list("key", flat=True)
    for key in (first, other):
        sent(staff, NoteSubject("pattern", key), f"of {key}")
    pattern_changes.merge(first, other, ADA)
    assert set(texts(page(staff, links.pattern(first)))) == {f"of {first}", f"of {other}"}
    sent(staff, NoteSubject("pattern", other), "by its old id")
    assert "by its old id" in texts(page(staff, links.pattern(first)))


def test_older_notes_are_on_further_pages(client: Client, ada: User) -> None:
    record(make_entry(issue_id="h-1"))
    subject = NoteSubject("entry", "h-1")
    for number in range(45):
        notes.add(subject, f"no. {number}", ada, ADA)
    path, found = "/entries/h-1", []
    while path:
        shown_page = page(client, path)
        found += texts(shown_page)
        path = next((each.attributes["href"] for each in shown_page.all("a") if each.words == "Older notes"), "")
    assert (len(found), len(set(found))) == (45, 45)
    assert client.get(links.notes("entry:h-1", [("cursor", "odd")])).status_code == 400
    assert len(shown(page(client, "/blueprints/main"))) == 0


def test_a_blueprint_shows_three_notes_above_its_runs(client: Client, ada: User) -> None:
    record(make_entry(blueprint_id="main"))
    for number in range(4):
        notes.add(NoteSubject("blueprint", "main"), f"no. {number}", ada, ADA)
    found = page(client, "/blueprints/main")
    assert len(shown(found)) == 3
    assert [each.attributes["href"].startswith("/notes/?about=blueprint%3Amain&cursor=") for each in found.all("a")
            if each.words == "Older notes"] == [True]  # fmt: skip


def test_pages_ask_as_many_statements_for_one_note_as_for_many(client: Client, ada: User) -> None:
    for subject in subjects():
        notes.add(subject, "one", ada, ADA)
        asked = []
        for _ in range(2):
            client.get(page_of(subject))
            with CaptureQueriesContext(connection) as captured:
                client.get(page_of(subject))
            asked.append(len(captured))
            for number in range(10):
                notes.add(subject, f"@ada {number}", ada, ADA)
        assert asked[0] == asked[1], subject.about


def test_a_form_without_a_session_is_shown_again(ada: User) -> None:
    record(make_entry(issue_id="h-1"))
    answer = Client().post(links.notes("entry:h-1"), {"text": "typed"})
    assert answer.status_code == 401
    assert read(answer).all("textarea")[0].text.strip() == "typed"
    assert quote("entry:h-1", safe="") in answer.content.decode()
