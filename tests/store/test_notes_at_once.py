"""Many editors of one note at once: one of those who know a version replaces it, and the others are told."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.models import User
from django.db import connection

from enhancelog.domain.errors import Conflict
from enhancelog.domain.notes import NoteSubject, Withdrawn
from enhancelog.domain.origin import Origin
from enhancelog.models import Note, NoteVersion
from enhancelog.store import notes
from tests.audited import audited

pytestmark = pytest.mark.django_db(transaction=True)

EDITORS = 4
ROUNDS = 5
ADA = Origin("user", "ada", "page")


def test_one_editor_wins_each_version() -> None:
    note_id = notes.add(NoteSubject("entry", "h-1"), "begin", User.objects.create_user("ada"), ADA)
    together = threading.Barrier(EDITORS, timeout=60)

    def edit(name: str) -> int:
        won = 0
        try:
            for known in range(1, ROUNDS + 1):
                together.wait()
                try:
                    notes.edit(note_id, f"{name} {known}", ADA, lambda current, known=known: current == known)  # type: ignore[misc]
                    won += 1
                except Conflict:
                    continue
        finally:
            connection.close()
        return won

    with ThreadPoolExecutor(EDITORS) as pool:
        assert sum(pool.map(edit, "abcd")) == ROUNDS
    assert list(NoteVersion.objects.order_by("version").values_list("version", flat=True)) == [1, 2, 3, 4, 5, 6]
    assert audited().count() == ROUNDS + 1


def test_nothing_is_said_after_a_withdrawal() -> None:
    note_id = notes.add(NoteSubject("entry", "h-1"), "begin", User.objects.create_user("ada"), ADA)
    together = threading.Barrier(EDITORS, timeout=60)

    def change(name: str) -> None:
        try:
            together.wait()
            if name == "withdraws":
                notes.withdraw(note_id, ADA)
            else:
                notes.edit(note_id, name, ADA)
        except Withdrawn:
            pass
        finally:
            connection.close()

    with ThreadPoolExecutor(EDITORS) as pool:
        list(pool.map(change, ("a", "withdraws", "b", "c")))
    note = Note.objects.get()
    assert (note.text, note.withdrawn_by) == ("", "ada")
    assert note.version == NoteVersion.objects.count() + 1
