"""Requests take turns: one at a time, in their order, and nobody waits for one that is slow or waits itself."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from enhancelog.turns import Turns
from tests.waiting import wait_for

FOREVER_S = 60.0


def waiting(turns: Turns) -> int:
    return len(turns._waiting)


def test_one_runs_at_a_time() -> None:
    turns = Turns(FOREVER_S)
    inside = most = 0

    def request(_: int) -> None:
        nonlocal inside, most
        with turns.turn():
            for _ in range(2):
                inside += 1
                most = max(most, inside)
                time.sleep(0.0005)
                inside -= 1
                with turns.paused():
                    time.sleep(0.0005)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(request, range(100)))
    assert most == 1
    assert waiting(turns) == 0


def test_they_run_in_the_order_in_which_they_came_but_for_who_goes_first() -> None:
    turns = Turns(FOREVER_S)
    order: list[str] = []

    def request(name: str, first: bool) -> None:
        with turns.turn(first=first):
            order.append(name)

    with ThreadPoolExecutor(4) as pool, turns.turn():
        for number, (name, first) in enumerate([("a", False), ("b", False), ("writer", True), ("c", False)]):
            pool.submit(request, name, first)
            wait_for(lambda number=number: waiting(turns) == number + 1)  # type: ignore[misc]
    assert order == ["writer", "a", "b", "c"]


def test_who_waits_for_something_lets_the_next_one_go_and_has_a_turn_again_afterwards() -> None:
    turns = Turns(FOREVER_S)
    came = threading.Event()

    def other() -> None:
        with turns.turn():
            came.set()

    with ThreadPoolExecutor(1) as pool, turns.turn():
        pool.submit(other)
        wait_for(lambda: waiting(turns) == 1)
        with turns.paused():
            assert came.wait(10)
        later = pool.submit(other)
        wait_for(lambda: waiting(turns) == 1)
        assert not later.done()


def test_nobody_waits_for_long_for_one_that_is_slow() -> None:
    turns = Turns(0.01)
    go_on, seen = threading.Event(), []

    def slow() -> None:
        with turns.turn():
            go_on.wait(10)

    def quick(number: int) -> None:
        with turns.turn():
            seen.append(number)

    with ThreadPoolExecutor(6) as pool:
        running = pool.submit(slow)
        wait_for(lambda: turns._has_it is not None)
        for future in [pool.submit(quick, number) for number in range(5)]:
            future.result(timeout=10)
        assert not running.done()
        go_on.set()
    assert sorted(seen) == list(range(5))
    with turns.turn():  # the slow one's end took nobody's turn
        assert waiting(turns) == 0


def test_a_pause_outside_a_turn_is_nothing() -> None:
    turns = Turns(FOREVER_S)
    with turns.turn(), ThreadPoolExecutor(1) as pool:

        def pause() -> bool:
            with turns.paused():
                return True

        assert pool.submit(pause).result(timeout=10)


def test_a_turn_ends_with_an_error() -> None:
    turns = Turns(FOREVER_S)
    with pytest.raises(ValueError, match="bad"), turns.turn():
        raise ValueError("bad")
    with turns.turn():
        pass
