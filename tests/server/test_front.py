"""The front between a client and the application: what it receives, waits for and sends, and what holds a thread."""

import asyncio
import errno
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError

from enhancelog.accounts import passwords
from enhancelog.api.concurrency_limits import Slots
from enhancelog.api.exchange import KEY, Exchange, Poll, Refusal
from enhancelog.server import bodies, polls
from enhancelog.server import front as server_front
from enhancelog.server.bodies import Limits
from enhancelog.server.front import Front
from enhancelog.server.polls import Polls
from enhancelog.server.request_limits import Lane, Treatment
from tests import loops
from tests.server.clients import Client
from tests.waiting import until

THREADS = 2
MAX_IN_FILES = 4 << 20
Start = Callable[[str, list[tuple[str, str]]], None]
Environ = dict[str, Any]


class Application:
    """A WSGI application that does what a path says, and remembers every run."""

    def __init__(self) -> None:
        self.runs: list[Environ] = []
        self.made = 0
        self.closed = threading.Event()
        self.go_on = threading.Event()

    def __call__(self, environ: Environ, start: Start) -> Any:
        self.runs.append(dict(environ))
        exchange: Exchange = environ[KEY]
        if exchange.refusal is not None:
            start(f"{exchange.refusal.status} Refused", [])
            return [exchange.refusal.detail.encode()]
        return getattr(self, environ["PATH_INFO"].strip("/") or "hello")(environ, start)

    def hello(self, environ: Environ, start: Start) -> list[bytes]:
        start("200 OK", [("Content-Type", "text/plain")])
        return [b"hello"]

    def echo(self, environ: Environ, start: Start) -> list[bytes]:
        received = b"".join(iter(lambda: environ["wsgi.input"].read(5000), b""))
        start("200 OK", [])
        return [received]

    def forbidden(self, environ: Environ, start: Start) -> list[bytes]:
        start("403 Forbidden", [])
        return [b"no"]

    def limited(self, environ: Environ, start: Start) -> list[bytes]:
        environ[KEY].max_body_bytes = 300_000
        size = len(environ["wsgi.input"].read(10**9))
        start("413 Too Large" if size > 300_000 else "200 OK", [])
        return [str(size).encode()]

    def stream(self, environ: Environ, start: Start) -> "Stream":
        start("200 OK", [])
        return Stream(self)

    def broken(self, environ: Environ, start: Start) -> Iterator[bytes]:
        start("200 OK", [])
        yield b"x" * 100_000
        raise ValueError("half way")

    def slow(self, environ: Environ, start: Start) -> list[bytes]:
        self.go_on.wait(20)
        return self.hello(environ, start)

    def tail(self, environ: Environ, start: Start) -> list[bytes]:
        exchange: Exchange = environ[KEY]
        if exchange.poll is None:
            slot = Slots(4, 1).take("somebody")
            assert slot is not None
            exchange.poll = Poll(beyond=7, deadline=time.monotonic() + float(environ["HTTP_WAIT"]), slot=slot)
        start("200 OK", [])
        return [b"grown" if len(self.runs) > 1 else b"held back"]


class Stream:
    """A hundred pieces of 64 KiB."""

    def __init__(self, application: Application) -> None:
        self._application = application

    def __iter__(self) -> Iterator[bytes]:
        for _ in range(100):
            self._application.made += 1
            yield b"x" * 65536

    def close(self) -> None:
        self._application.closed.set()


@pytest.fixture
def application() -> Application:
    return Application()


@pytest.fixture
def run(application: Application, tmp_path: Path) -> Callable[..., Any]:
    """Run a coroutine function with a front that has ``THREADS`` threads."""

    def run(test: Callable[[Front], Awaitable[Any]], **limits: Any) -> Any:
        async def inside() -> Any:
            allowed = Limits(**{"max_bytes": 1 << 20, "stall_s": 10.0} | limits)

            def treatment(method: str, path: str) -> Treatment:
                lanes: dict[str, Lane] = {"/health/live": "live", "/password": "password"}
                return Treatment(allowed, lanes.get(path, "other"))

            front = Front(application, THREADS, treatment, tmp_path, MAX_IN_FILES)
            return await test(front)

        return loops.run(inside())

    return run


