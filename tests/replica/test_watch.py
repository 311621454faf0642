"""What the watch remembers, and what it outlives, without any server."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import OperationalError

from enhancelog.backends.postgresql.base import DatabaseWrapper
from enhancelog.backends.postgresql.replica import Floor, Lineage
from enhancelog.backends.postgresql.replica_watch import Watch
from tests.waiting import wait_for

LINEAGE = Lineage(1, 1, 1)


@pytest.mark.parametrize(
    ("seen", "floor"),
    [
        ([(100, 40), (100, 100)], (100, 100)),  # what was written is acknowledged later
        ([(100, 100), (90, 80)], (100, 100)),
        ([(100, 40), (90, 80)], (100, 80)),  # answers come in any order
    ],
)
def test_the_floor_never_sinks_within_a_lineage(seen: list[tuple[int, int]], floor: tuple[int, int]) -> None:
    watch = Watch({}, {})
    for written, flushed in seen:
        watch.has_seen(Floor(LINEAGE, written, flushed))
    assert watch.floor == Floor(LINEAGE, *floor)
    promoted = Floor(LINEAGE._replace(timeline=2), 50, 50)
    watch.has_seen(promoted)
    assert watch.floor == promoted


def test_it_goes_on_after_what_nobody_expected_and_logs_that_once(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[object] = []
    watch, looks = Watch({}, {}), iter([None, KeyError("x"), KeyError("x"), None])
    watch.look = lambda: _raised(next(looks, None), seen)  # type: ignore[assignment, return-value, method-assign]
    watch.start()
    try:
        wait_for(lambda: len(seen) > 4)
    finally:
        watch.stop()
    assert len([record for record in caplog.records if "cannot look" in record.getMessage()]) == 1


def _raised(error: Exception | None, seen: list[object]) -> None:
    seen.append(error)
    if error is not None:
        raise error


def test_connections_that_nobody_waits_for_any_more_are_not_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[object] = []
    answers = threading.Event()

    def connect(self: object, params: object) -> None:
        begun.append(params)
        answers.wait(30)
        raise OperationalError("nobody there")

    monkeypatch.setattr("django.db.backends.postgresql.base.DatabaseWrapper.get_new_connection", connect)
    with ThreadPoolExecutor(1) as connectors:
        monkeypatch.setattr(DatabaseWrapper, "connectors", connectors)
        wrapper = DatabaseWrapper({})
        wrapper.connect_within_s = 0.01
        for number in range(20):
            with pytest.raises(OperationalError, match="no connection within"):
                wrapper.get_new_connection({"number": number})
        answers.set()
    assert len(begun) == 1
