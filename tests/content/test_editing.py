"""Changes to one key in the form, without script and by htmx: saved, refused, or in conflict with another change."""

import re

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from content import links
from content.forms import posted_value
from content.kinds import KINDS
from content.models import ContentItem, ContentRevision
from content.store import open_store
from tests.content.changing import HTMX, edit, write
from tests.content.conftest import AGENT
from tests.pages import read

pytestmark = pytest.mark.django_db

values = st.lists(st.sampled_from(["a", "b", "\n", "\r", "\r\n"]), max_size=12).map("".join)


def as_browsers_send(value: str) -> str:
    return re.sub(r"\r\n|\r|\n", "\r\n", value)


def test_saving_writes_a_version_and_goes_back(admin: Client):
    write()
    answer = edit(admin, value="one\r\n2\r\nthree", version=1)
    assert (answer.status_code, answer["Location"]) == (302, "/content/stories/S-1#kind-story")
    revision = ContentRevision.objects.get(version=2)
    assert revision.value == "one\n2\nthree"
    assert (revision.actor_kind, revision.actor_name, revision.source) == ("user", "ada", "web")


@pytest.mark.parametrize("value", ["a\nb\n", "a\r\nb\r\n", "x\r\ny\nz", "10 %\rprogress\r20 %", "\n\n", "no end", ""])
def test_saving_without_a_change_changes_nothing(admin: Client, value: str):
    write(kind="gate_output", value=value)
    assert edit(admin, "gate_output", value=as_browsers_send(value), version=1).status_code == 302
    assert (ContentItem.objects.get().value, ContentRevision.objects.count()) == (value, 1)


def test_saving_without_a_change_leaves_the_change_of_somebody_else(admin: Client):
    write(value="one")
    write(value="two")
    assert edit(admin, value="one", version=1).status_code == 302
    assert ContentItem.objects.get().value == "two"


@given(previous=values, edited=values)
def test_an_edit_keeps_the_line_breaks_around_it(previous: str, edited: str):
    plain = KINDS["gate_output"]
    assert posted_value(plain, as_browsers_send(previous), previous) == previous
    saved = posted_value(plain, as_browsers_send(edited), previous)
    assert as_browsers_send(saved) == as_browsers_send(edited)


def test_the_lines_that_were_not_edited_keep_their_breaks():
    previous = "one\r\ntwo\nthree\rfour\n"
    posted = "one\r\n2\r\nand\r\nthree\r\nfour\r\n"
    assert posted_value(KINDS["gate_output"], posted, previous) == "one\r\n2\nand\nthree\rfour\n"


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
    assert "Common version: 1" in page.words
    assert [text.text for text in page.all("pre")] == ["one\ntwo\nthree", "YOURS\ntwo\nthree"]
    (merged,) = page.all("textarea")
    assert merged.text.strip() == "YOURS\ntwo\nTHEIRS"
    assert [button.words for button in page.all("button", name="act")] == ["Save the merged text"]
    assert ContentItem.objects.get().value == "one\ntwo\nTHEIRS"
    assert edit(admin, value="YOURS\ntwo\nTHEIRS", version=2).status_code == 302
    assert ContentItem.objects.get().value == "YOURS\ntwo\nTHEIRS"


@pytest.mark.parametrize(
    ("kind", "before", "theirs", "yours"),
    [
        ("story", "one\ntwo", "one\nTHEIRS", "one\nYOURS"),
        ("merge_report", '{"a":\n1\n}', "[\n1\n]", '{"a":\n1\n,"b": 2}'),
    ],
)
def test_a_conflict_without_a_valid_merge_offers_your_text(
    admin: Client, kind: str, before: str, theirs: str, yours: str
):
    write(kind=kind, value=before)
    write(kind=kind, value=theirs)
    page = read(edit(admin, kind, value=yours, version=1))
    assert [box.text.strip() for box in page.all("textarea")] == [yours]
    assert [button.words for button in page.all("button", name="act")] == ["Save this over theirs"]


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
    assert edit(admin, "commit_recovery_forced_exit", act="remove", version=1).status_code == 302
    write(kind="commit_recovery_pending", value="1")
    assert edit(admin, "commit_recovery_pending", act="increment", by="1").status_code == 302
    assert edit(admin, "commit_recovery_pending", act="increment", by="-5").status_code == 422
    assert {item.kind: item.value for item in ContentItem.objects.all()} == {
        "story": None,
        "commit_recovery_forced_exit": None,
        "commit_recovery_pending": "2",
    }


@pytest.mark.parametrize(("kind", "act"), [("story", "Remove"), ("commit_recovery_forced_exit", "Take")])
def test_remove_and_take_ask_first(admin: Client, kind: str, act: str):
    write(kind=kind)
    for headers in ({}, HTMX):
        page = read(admin.get(f"{links.edit('S-1', kind)}?remove", headers=headers))
        assert [button.words for button in page.all("button", value="remove")] == [act]
        assert "one" in page.words
    assert ContentItem.objects.get().value is not None


def test_removing_what_changed_meanwhile_shows_it_and_asks_again(admin: Client):
    write()
    write(value="newer")
    answer = edit(admin, act="remove", version=1)
    assert answer.status_code == 409
    page = read(answer)
    assert "newer" in page.words
    assert [box.attributes["value"] for box in page.all("input", name="version")] == ["2"]
    assert ContentItem.objects.get().value == "newer"


@pytest.mark.parametrize(
    ("kind", "said"), [("story", "Story removed."), ("commit_recovery_forced_exit", "Forced exit taken.")]
)
def test_a_removal_can_be_undone(admin: Client, kind: str, said: str):
    write(kind=kind)
    page = read(admin.get(edit(admin, kind, act="remove", version=1)["Location"]))
    assert [status.words for status in page.all("span", role="status")] == [said]
    (field,) = page.all("input", name="restore")
    assert edit(admin, kind, act="undo", restore=field.attributes["value"]).status_code == 302
    item = ContentItem.objects.get()
    assert (item.value, item.version) == ("one\ntwo\nthree", 3)
    assert read(admin.get(f"/content/stories/S-1?removed={kind}")).all("input", name="restore") == []


def test_undo_leaves_what_was_set_since(admin: Client):
    write()
    edit(admin, act="remove", version=1)
    write(value="newer")
    answer = edit(admin, act="undo", restore=1)
    assert answer.status_code == 422
    assert "nothing was restored" in read(answer).words
    assert ContentItem.objects.get().value == "newer"
    assert edit(admin, act="undo", restore=2).status_code == 400


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
    assert [each.words for each in form.inside if each.tag == "button"] == ["Save"]
    assert [each.words for each in row.inside if each.tag == "output"] == ["1"]
