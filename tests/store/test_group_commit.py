"""Appends that wait are committed together, and nobody can tell but by the speed."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any, cast

import psutil  # type: ignore[import-untyped]
import pytest
from django.db import ProgrammingError, connection, transaction

from enhancelog import projections
from enhancelog.backends import dialect
from enhancelog.domain import records
from enhancelog.domain.errors import Conflict, Other
from enhancelog.domain.origin import Origin
from enhancelog.models import Entry as EntryModel
from enhancelog.projections.stored import Stored
from enhancelog.store import group, writing
from enhancelog.store.database import DatabaseEnhanceLogStore, last_position
from enhancelog.store.verification import verify
from enhancelog.store.writing import Outcome
from tests.factories import make_entry, make_rejected
from tests.waiting import LONGEST_S, wait_for

pytestmark = pytest.mark.django_db(transaction=True)

MOST_KEPT_MIB = 15  # of five threads

Append = Callable[[], object]


def store(name: str = "ada") -> DatabaseEnhanceLogStore:
    return DatabaseEnhanceLogStore(Origin("token", name, f"from {name}"))


@pytest.fixture
def groups(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many appends each transaction of the writer held."""
    sizes: list[int] = []

    def write(cursor: Any, appends: Sequence[writing.Append]) -> None:
        sizes.append(len(appends))
        writing.write(cursor, appends)

    monkeypatch.setattr(group, "write", write)
    return sizes


@contextmanager
def somebody_else_writing() -> Iterator[None]:
    """The append lock is taken, so that appends gather."""
    with dialect().appending():
        yield


def gathered(pool: ThreadPoolExecutor, appends: Sequence[Append]) -> "list[Future[object]]":
    """Submit them in this order while somebody else writes; they are one group."""
    with somebody_else_writing():
        running = []
        for number, append in enumerate(appends, 1):
            running.append(pool.submit(append))
            wait_for(lambda number=number: len(group._writer._queue) == number)  # type: ignore[misc]
    return running


def test_appends_that_wait_share_one_transaction_and_keep_their_origin(groups: list[int]) -> None:
    names = [f"agent-{number}" for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        running = gathered(pool, [partial(store(name).append, make_entry(issue_id=name)) for name in names])
        assert [future.result() for future in running] == [records.digest(make_entry(issue_id=name)) for name in names]
    assert groups == [8]
    rows = EntryModel.objects.order_by("position").values_list("position", "issue_id", "actor_name", "source")
    assert list(rows) == [(number, name, name, f"from {name}") for number, name in enumerate(names, 1)]
    assert list(verify()) == []


def test_each_of_a_group_hears_what_became_of_its_own(groups: list[int]) -> None:
    known, other = make_entry(issue_id="known"), make_entry(issue_id="known", intent="other")
    store().append(known)
    groups.clear()
    with ThreadPoolExecutor(8) as pool:
        first, same, differs, twice, batch = gathered(
            pool,
            [
                lambda: store().append(make_entry(issue_id="new")),
                lambda: store().append(known),
                lambda: store().append(other),
                lambda: store().append(make_entry(issue_id="new")),
                lambda: store().append_batch([make_entry(issue_id=name) for name in ("a", "known", "b")]),
            ],
        )
        assert first.result() == records.digest(make_entry(issue_id="new"))
        for future, fields in ((same, ()), (differs, ("intent",)), (twice, ())):
            conflict = future.exception()
            assert isinstance(conflict, Conflict)
            assert (conflict.identical, conflict.differs) == (not fields, fields)
            assert conflict.digest == records.digest(make_entry(issue_id=conflict.issue_id))
        outcomes: Any = batch.result()
        assert [outcome.result for outcome in outcomes] == ["created", "identical", "created"]
    assert groups == [5]
    assert last_position() == 4


def test_one_that_fails_does_not_fail_its_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    apply = projections.apply

    def refuse_bad(cursor: Any, entries: Sequence[Stored]) -> None:
        if any(stored.entry.issue_id == "bad" for stored in entries):
            raise ValueError("bad")
        apply(cursor, entries)

    monkeypatch.setattr(projections, "apply", refuse_bad)
    with ThreadPoolExecutor(8) as pool:
        running = gathered(
            pool, [partial(store().append, make_rejected(issue_id=name)) for name in ("a", "b", "bad", "c")]
        )
        assert [type(future.exception()) for future in running] == [type(None), type(None), ValueError, type(None)]
    assert [entry.issue_id for entry in store().list_all()] == ["a", "b", "c"]
    assert list(verify()) == []


def test_a_fault_before_the_group_is_taken_is_told_to_who_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def appending(self, timeout_s: float) -> Any:
            raise ProgrammingError("no such table")

    monkeypatch.setattr(group, "dialect", Broken)
    with pytest.raises(Other, match="no such table"):
        store().append(make_entry())


def test_an_append_that_gets_no_turn_in_time_is_other_and_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "APPEND_PATIENCE_S", 0.05)
    with somebody_else_writing(), ThreadPoolExecutor(2) as pool:
        running = [pool.submit(store().append, make_entry(issue_id=str(number))) for number in range(2)]
        assert [type(future.exception()) for future in running] == [Other, Other]
    group.drain()
    assert last_position() == 0


