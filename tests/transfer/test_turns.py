"""Long bodies take turns, so a worker prepares few batches at once, however many bodies come."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import pytest

from enhancelog.domain import records
from enhancelog.domain.errors import Other
from enhancelog.domain.origin import Origin
from enhancelog.store.database import DatabaseEnhanceLogStore
from enhancelog.store.writing import APPEND_PATIENCE_S, Outcome
from enhancelog.transfer import bulk
from enhancelog.transfer.json_stream import lines
from enhancelog.transfer.turns import Turns
from tests.factories import make_entry
from tests.waiting import wait_for


def waits(turns: Turns, number: int) -> None:
    wait_for(lambda: len(turns._waiting) == number)


def test_turns_come_in_the_order_of_those_that_wait() -> None:
    turns = Turns(1, patience_s=10)
    order: list[str] = []

    def take(name: str) -> None:
        with turns.turn():
            order.append(name)

    with ThreadPoolExecutor(3) as pool:
        with turns.turn():
            for number, name in enumerate("abc", 1):
                pool.submit(take, name)
                waits(turns, number)
        take("comes again")  # they were there before
    assert order == ["a", "b", "c", "comes again"]


def test_a_turn_that_does_not_come_in_time_is_refused_and_lost_to_nobody() -> None:
    turns = Turns(1, patience_s=0.01)
    with turns.turn(), ThreadPoolExecutor(1) as pool, pytest.raises(Other, match="too long"):
        pool.submit(_begin_and_end, turns).result()
    _begin_and_end(turns)


def _begin_and_end(turns: Turns) -> None:
    with turns.turn():
        pass


class Store(DatabaseEnhanceLogStore):
    """Writes nothing, and counts who would write at the same time."""

    def __init__(self) -> None:
        self.at_once = self.most = 0
        self.patience_s = set[float]()
        self.goes_on = threading.Event()

    @contextmanager
    def _counted(self) -> Iterator[None]:
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        yield
        self.at_once -= 1

    def append_batch(self, entries: Any, *, whole: bool = False, patience_s: float = APPEND_PATIENCE_S) -> Any:
        self.patience_s.add(patience_s)
        with self._counted():
            self.goes_on.wait(10)
        return [Outcome("created", "")] * len(entries)


def body(number: int) -> BytesIO:
    return BytesIO(b"\n".join(records.encode(make_entry(issue_id=f"{number}-{line}")) for line in range(3)))


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize(("longest_short", "most"), [(0, 2), (1 << 20, 5)], ids=["long bodies", "short bodies"])
def test_only_long_bodies_wait_for_each_other(
    monkeypatch: pytest.MonkeyPatch, longest_short: int, most: int, whole: bool
) -> None:
    monkeypatch.setattr(bulk, "IN_MEMORY", longest_short)
    monkeypatch.setattr(bulk, "_turns", turns := Turns(2, patience_s=10))
    store = Store()

    def send(number: int) -> int:
        if whole:
            return len(bulk.append_all(store, body(number), lines, 1 << 20, lambda entry: None)[1])
        return sum(map(len, bulk.append(store, body(number), lines, 1 << 20, lambda entry: None)))

    with ThreadPoolExecutor(5) as pool:
        sent = [pool.submit(send, number) for number in range(5)]
        wait_for(lambda: store.at_once == most)
        waits(turns, 5 - most)
        store.goes_on.set()
        assert [each.result() for each in sent] == [3] * 5
    assert store.most == most
    assert store.patience_s == {APPEND_PATIENCE_S if longest_short else bulk.LONG_PATIENCE_S}


@pytest.mark.django_db(transaction=True)
def test_a_body_of_several_batches_takes_a_turn_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "IN_MEMORY", 0)
    monkeypatch.setattr(bulk, "_turns", turns := Turns(1, patience_s=1))
    monkeypatch.setattr("enhancelog.transfer.importer.ENTRIES_PER_TRANSACTION", 2)
    store = DatabaseEnhanceLogStore(Origin("token", "agent", "api"))
    results = bulk.append(store, body(1), lines, 1 << 20, lambda entry: None)
    assert [(len(each), turns._free) for each in results] == [(2, 1), (1, 1)]