def test_request_without_a_body_is_answered(run: Any, application: Application) -> None:
    async def ask(front: Front) -> Client:
        return await Client(front).ended()

    client = run(ask)
    assert (client.status, client.content) == (200, b"hello")
    assert client.sent[0]["headers"] == [(b"content-type", b"text/plain")]


@pytest.mark.parametrize("path", ["/log/password", "/password"], ids=["passed on", "cut off by the proxy"])
def test_a_request_is_treated_by_its_path_below_the_public_address(tmp_path: Path, path: str) -> None:
    treated, seen = [], []

    def treatment(method: str, path: str) -> Treatment:
        treated.append(path)
        return Treatment(Limits(100, 10.0))

    def application(environ: Environ, start: Start) -> list[bytes]:
        seen.append((environ["SCRIPT_NAME"], environ["PATH_INFO"]))
        start("200 OK", [])
        return []

    async def ask() -> Client:
        return await Client(Front(application, THREADS, treatment, tmp_path, MAX_IN_FILES, "/log"), path=path).ended()

    assert loops.run(ask()).status == 200
    assert (treated, seen) == (["/password"], [("/log", "/password")])


def test_half_sent_bodies_hold_no_thread(run: Any) -> None:
    async def ask(front: Front) -> Client:
        for _ in range(10 * THREADS):
            Client(front, "POST", "/echo", {"Content-Length": "10"}).body(b"half", more=True)
        return await Client(front).ended()

    assert run(ask).status == 200


@pytest.mark.parametrize("declared", [True, False], ids=["length", "chunked"])
@pytest.mark.parametrize("size", [0, 1, bodies.IN_MEMORY, bodies.IN_MEMORY + 1, 3 * bodies.WRITE_BYTES + 7])
def test_body_arrives_byte_for_byte(run: Any, size: int, declared: bool) -> None:
    sent = bytes(index % 251 for index in range(size))

    async def ask(front: Front) -> Client:
        headers = {"Content-Length": str(size)} if declared else {"Transfer-Encoding": "chunked"}
        client = Client(front, "POST", "/echo", headers)
        for start in range(0, size, 100_000):
            client.body(sent[start : start + 100_000], more=True)
        return await client.body(b"").ended()

    assert run(ask, max_bytes=10 << 20).content == sent


def test_large_body_is_not_received_for_a_request_that_is_refused(run: Any, application: Application) -> None:
    async def ask(front: Front) -> Client:
        return await Client(front, "POST", "/forbidden", {"Content-Length": "900000"}).ended()

    assert run(ask).status == 403


@pytest.mark.parametrize("more", [True, False], ids=["cut", "cut at once"])
@pytest.mark.parametrize("headers", [{"Content-Length": "10"}, {"Transfer-Encoding": "chunked"}])
def test_body_of_a_client_that_left_is_400_and_read_by_nobody(
    run: Any, application: Application, headers: dict[str, str], more: bool
) -> None:
    async def ask(front: Front) -> Client:
        client = Client(front, "POST", "/echo", headers)
        if more:
            client.body(b"half", more=True)
        client.leave()
        return await client.ended()

    client = run(ask)
    assert client.status == 400
    assert b"nothing was changed" in client.content
    assert [environ["wsgi.input"].read() for environ in application.runs] == [b""]


def test_body_that_stalls_is_408(run: Any) -> None:
    async def ask(front: Front) -> Client:
        return await Client(front, "POST", "/echo", {"Content-Length": "10"}).body(b"half", more=True).ended()

    assert run(ask, stall_s=0.1).status == 408