def test_an_append_gives_up_waiting_for_a_writer_that_is_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()

    def stuck(cursor: Any, appends: Sequence[writing.Append]) -> None:
        go_on.wait(30)
        writing.write(cursor, appends)

    monkeypatch.setattr(group, "write", stuck)
    monkeypatch.setattr(group, "GRACE_S", 0.0)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(store().append, make_entry(issue_id="first"))
        wait_for(lambda: group._writer._thread is not None and not group._writer._queue)
        monkeypatch.setattr(writing, "APPEND_PATIENCE_S", 0.05)
        second = pool.submit(store().append, make_entry(issue_id="second"))
        assert isinstance(second.exception(), Other)
        go_on.set()
        assert first.result() == records.digest(make_entry(issue_id="first"))
    assert [entry.issue_id for entry in store().list_all()] == ["first"]


def test_an_append_inside_a_transaction_is_part_of_it(groups: list[int]) -> None:
    with transaction.atomic():
        store().append(make_entry())
        transaction.set_rollback(True)
    assert groups == []
    assert last_position() == 0


def test_all_or_nothing_is_a_transaction_of_its_own(groups: list[int]) -> None:
    known, fresh = make_entry(issue_id="known"), make_entry(issue_id="fresh")
    store().append(known)
    differs = make_entry(issue_id="known", intent="other")
    whole = partial(store().append_batch, [fresh, differs], whole=True)
    with ThreadPoolExecutor(3) as pool:
        alone = partial(store().append, make_entry(issue_id="before"))
        _, refused, stored = gathered(pool, [alone, whole, partial(store().append, fresh)])
        assert [outcome.result for outcome in cast(list[Outcome], refused.result())] == ["skipped", "conflict"]
        assert stored.result() == records.digest(fresh)
    assert groups == [1, 1, 1, 1]
    assert [entry.issue_id for entry in store().list_all()] == ["known", "before", "fresh"]


def test_threads_that_wrote_long_batches_keep_no_caches_of_them() -> None:
    process, go_home = psutil.Process(), threading.Event()

    def write(number: int) -> None:
        store().append_batch([make_rejected(issue_id=f"{number}-{each}") for each in range(group.MOST_ENTRIES)])
        written.release()
        go_home.wait()
        connection.close()

    written = threading.Semaphore(0)
    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    kept = []
    for thread in threads:
        thread.start()
        assert written.acquire(timeout=LONGEST_S)
        kept.append(process.memory_full_info().uss)
    go_home.set()
    for thread in threads:
        thread.join()
    assert (kept[-1] - kept[2]) >> 20 < MOST_KEPT_MIB  # the first ones warm up


def test_the_writer_goes_when_there_is_nothing_to_do_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group, "IDLE_S", 0.01)
    for issue_id in ("a", "b"):
        store().append(make_entry(issue_id=issue_id))
        wait_for(lambda: group._writer._thread is None)
    assert last_position() == 2


def test_appends_race_with_a_writer_that_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group, "IDLE_S", 0.0)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: store().append(make_entry(issue_id=str(number))), range(100)))
    assert last_position() == 100


@pytest.mark.once
def test_a_forked_child_has_a_writer_of_its_own() -> None:
    store().append(make_entry(issue_id="parent"))
    child = os.fork()
    if not child:
        connection.connection = None  # the parent's
        code = 1
        try:
            store().append(make_entry(issue_id="child"))
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    store().append(make_entry(issue_id="parent again"))
    assert [entry.issue_id for entry in store().list_all()] == ["parent", "child", "parent again"]


def test_what_waits_at_the_process_s_end_is_written_first() -> None:
    command = [sys.executable, "-m", "tests.writers", str(connection.settings_dict["NAME"]), "leave", "left", "40"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert last_position() == 40
    assert list(verify()) == []
