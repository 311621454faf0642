"""The permit: one thread runs at a time, and nobody waits long for one that is slow or waits itself."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from enhancelog.backends.permit import Permit

FOREVER_S = 60.0


def test_one_thread_runs_at_a_time() -> None:
    permit = Permit(FOREVER_S)
    inside = most = 0

    def request(_: int) -> None:
        nonlocal inside, most
        with permit.held():
            for _ in range(2):
                inside += 1
                most = max(most, inside)
                time.sleep(0.0005)
                inside -= 1
                with permit.released():
                    time.sleep(0.0005)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(request, range(100)))
    assert most == 1


def test_a_wait_lets_others_run() -> None:
    permit = Permit(FOREVER_S)
    ran = threading.Event()

    def other() -> None:
        with permit.held():
            ran.set()

    with ThreadPoolExecutor(1) as pool, permit.held():
        pool.submit(other)
        assert not ran.wait(0.05)
        with permit.released():
            assert ran.wait(10)


def test_nobody_waits_longer_than_its_patience_for_a_slow_thread() -> None:
    permit = Permit(0.01)
    go_on = threading.Event()

    def slow() -> None:
        with permit.held():
            go_on.wait(20)

    def quick() -> None:
        with permit.held():
            pass

    with ThreadPoolExecutor(6) as pool:
        running = pool.submit(slow)
        for future in [pool.submit(quick) for _ in range(5)]:
            future.result(timeout=10)
        assert not running.done()
        go_on.set()
        running.result(timeout=10)
    with permit.held(), permit.released():  # nobody who ran without the permit has released it
        assert permit._free.acquire(blocking=False)
        permit._free.release()


def test_released_without_the_permit_does_nothing() -> None:
    permit = Permit(FOREVER_S)
    with permit.released():
        pass
    with permit.held(), ThreadPoolExecutor(1) as pool:

        def pause() -> bool:
            with permit.released():
                return True

        assert pool.submit(pause).result(timeout=10)


def test_an_error_gives_the_permit_back() -> None:
    permit = Permit(FOREVER_S)
    with pytest.raises(ValueError, match="bad"), permit.held():
        raise ValueError("bad")
    with permit.held():
        pass
