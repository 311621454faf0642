"""The server's worker: it groups what its own process brought, and what another one left."""

import errno
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import OperationalError

from enhancelog.domain.origin import Origin
from enhancelog.maintenance import pattern_worker
from enhancelog.models import EntryPatch
from enhancelog.projections import source_names, waking
from enhancelog.queries.horizon import grouped
from enhancelog.store import host_derivation, observed
from enhancelog.store.database import DatabaseEnhanceLogStore
from enhancelog.store.observed import Found
from enhancelog.store.pattern_groups import Step
from tests import pattern_rules
from tests.factories import make_entry
from tests.host.observed import make_patch
from tests.projections.test_pattern_groups import append, denial, leaders
from tests.waiting import wait_for


@pytest.fixture(autouse=True)
def plain_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    pattern_rules.use(monkeypatch)


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One that looks after others often, and ends with the test."""
    monkeypatch.setattr(pattern_worker, "POLL_S", 0.05)
    ends = threading.Event()
    thread = pattern_worker.start(ends)
    yield
    ends.set()
    waking.work_waits.set()
    thread.join(10)
    assert not thread.is_alive()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("by", ["this process", "another"])
def test_a_worker_groups_what_this_process_brought_and_what_another_one_left(
    by: str, worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if by == "another":
        monkeypatch.setattr(waking, "work_waits", threading.Event())  # whose worker does not listen
    append([denial(f"tone {letter}", letter) for letter in "abc"])
    wait_for(lambda: grouped().up_to == 3)
    assert set(leaders().values()) == {"tone a"}


@pytest.mark.django_db(transaction=True)
def test_a_worker_joins_a_new_entry_to_the_patch_that_a_host_told_of(worker: None) -> None:
    observed.keep("host", Found(patches=[make_patch()]))
    host_derivation.settle()
    assert not EntryPatch.objects.exists()
    DatabaseEnhanceLogStore(Origin("command", "tests", "host")).append(make_entry())
    wait_for(EntryPatch.objects.exists)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("what", ["disk", "database"])
def test_a_worker_outlives_what_fails_while_it_looks_after_others(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = threading.Event()

    def fail(*arguments: object) -> Any:
        looked.set()
        raise OSError(errno.EIO, "Input/output error") if what == "disk" else OperationalError("it went away")

    if what == "disk":
        monkeypatch.setattr(pattern_worker, "waiting", fail)
    else:
        monkeypatch.setattr(source_names, "last_change", fail)
        monkeypatch.setattr(pattern_worker, "_derive", lambda: Step.DONE)
    monkeypatch.setattr(pattern_worker, "POLL_S", 0.05)
    ends = threading.Event()
    thread = pattern_worker.start(ends)
    assert looked.wait(10)
    append([denial(f"tone {letter}", letter) for letter in "abc"])
    wait_for(lambda: grouped().up_to == 3)
    ends.set()
    waking.work_waits.set()
    thread.join(10)
    assert not thread.is_alive()
