"""Changes to one key in the form, without script and by htmx: saved, refused, or in conflict with another change."""

import pytest
from django.test import Client

from content import links
from content.models import ContentItem, ContentRevision
from content.store import open_store
from tests.content.changing import HTMX, edit, write
from tests.content.conftest import AGENT
from tests.pages import read

pytestmark = pytest.mark.django_db


def test_saving_writes_a_version_and_goes_back(admin: Client):
    write()
    answer = edit(admin, value="one\r\n2\r\nthree", version=1)
    assert (answer.status_code, answer["Location"]) == (302, "/content/stories/S-1#kind-story")
    revision = ContentRevision.objects.get(version=2)
    assert revision.value == "one\n2\nthree"
    assert (revision.actor_kind, revision.actor_name, revision.source) == ("user", "ada", "web")


def test_saving_what_is_there_already_changes_nothing(admin: Client):
    write(value="one\r\ntwo\r\n")
    assert edit(admin, value="one\r\ntwo\r\n", version=1).status_code == 302
    assert ContentRevision.objects.count() == 1


def test_a_first_newline_survives_the_form(admin: Client):
    write(value="\n\nabout")
    (box,) = read(admin.get(links.edit("S-1", "story"))).all("textarea")
    assert box.text == "\n" + "\n\nabout"  # a browser drops the first newline


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
    page = read(answer)
    (error,) = page.all("p", role="alert")
    assert said in error.words
    (field,) = [each for each in page.elements if each.attributes.get("name") == "value"]
    assert (field.attributes["aria-invalid"], field.attributes["aria-describedby"]) == ("true", error.attributes["id"])
    fragment = edit(admin, kind, value=value, version=0, headers=HTMX)
    assert fragment.status_code == 200
    assert read(fragment).all("html") == []
    assert not ContentItem.objects.exists()


def test_a_conflict_shows_yours_theirs_and_base_and_can_be_resolved(admin: Client):
    write(value="one\ntwo\nthree")
    write(value="one\ntwo\nTHEIRS")
    answer = edit(admin, value="YOURS\ntwo\nthree", version=1)
    assert answer.status_code == 409
    page = read(answer)
    assert [line.words for line in page.all("ins")] == ["THEIRS", "YOURS"]
    assert "Theirs: version 2 by token agent-7" in page.words
    assert "Where both started: version 1" in page.words
    assert [base.text for base in page.all("pre")] == ["one\ntwo\nthree"]
    assert ContentItem.objects.get().value == "one\ntwo\nTHEIRS"
    assert edit(admin, value="YOURS\ntwo\nTHEIRS", version=2).status_code == 302
    assert ContentItem.objects.get().value == "YOURS\ntwo\nTHEIRS"


def test_a_conflict_with_a_removal_is_one_too(admin: Client):
    write()
    open_store(AGENT).delete("S-1", "story")
    answer = edit(admin, value="mine", version=1)
    assert answer.status_code == 409
    assert "Theirs: removed" in read(answer).words
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
    assert [box.words for box in read(answer).all("textarea")] == ["newer"]
    assert ContentItem.objects.get().value == "newer"


@pytest.mark.parametrize("fields", [{"act": "drop"}, {"version": "x"}, {"version": "9" * 40}, {}])
def test_a_form_that_makes_no_sense_is_400(admin: Client, fields: dict[str, str]):
    assert edit(admin, **fields).status_code == 400


def test_htmx_gets_the_row_and_what_follows_from_it(admin: Client):
    write(kind="abort_respawn_count", value="1")
    page = read(edit(admin, "abort_respawn_count", act="increment", by="1", headers=HTMX))
    assert page.elements[0].attributes["id"] == "kind-abort_respawn_count"
    assert [number.words for number in page.all("output")] == ["2"]
    swapped = [each for each in page.elements if each.attributes.get("hx-swap-oob") == "true"]
    assert [each.attributes["id"] for each in swapped] == ["story-head", "changes"]
    assert "1 → 2" in swapped[1].words


def test_htmx_gets_the_form_in_place_of_the_row_and_the_row_back(admin: Client):
    write(kind="abort_respawn_count", value="1")
    path = links.edit("S-1", "abort_respawn_count")
    form = read(admin.get(path, headers=HTMX)).elements[0]
    row = read(admin.get(f"{path}?cancel", headers=HTMX)).elements[0]
    assert form.attributes["id"] == row.attributes["id"] == "kind-abort_respawn_count"
    assert [each.words for each in form.inside if each.tag == "button"] == ["Save", "Remove"]
    assert [each.words for each in row.inside if each.tag == "output"] == ["1"]
