"""Notes: versions that stay, withdrawals, who is mentioned, and what happens to those of joined patterns."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enhancelog.domain import notes as domain
from enhancelog.domain.errors import Conflict, Invalid, NotFound
from enhancelog.domain.notes import NoteSubject, Withdrawn
from enhancelog.domain.origin import Origin
from enhancelog.models import Note, NoteVersion, Template
from enhancelog.queries import notes as queries
from enhancelog.store import notes, pattern_changes
from tests.audited import audited
from tests.factories import make_entry, make_rejected
from tests.recording import record, record_all

pytestmark = pytest.mark.django_db

ADA = Origin("user", "ada", "page")
ENTRY = NoteSubject("entry", "h-1")


@pytest.fixture
def ada() -> User:
    return User.objects.create_user("ada", is_staff=True)


def is_now(version: int) -> Callable[[int], bool]:
    return lambda current: current == version


def kept(note_id: str) -> Note:
    found = queries.note(note_id)
    assert found is not None
    return found


def told() -> list[tuple[str, str, str, dict[str, Any]]]:
    rows = audited().values_list("act", "about", "about_id", "detail")
    return [(act, about, about_id, json.loads(detail)) for act, about, about_id, detail in rows]


def test_a_note_is_written_edited_and_withdrawn(ada: User) -> None:
    made = notes.add(ENTRY, "one", ada, ADA)
    assert queries.state(kept(made)) == domain.NoteState(
        id=made,
        about="entry",
        about_id="h-1",
        author=domain.NoteAuthor("user", "ada"),
        text="one",
        mentions=[],
        version=1,
        made_ms=kept(made).made_ms,
    )
    assert notes.edit(made, "two", ADA) == 2
    assert [(each.version, each.text) for each in queries.revisions(kept(made))] == [(2, "two"), (1, "one")]
    notes.withdraw(made, ADA)
    notes.withdraw(made, ADA)
    found = queries.with_revisions(kept(made))
    assert (found.text, found.version, found.withdrawn_by, found.revisions) == ("", 3, "ada", [])
    with pytest.raises(Withdrawn):
        notes.edit(made, "three", ADA)
    assert told() == [
        ("note.add", "entry", "h-1", {"note": made, "mentions": []}),
        ("note.edit", "entry", "h-1", {"note": made, "mentions": []}),
        ("note.withdraw", "entry", "h-1", {"note": made}),
    ]


def test_the_same_text_is_no_new_version(ada: User) -> None:
    made = notes.add(ENTRY, "one", ada, ADA)
    assert notes.edit(made, "one", ADA) == 1
    assert NoteVersion.objects.count() == audited().count() == 1


def test_the_second_of_two_editors_is_told(ada: User) -> None:
    made = notes.add(ENTRY, "one", ada, ADA)
    assert notes.edit(made, "mine", ADA, is_now(1)) == 2
    with pytest.raises(Conflict) as told:
        notes.edit(made, "theirs", ADA, is_now(1))
    assert told.value.digest == "2"
    with pytest.raises(Conflict):
        notes.withdraw(made, ADA, is_now(1))
    assert kept(made).text == "mine"


@pytest.mark.parametrize("text", ["", " \n", "x" * 10_001, "a\0b", "\ud800"])
def test_a_bad_text_is_refused(ada: User, text: str) -> None:
    made = notes.add(ENTRY, "x" * 10_000, ada, ADA)
    for write in (lambda: notes.add(ENTRY, text, ada, ADA), lambda: notes.edit(made, text, ADA)):
        with pytest.raises(Invalid, match="text:"):
            write()
    assert NoteVersion.objects.count() == 1


def test_what_is_unknown_is_not_found() -> None:
    for note_id in ("0" * 16, "", "no-id", "é" * 600):
        assert queries.note(note_id) is None
        with pytest.raises(NotFound):
            notes.edit(note_id, "a", ADA)
        with pytest.raises(NotFound):
            notes.withdraw(note_id, ADA)


def test_versions_cannot_be_rewritten(ada: User) -> None:
    notes.add(ENTRY, "one", ada, ADA)
    for change in (lambda: NoteVersion.objects.update(text="x"), lambda: NoteVersion.objects.all().delete()):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()
    assert NoteVersion.objects.get().text == "one"


def test_only_active_users_are_mentioned_and_each_is_told_once(ada: User) -> None:
    for name in ("bob", "cy.d@example.com"):
        User.objects.create_user(name)
    User.objects.create_user("gone", is_active=False)
    made = notes.add(ENTRY, "@bob, @gone, @nobody, @bob and `@ada`: see", ada, ADA)
    notes.edit(made, "@cy.d@example.com. and @bob", ADA)
    notes.edit(made, "nobody", ADA)
    notes.edit(made, "@bob and @ada", ADA)
    assert [detail["mentions"] for _, _, _, detail in told()] == [["bob"], ["cy.d@example.com"], [], ["ada"]]
    assert queries.state(kept(made)).mentions == ["bob", "ada"]


def test_too_many_mentions_are_refused(ada: User) -> None:
    names = [f"user{number}" for number in range(21)]
    User.objects.bulk_create(User(username=name) for name in names)
    notes.add(ENTRY, " ".join(f"@{name}" for name in names[:20]), ada, ADA)
    with pytest.raises(Invalid, match="21 people"):
        notes.add(ENTRY, " ".join(f"@{name}" for name in names), ada, ADA)


def test_pages_are_newest_first_and_whole(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("enhancelog.store.notes.now_ms", lambda: 1)  # the order holds within a millisecond, too
    made = {notes.add(ENTRY, f"{number}", ada, ADA) for number in range(7)}
    notes.add(NoteSubject("entry", "h-2"), "another's", ada, ADA)
    found: list[str] = []
    cursor, pages = "", 0
    while cursor or not pages:
        page = queries.page(ENTRY, cursor, 3)
        found += [note.pk for note in page.notes]
        cursor, pages = page.cursor, pages + 1
    assert (set(found), len(found), pages) == (made, 7, 3)
    assert found == sorted(found, reverse=True)
    with pytest.raises(Invalid, match="cursor"):
        queries.page(ENTRY, "odd")


@pytest.mark.parametrize(
    "subject",
    [NoteSubject("entry", "a/b c"), NoteSubject("blueprint", ""), NoteSubject("blueprint", "é" * 256)],
)
def test_what_exists_can_be_written_about(ada: User, subject: NoteSubject) -> None:
    assert queries.known(subject) is None
    if subject.about == "entry":
        record(make_entry(issue_id=subject.id))
    else:
        record(make_entry(blueprint_id=subject.id))
    assert queries.known(subject) == subject
    made = notes.add(subject, "one", ada, ADA)
    assert [note.pk for note in queries.page(subject).notes] == [made]


def test_notes_follow_a_merge_and_a_split(ada: User) -> None:
    record_all(make_rejected("noop", issue_id=text, detail=text) for text in ("first thing", "other words"))
    first, other = Template.objects.order_by("first_position").values_list("key", flat=True)
    about_first, about_other = NoteSubject("pattern", first), NoteSubject("pattern", other)
    made = [notes.add(about_first, "of the first", ada, ADA), notes.add(about_other, "of the other", ada, ADA)]
    assert [note.pk for note in queries.page(about_other).notes] == [made[1]]
    pattern_changes.merge(first, other, ADA)
    assert queries.known(about_other) == about_first
    assert {note.pk for note in queries.page(about_first).notes} == set(made)
    pattern_changes.split(first, [other], ADA)
    assert queries.known(about_other) == about_other
    assert [note.pk for note in queries.page(about_other).notes] == [made[1]]
    assert [note.pk for note in queries.page(about_first).notes] == [made[0]]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["a", "b", "@bob", "@ada @bob", None]), max_size=8))
def test_the_versions_are_the_texts_in_their_order(ada: User, texts: list[str | None]) -> None:
    with transaction.atomic():
        User.objects.get_or_create(username="bob")
        made, said = notes.add(ENTRY, "begin", ada, ADA), ["begin"]
        for text in texts:
            if text is None:
                notes.withdraw(made, ADA)
                break
            notes.edit(made, text, ADA)
            said += [text] if text != said[-1] else []
        stored = NoteVersion.objects.filter(note=made).order_by("version")
        assert list(stored.values_list("version", "text")) == list(enumerate(said, 1))
        gone = None in texts
        assert (kept(made).text, kept(made).version) == (("", len(said) + 1) if gone else (said[-1], len(said)))
        names = [name for _, _, _, detail in told() for name in detail.get("mentions", ())]
        assert len(names) == len(set(names))
        transaction.set_rollback(True)
