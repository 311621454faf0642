"""Many writers at once, in threads and in processes: each id is created once, positions are dense, nothing is lost."""

import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from enhancelog.domain.errors import Conflict
from enhancelog.domain.origin import Origin
from enhancelog.models import Entry as EntryModel
from enhancelog.store.database import DatabaseEnhanceLogStore, last_position
from enhancelog.store.verification import verify
from tests import writers
from tests.factories import make_rejected

pytestmark = pytest.mark.django_db(transaction=True)

IDS = [f"raced-{number}" for number in range(25)]
WRITERS = 6


def positions() -> list[int]:
    return list(EntryModel.objects.order_by("position").values_list("position", flat=True))


def race(name: str, together: threading.Barrier) -> list[str]:
    """Append every id, in an order of its own; those that were created here."""
    store = DatabaseEnhanceLogStore(Origin("command", name, name))
    ids = random.Random(name).sample(IDS, len(IDS))
    created = []
    try:
        together.wait()
        for issue_id in ids:
            try:
                store.append(make_rejected("noop", issue_id=issue_id, intent=name))
                created.append(issue_id)
            except Conflict:
                continue
    finally:
        connection.close()
    return created


def test_threads_that_race_for_an_id_create_it_once() -> None:
    together = threading.Barrier(WRITERS, timeout=60)
    with ThreadPoolExecutor(WRITERS) as pool:
        created = list(pool.map(lambda number: race(f"writer {number}", together), range(WRITERS)))
    won = Counter(issue_id for ids in created for issue_id in ids)
    assert won == Counter(IDS)
    assert positions() == list(range(1, len(IDS) + 1))
    for number, ids in enumerate(created):
        assert set(EntryModel.objects.filter(intent=f"writer {number}").values_list("issue_id", flat=True)) == set(ids)
    assert list(verify()) == []


def test_a_reader_who_saw_a_position_never_sees_a_new_one_below() -> None:
    together = threading.Barrier(WRITERS, timeout=60)
    with ThreadPoolExecutor(WRITERS) as pool:
        running = [pool.submit(race, f"writer {number}", together) for number in range(WRITERS)]
        seen = 0
        while not all(future.done() for future in running):
            newest = last_position()
            assert newest >= seen
            assert EntryModel.objects.filter(position__lte=newest).count() == newest
            seen = newest
        for future in running:
            future.result()
    assert last_position() == len(IDS)


def test_batches_that_overlap_store_each_entry_once() -> None:
    together = threading.Barrier(3, timeout=60)

    def write(name: str) -> int:
        batch = [make_rejected("noop", issue_id=issue_id) for issue_id in random.Random(name).sample(IDS, len(IDS))]
        try:
            together.wait()
            outcomes = DatabaseEnhanceLogStore(Origin("command", name, name)).append_batch(batch)
            return sum(outcome.result == "created" for outcome in outcomes)
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        assert sum(pool.map(write, "abc")) == len(IDS)
    assert positions() == list(range(1, len(IDS) + 1))
    assert list(verify()) == []


@pytest.mark.slow
def test_processes_that_race_for_an_id_create_it_once() -> None:
    name = str(connection.settings_dict["NAME"])
    jobs = [("race", "a", 30), ("race", "b", 30), ("append", "c", 50)]
    first, second, _ = writers.start(name, jobs)
    assert sorted(first["won"] + second["won"]) == sorted(f"raced-{number}" for number in range(30))
    for result in (first, second):
        assert EntryModel.objects.filter(intent=result["name"], source=result["name"]).count() == len(result["won"])
    assert positions() == list(range(1, 81))
    assert list(verify()) == []
