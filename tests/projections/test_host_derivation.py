"""Deriving comes to the end however much keeps coming, and takes a bounded share of a server's time."""

from typing import Any

import pytest
from blake3 import blake3

from enhancelog.backends import dialect
from enhancelog.domain.observed import Document
from enhancelog.domain.origin import Origin
from enhancelog.models import Document as Stored
from enhancelog.models import EntryPatch, Touch, TouchDerivation, TouchPending, UnfinishedRun
from enhancelog.projections import unfinished_runs
from enhancelog.store import host_derivation, observed, touch_rows
from enhancelog.store.database import DatabaseEnhanceLogStore
from enhancelog.store.documents import Seen
from enhancelog.store.observed import Found
from tests.conftest import entries_unprotected
from tests.factories import make_entry
from tests.host.observed import make_issue, patch_of

pytestmark = pytest.mark.django_db

YAML = "agents:\n- name: writer\n"
HASH = blake3(YAML.encode()).hexdigest()


def append(*entries: Any) -> None:
    DatabaseEnhanceLogStore(Origin("command", "tests", "a")).append_batch(list(entries))


def with_ops(issue_id: str, path: str = "/x", **changes: Any) -> Any:
    return make_entry(issue_id=issue_id, ops=[{"op": "remove", "path": path}], **changes)


def test_nothing_waits_for_the_end_of_entries_with_operations_that_keep_coming(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_derivation, "PATCHES_AT_ONCE", 2)
    append(with_ops("waits", "/agents/0", prev_hash=HASH))
    host_derivation.settle()
    entries = [make_entry(issue_id=f"h-{number}", ts_ms=number) for number in range(6)]
    append(*entries)
    document = Seen("main", Document(hash=HASH, form="yaml", text=YAML))
    patches = [patch_of(entry) for entry in entries]
    observed.keep("a", Found(patches=patches, documents=[document], issues=[make_issue(7, status="pending")]))
    for number in range(5):
        append(with_ops(f"own-{number}"))
        host_derivation.step()
    assert EntryPatch.objects.count() == 6
    assert Touch.objects.filter(patch__gt=0).values("entry_id").distinct().count() == 6
    assert Touch.objects.filter(place="/agents/writer").exists()
    assert UnfinishedRun.objects.get().issue_id == "h-7"
    done = TouchDerivation.objects.get()
    assert (done.own, done.entries, done.patches, done.documents) == (12, 12, 6, 1)


def test_unfinished_runs_do_not_wait_for_what_comes_after_the_joins(monkeypatch: pytest.MonkeyPatch) -> None:
    join = host_derivation._join_next

    def and_append() -> Any:
        joined = join()
        append(make_entry(issue_id="later"))
        return joined

    monkeypatch.setattr(host_derivation, "_join_next", and_append)
    observed.keep("a", Found(issues=[make_issue(7, status="pending")]))
    append(make_entry(issue_id="h-1", ts_ms=1))
    host_derivation.step()
    assert UnfinishedRun.objects.get().issue_id == "h-7"


def test_unfinished_runs_wait_until_what_is_there_is_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_derivation, "PATCHES_AT_ONCE", 1)
    entries = [make_entry(issue_id=f"h-{number}", ts_ms=10 - number) for number in range(3)]
    append(*entries)
    observed.keep("a", Found(patches=[patch_of(entry) for entry in entries]))
    host_derivation.settle()
    assert not UnfinishedRun.objects.exists()


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def monotonic(self) -> float:
        return self.now_s


def test_a_server_derives_unfinished_runs_for_a_part_of_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, began = Clock(), []
    derived = unfinished_runs.derived

    def slow(*arguments: Any) -> Any:
        began.append(clock.now_s)
        clock.now_s += 1
        return derived(*arguments)

    monkeypatch.setattr(unfinished_runs, "derived", slow)
    monkeypatch.setattr(host_derivation, "time", clock)
    monkeypatch.setattr(host_derivation, "_rests_until", 0.0)
    observed.keep("a", Found(issues=[make_issue(number) for number in range(50)]))
    for number in range(45):
        append(make_entry(issue_id=f"h-{number}", ts_ms=number))
        host_derivation.step(rests=True)
        clock.now_s += 1
    assert began == [100, 110, 120, 130, 140]
    assert not host_derivation.is_done()
    host_derivation.settle()
    assert UnfinishedRun.objects.exclude(status="resolved").count() == 5


def test_operations_are_read_up_to_a_limit_and_not_again_under_the_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(touch_rows, "CHARACTERS_AT_ONCE", 400)
    append(*(with_ops(f"h-{number}", "/x" * 100) for number in range(5)))
    read: list[tuple[int, ...]] = []
    first_rows = dialect().first_rows

    def counted(*arguments: Any) -> Any:
        found = first_rows(*arguments)
        read.append(tuple(row[0] for row in found[0]))
        return found

    monkeypatch.setattr(dialect(), "first_rows", counted)
    host_derivation.settle()
    assert read == [(1, 2), (3, 4), (5,)]
    assert Touch.objects.filter(place="/x").count() == 5


def test_what_was_joined_otherwise_meanwhile_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    append(make_entry())
    observed.keep("b", Found(patches=[patch_of(make_entry())]))

    def joined_otherwise(positions: Any) -> Any:
        found = touch_rows.sources(positions)
        EntryPatch.objects.all().delete()
        return found

    with monkeypatch.context() as patch:
        patch.setattr("enhancelog.store.touch_derivation.sources", joined_otherwise)
        host_derivation.step()
        host_derivation.step()
        assert not EntryPatch.objects.exists()
        assert not Touch.objects.exists()
    host_derivation.settle()
    assert not Touch.objects.exists()


def test_a_damaged_document_gives_no_names_and_stops_nothing() -> None:
    texts = [f"{YAML}- name: reviewer\n# {number}\n" for number in range(2)]
    first, second = (Document(hash=blake3(text.encode()).hexdigest(), form="yaml", text=text) for text in texts)
    observed.keep("a", Found(documents=[Seen("main", first), Seen("main", second)]))
    with entries_unprotected():
        Stored.objects.filter(hash=first.hash).delete()
    append(with_ops("h-1", "/agents/0", prev_hash=second.hash), with_ops("h-2"))
    host_derivation.settle()
    assert host_derivation.is_done()
    assert list(Touch.objects.order_by("entry_id", "place").values_list("place", flat=True)) == [
        "/agents",
        "/agents/0",
        "/x",
    ]


def test_a_row_that_says_that_an_unknown_entry_is_pending_goes() -> None:
    append(with_ops("h-1"))
    TouchPending.objects.create(entry_id=9)
    for _ in range(4):
        host_derivation.step()
    assert host_derivation.is_done()