def test_body_that_trickles_is_408(run: Any) -> None:
    async def ask(front: Front) -> Client:
        client = Client(front, "POST", "/echo", {"Content-Length": "100000"})
        while not client.running.done():
            client.body(b"x", more=True)
            await asyncio.sleep(0.01)
        return client

    assert run(ask, stall_s=10.0, total_s=0.3).status == 408


@pytest.mark.parametrize("headers", [{"Content-Length": "70000"}, {"Transfer-Encoding": "chunked"}])
def test_body_beyond_the_limit_of_its_path_is_413(run: Any, application: Application, headers: dict[str, str]) -> None:
    async def ask(front: Front) -> Client:
        return await Client(front, "POST", "/echo", headers).body(b"x" * 70_000, more=True).ended()

    assert run(ask, max_bytes=65536).status == 413


def test_cookies_that_take_long_to_read_are_431_and_read_by_nobody(run: Any, application: Application) -> None:
    async def ask(front: Front) -> Client:
        cookie = 'a="' + '\\"' * 100_000 + '"'
        return await Client(front, "POST", "/echo", {"Cookie": cookie, "Content-Length": "5"}).ended()

    assert run(ask).status == 431
    assert "HTTP_COOKIE" not in application.runs[0]


def test_no_more_is_received_than_the_application_may_take(run: Any) -> None:
    async def ask(front: Front) -> Client:
        client = Client(front, "POST", "/limited", {"Transfer-Encoding": "chunked"})
        for _ in range(5):
            client.body(b"x" * 100_000, more=True)
        return await client.ended()

    client = run(ask)
    assert client.status == 413
    assert int(client.content) == 400_000  # the rest was never asked for


def test_bodies_go_to_files_when_they_would_fill_the_memory(
    run: Any, monkeypatch: pytest.MonkeyPatch, application: Application
) -> None:
    monkeypatch.setattr(bodies, "MEMORY_FOR_ALL", 100_000)

    async def ask(front: Front) -> list[Client]:
        clients = [Client(front, "POST", "/echo", {"Content-Length": "60001"}) for _ in range(5)]
        for client in clients:
            client.body(b"x" * 60_000, more=True)
        await until(lambda: all(client.is_heard for client in clients) and front.receiving.in_memory <= 100_000)
        return [await client.body(b"y").ended() for client in clients]

    clients = run(ask)
    assert {client.content for client in clients} == {b"x" * 60_000 + b"y"}


def test_parts_of_a_large_body_that_are_not_written_yet_count_as_memory(run: Any) -> None:
    async def ask(front: Front) -> Client:
        client = Client(front, "POST", "/echo", {"Content-Length": "350001"})
        client.body(b"x" * 300_000, more=True).body(b"x" * 50_000, more=True)
        await until(lambda: client.is_heard and front.receiving.in_memory == 50_000)
        return await client.body(b"y").ended()

    client = run(ask)
    assert client.content == b"x" * 350_000 + b"y"


@pytest.mark.parametrize("declared", [True, False], ids=["length", "chunked"])
def test_bodies_in_files_have_a_limit_together(run: Any, *, declared: bool) -> None:
    def post(front: Front, size: int) -> Client:
        return Client(
            front, "POST", "/echo", {"Content-Length": str(size)} if declared else {"Transfer-Encoding": "chunked"}
        )

    async def ask(front: Front) -> tuple[Client, list[Client], int]:
        size = MAX_IN_FILES // 2 + 1
        first = post(front, size).body(b"x" * (size - 1), more=True)
        await asyncio.sleep(0.2)
        refused = await post(front, size).body(b"x" * size).ended()
        small = await post(front, 1000).body(b"x" * 1000).ended()
        await first.body(b"y").ended()
        again = await post(front, size).body(b"x" * size).ended()
        return refused, [small, first, again], front.receiving.in_files

    refused, others, left = run(ask, max_bytes=MAX_IN_FILES)
    assert (refused.status, [client.status for client in others], left) == (503, [200, 200, 200], 0)
    assert b"too many large bodies" in refused.content


