"""granian's main loop under our order to stop."""

import signal
from collections.abc import Iterator

import pytest
from granian.server import mp

from enhancelog.server import Server, Wakeups


@pytest.fixture
def alarm() -> Iterator[None]:
    """A wait that nothing ends fails instead of hanging."""

    def too_long(*_: object) -> None:
        raise AssertionError("nothing woke the loop")

    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.usefixtures("alarm")
def test_wakeup_that_comes_before_clear_is_not_lost() -> None:
    wakeups = Wakeups()
    wakeups.set()
    wakeups.wait()
    wakeups.set()  # while the loop sees to what woke it
    wakeups.clear()
    wakeups.wait()


@pytest.mark.usefixtures("alarm")
def test_signal_handler_wakes_the_loop() -> None:
    wakeups = Wakeups()
    before = signal.signal(signal.SIGVTALRM, lambda *_: wakeups.set())
    try:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0.01)
        while signal.getitimer(signal.ITIMER_VIRTUAL)[0]:
            pass
        wakeups.wait()
    finally:
        signal.signal(signal.SIGVTALRM, before)


@pytest.mark.parametrize("ordered", [True, False])
def test_worker_that_ended_first_fails_the_server_only_when_nobody_ordered_it(
    monkeypatch: pytest.MonkeyPatch, ordered: bool
) -> None:
    server = Server("enhancelog.wsgi:application", log_enabled=False)

    def serve(*_: object, **__: object) -> None:
        if ordered:
            server.signal_handler_interrupt()
        raise SystemExit(1)  # which granian does when a worker ended before it was told to

    monkeypatch.setattr(mp.MPServer, "serve", serve)
    if ordered:
        server.serve_until_stopped()
        return
    with pytest.raises(SystemExit) as ended:
        server.serve_until_stopped()
    assert ended.value.code == 1