def test_no_room_for_a_body_is_507(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: Any, **options: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", full)

    async def ask(front: Front) -> Client:
        return await Client(front, "POST", "/echo", {"Content-Length": "300000"}).body(b"x" * 300_000).ended()

    client = run(ask)
    assert client.status == 507
    assert b"No space left" in client.content


def test_stream_is_made_no_faster_than_its_client_reads(run: Any, application: Application) -> None:
    async def ask(front: Front) -> Client:
        client = Client(front, path="/stream").stop_reading()
        await asyncio.sleep(0.3)
        assert application.made <= 2
        assert (await Client(front).ended()).status == 200  # and holds no thread meanwhile
        client.read_on()
        return await client.ended()

    client = run(ask)
    assert client.is_complete
    assert len(client.content) == 100 * 65536
    assert application.closed.is_set()


def test_stream_that_fails_half_way_does_not_end_as_a_whole_one(run: Any) -> None:
    async def ask(front: Front) -> Client:
        return await Client(front, path="/broken").ended()

    client = run(ask)
    assert client.status == 200
    assert not client.is_complete
    assert isinstance(client.running.exception(), ValueError)  # which makes the server break the connection off


def test_stream_is_closed_when_its_client_is_gone(run: Any, application: Application) -> None:
    async def ask(front: Front) -> Client:
        client = Client(front, path="/stream").stop_reading()
        await until(lambda: application.made > 0)
        client.leave()
        client.read_on()  # a server takes what it cannot send any more
        return await client.ended()

    client = run(ask)
    assert client.running.exception() is None
    assert not client.is_complete
    assert application.made < 100
    assert application.closed.wait(5)


def test_health_answers_while_all_threads_are_busy(run: Any, application: Application) -> None:
    async def ask(front: Front) -> Client:
        busy = [Client(front, path="/slow") for _ in range(3 * THREADS)]
        await asyncio.sleep(0.1)
        setattr(application, "health/live", application.hello)
        client = await Client(front, path="/health/live").ended()
        application.go_on.set()
        assert {(await each.ended()).status for each in busy} == {200}
        return client

    assert run(ask).status == 200


def test_many_who_wait_for_a_password_check_hold_no_thread_and_are_503_in_the_end(
    run: Any, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "WAIT_S", 0.5)
    monkeypatch.setattr(application, "password", application.slow, raising=False)

    async def ask(front: Front) -> list[int]:
        checks = [Client(front, path="/password") for _ in range(passwords.AT_ONCE + 3)]
        await asyncio.sleep(0.1)
        assert (await Client(front).ended()).status == 200
        late = [await check.ended() for check in checks[passwords.AT_ONCE :]]
        application.go_on.set()
        return [check.status for check in [*late, *[await check.ended() for check in checks[: passwords.AT_ONCE]]]]

    assert run(ask) == [503] * 3 + [200] * passwords.AT_ONCE
    refusals = {environ[KEY].refusal for environ in application.runs} - {None}
    assert refusals == {Refusal(503, passwords.BUSY, passwords.RETRY_AFTER_S)}


def watching(front: Front, positions: list[int]) -> None:
    """The log of the front's polls is at the first position, then at the next one, and stays at the last."""
    front.polls = Polls(front.pools["live"], lambda: positions.pop(0) if len(positions) > 1 else positions[0])


def test_poll_runs_again_when_the_log_has_grown(run: Any, application: Application) -> None:
    async def ask(front: Front) -> Client:
        watching(front, [7, 7, 8])
        return await Client(front, path="/tail", headers={"wait": "20"}).ended()

    assert run(ask).content == b"grown"
    assert len(application.runs) == 2


def test_polls_that_run_again_hold_up_no_other_request(
    run: Any, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = application.tail

    def tail(environ: Environ, start: Start) -> list[bytes]:
        return application.slow(environ, start) if environ[KEY].poll else first(environ, start)

    monkeypatch.setattr(application, "tail", tail)

    async def ask(front: Front) -> int:
        watching(front, [7, 8])
        polls = [Client(front, path="/tail", headers={"wait": "20"}) for _ in range(10 * THREADS)]
        await asyncio.sleep(1)  # they run again, or wait for a thread to do so
        other = Client(front)
        await asyncio.wait([other.running], timeout=15)
        answers = len(other.sent)
        application.go_on.set()
        await asyncio.gather(*(poll.ended() for poll in polls))
        return answers

    assert run(ask) > 0


@pytest.mark.parametrize("fault", [OSError(errno.EIO, "Input/output error"), OperationalError("away")])
def test_poll_outlives_a_fault_of_the_disk_or_the_database(
    run: Any, application: Application, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    answers: list[int | Exception] = [fault, 8]

    def look() -> int:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(polls, "last_position", look)

    async def ask(front: Front) -> Client:
        return await Client(front, path="/tail", headers={"wait": "10"}).ended()

    assert run(ask).content == b"grown"
    assert not answers


def test_poll_ends_at_its_time_and_holds_no_thread(run: Any, application: Application) -> None:
    async def ask(front: Front) -> list[Client]:
        watching(front, [7])
        polls = [Client(front, path="/tail", headers={"wait": "0.5"}) for _ in range(10 * THREADS)]
        assert (await Client(front).ended()).status == 200
        return [await poll.ended() for poll in polls]

    assert {client.status for client in run(ask)} == {200}


def test_poll_of_a_client_that_left_ends(run: Any, application: Application) -> None:
    async def ask(front: Front) -> Client:
        watching(front, [7])
        client = Client(front, path="/tail", headers={"wait": "1000"})
        await asyncio.sleep(0.1)
        client.leave()
        return await client.ended()

    assert run(ask).sent == []
    assert application.runs[0][KEY].poll.slot._slots is None  # released


def test_stop_ends_polls_and_half_sent_bodies_at_once(run: Any, application: Application) -> None:
    async def ask(front: Front) -> tuple[Client, Client, Client]:
        watching(front, [7])
        poll = Client(front, path="/tail", headers={"wait": "1000"})
        body = Client(front, "POST", "/echo", {"Content-Length": "10"}).body(b"half", more=True)
        await asyncio.sleep(0.1)
        front.stop()
        late = Client(front, path="/tail", headers={"wait": "1000"})
        ended = await poll.ended(), await body.ended(), await late.ended()
        assert front.is_idle
        return ended

    poll, body, late = run(ask)
    assert (poll.status, body.status, late.status) == (200, 503, 200)


def test_a_stop_while_the_time_of_a_body_runs_out_goes_on(run: Any) -> None:
    async def ask(front: Front) -> int:
        client = Client(front, "POST", "/echo", {"Content-Length": "10"}).body(b"half", more=True)
        while not front.receiving.waits:
            await asyncio.sleep(0)
        (wait,) = front.receiving.waits
        wait.reschedule(0)
        while not wait.expired():
            await asyncio.sleep(0)
        front.stop()
        return (await client.ended()).status

    assert run(ask) == 503


def test_a_stop_does_not_wait_for_a_client_that_does_not_read(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask(front: Front) -> Client:
        client = Client(front, path="/stream").stop_reading()
        await until(lambda: len(front.sending) == 1)
        front.stop()
        monkeypatch.setattr(server_front, "STALLED_S", 600.0)
        is_idle = front.is_idle
        assert not is_idle
        monkeypatch.setattr(server_front, "STALLED_S", 0.1)
        await until(lambda: front.is_idle)
        client.read_on()
        return await client.ended()

    assert run(ask).is_complete
