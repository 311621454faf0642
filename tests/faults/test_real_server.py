"""The server as it is run, under what agents do to it: races, a hundred thousand lines, long polls, slow readers."""

import json
import select
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx
import psutil  # type: ignore[import-untyped]
import pytest

from enhancelog.accounts.cookies import cookie_name
from enhancelog.domain import records
from enhancelog.domain.public_addresses import parse
from tests.balancing import balancing
from tests.conftest import DATABASE
from tests.factories import make_entry
from tests.postgres import fresh_database
from tests.processes import Process, free_port, manage, serving

pytestmark = [pytest.mark.database, pytest.mark.slow]

LOG = "/v1/enhance/log"
NDJSON = {"Content-Type": "application/x-ndjson"}
JSON = {"Content-Type": "application/json"}
BODY_TIMEOUT_S = 4


class Server(NamedTuple):
    url: str
    process: Process
    headers: dict[str, str]

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers=self.headers, timeout=60, trust_env=False)

    def memory_mib(self) -> float:
        """Of the serving process and its workers: what each has for itself."""
        root = psutil.Process(self.process.pid)
        family = [root, *root.children(recursive=True)]
        return float(sum(process.memory_full_info().uss for process in family)) / (1 << 20)


# Two servers on one database need PostgreSQL: a SQLite file is on one host.
@pytest.fixture(scope="module", params=[1, 2] if DATABASE == "postgresql" else [1], ids="{} servers".format)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One, or two behind a load balancer."""
    folder = tmp_path_factory.mktemp("server")
    with ExitStack() as stack:
        url = f"127.0.0.1:{free_port()}"
        environment = {"ENHANCELOG_PUBLIC_READ": "true", "ENHANCELOG_BODY_TIMEOUT": str(BODY_TIMEOUT_S)}
        environment["ENHANCELOG_THREADS"] = "8"  # which the tests can keep busy
        if DATABASE == "postgresql":
            environment["DATABASE_URL"] = stack.enter_context(fresh_database())
        if request.param == 1:
            process = stack.enter_context(serving_in(folder, url, environment))
        else:
            environment |= {"ENHANCELOG_SECRET_KEY": "both servers of a test have the same key"}
            environment |= {"ENHANCELOG_URL": f"http://{url}"}
            binds = [f"127.0.0.1:{free_port()}" for _ in range(request.param)]
            process, *_ = [stack.enter_context(serving_in(folder / bind, bind, environment)) for bind in binds]
            stack.enter_context(balancing(address(url), [address(bind) for bind in binds]))
        made = manage("create_token", "agent", "--scope", "log:append", data_dir=folder, **environment)
        assert made.returncode == 0, made.stderr
        yield Server(f"http://{url}", process, {"Authorization": f"Bearer {made.stdout.strip()}"})


@contextmanager
def serving_in(folder: Path, bind: str, environment: dict[str, str]) -> Iterator[Process]:
    folder.mkdir(exist_ok=True)
    with (
        (folder / "log").open("w") as output,
        serving("--bind", bind, data_dir=folder, output=output, **environment) as process,
    ):
        yield process


def address(bind: str) -> tuple[str, int]:
    host, _, port = bind.partition(":")
    return host, int(port)


def test_two_clients_racing_one_id_give_exactly_one_201_each_round(server: Server, with_heavy: bool) -> None:
    rounds = 300 if with_heavy else 60
    barrier = threading.Barrier(2, timeout=120)

    def race() -> list[int | str]:
        with server.client() as client:
            said: list[int | str] = []
            for number in range(rounds):
                body = records.encode(make_entry(issue_id=f"race-{number}"))
                barrier.wait()
                try:
                    said.append(client.post(LOG, content=body, headers=JSON).status_code)
                except httpx.TransportError as error:  # the other one goes on
                    said.append(repr(error))
            return said

    with ThreadPoolExecutor(2) as pool:
        first, second = (future.result() for future in [pool.submit(race), pool.submit(race)])
    assert Counter(frozenset(said) for said in zip(first, second, strict=True)) == {frozenset({201, 409}): rounds}


def lines(prefix: str, count: int) -> bytes:
    return b"\n".join(
        records.encode(make_entry(issue_id=f"{prefix}-{number}", ts_ms=1_795_000_000_000 + number))
        for number in range(count)
    )


def results(answer: bytes) -> Counter[str]:
    read = [json.loads(line) for line in answer.splitlines()]
    assert [result["line"] for result in read] == list(range(1, len(read) + 1))
    return Counter(result["result"] for result in read)


def send_all_then_read(server: Server, body: bytes) -> bytes:
    """A client that reads nothing until it has sent everything."""
    host, _, port = server.url.removeprefix("http://").partition(":")
    head = [f"POST {LOG} HTTP/1.1", f"Host: {host}:{port}", f"Content-Length: {len(body)}", "Connection: close"]
    head += [f"{name}: {value}" for name, value in (server.headers | NDJSON).items()]
    with socket.create_connection((host, int(port)), timeout=300) as connection:
        connection.sendall("\r\n".join([*head, "", ""]).encode() + body)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    status, _, rest = answer.partition(b"\r\n")
    assert status.startswith(b"HTTP/1.1 200"), answer[:500]
    head_text, _, content = rest.partition(b"\r\n\r\n")
    return dechunked(content) if b"transfer-encoding: chunked" in head_text.lower() else content


def dechunked(content: bytes) -> bytes:
    parts = []
    while content:
        size, _, content = content.partition(b"\r\n")
        length = int(size, 16)
        parts.append(content[:length])
        content = content[length + 2 :]
        if not length:
            break
    return b"".join(parts)


def test_a_thousand_lines_get_a_thousand_results(server: Server) -> None:
    assert results(send_all_then_read(server, lines("thousand", 1000))) == {"created": 1000}


@pytest.mark.once
@pytest.mark.heavy
def test_a_hundred_thousand_lines_go_in_twice_in_flat_memory(server: Server) -> None:
    body = lines("many", 100_000)
    send_all_then_read(server, lines("warm", 5000))
    before = server.memory_mib()
    assert results(send_all_then_read(server, body)) == {"created": 100_000}
    assert results(send_all_then_read(server, body)) == {"identical": 100_000}
    assert server.memory_mib() - before < len(body) / (1 << 20)


@pytest.mark.once
def test_bulk_without_a_length_is_411_when_it_is_all_or_nothing(server: Server) -> None:
    with server.client() as client:
        answer = client.post(f"{LOG}?atomic=true", content=iter([lines("chunked", 2)]), headers=NDJSON)
        assert answer.status_code == 411
        assert client.post(LOG, content=iter([lines("chunked", 2)]), headers=NDJSON).status_code == 200


def test_appends_answer_while_long_polls_and_slow_exports_are_open(server: Server) -> None:
    host, _, port = server.url.removeprefix("http://").partition(":")
    with ExitStack() as stack:
        for number in range(72):
            query = "format=ndjson" if number < 8 else "after=99999999&wait=30"
            connection = stack.enter_context(socket.create_connection((host, int(port)), timeout=60))
            connection.sendall(f"GET {LOG}?{query} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        time.sleep(0.5)
        with server.client() as client:
            for number in range(100):
                body = records.encode(make_entry(issue_id=f"busy-{number}"))
                assert client.post(LOG, content=body, headers=JSON).status_code == 201
            assert client.get("/health/ready").status_code == 200


def open_request(server: Server, path: str, body: bytes, headers: dict[str, str]) -> socket.socket:
    """A connection on which one request was sent as far as ``body`` goes."""
    host, _, port = server.url.removeprefix("http://").partition(":")
    fields = {"Host": f"{host}:{port}"} | server.headers | headers
    connection = socket.create_connection((host, int(port)), timeout=60)
    head = "\r\n".join([f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""])
    connection.sendall(head.encode() + body)
    return connection


def answer_on(connection: socket.socket) -> bytes:
    """Everything until the server closes the connection."""
    with connection:
        return b"".join(iter(lambda: connection.recv(65536), b""))


FORM = {"Content-Type": "application/x-www-form-urlencoded"}
STALLED = [
    (LOG, b'{"issue_id": ', JSON | {"Content-Length": "1000"}),
    (LOG, b"5\r\n{}\n{}\r\n", NDJSON | {"Transfer-Encoding": "chunked"}),
    ("/account/sign-in", b"csrfmiddlewaretoken=", FORM | {"Content-Length": "1000"}),
]


@pytest.mark.once
def test_stalled_bodies_end_in_408_and_give_their_threads_back(server: Server) -> None:
    cookie = {"Cookie": f"{cookie_name('csrf', parse(server.url))}={'a' * 32}"}  # without it no form is read
    requests = [(path, body, headers | cookie) for path, body, headers in STALLED]
    stalled = [open_request(server, *request) for request in requests for _ in range(7)]
    with server.client() as other:  # all threads are taken: who comes now waits until they are given back
        assert other.get("/health/ready").status_code == 200
    for connection in stalled:
        answer = answer_on(connection)
        assert answer.startswith(b"HTTP/1.1 408 "), answer
        assert b"nothing was changed" in answer


@pytest.mark.once
def test_body_that_trickles_ends_in_408(server: Server) -> None:
    connection = open_request(server, LOG, b"{", JSON | {"Content-Length": "1000"})
    until = time.monotonic() + 3 * BODY_TIMEOUT_S
    while time.monotonic() < until and not select.select([connection], [], [], 0.2)[0]:
        connection.sendall(b" ")
    assert answer_on(connection).startswith(b"HTTP/1.1 408 ")


@pytest.mark.once
def test_body_that_was_cut_is_400(server: Server) -> None:
    body = records.encode(make_entry(issue_id="cut"))
    connection = open_request(server, LOG, body, JSON | {"Content-Length": str(len(body) + 1)})
    connection.shutdown(socket.SHUT_WR)
    assert answer_on(connection).startswith(b"HTTP/1.1 400 ")


@pytest.mark.once
def test_an_answer_before_the_body_was_read_says_that_the_connection_closes(server: Server) -> None:
    large = b"{" + b" " * (2 << 20)
    with httpx.Client(base_url=server.url, timeout=60, trust_env=False) as client:
        for _ in range(10):
            refused = client.post(LOG, content=large, headers=JSON)
            assert (refused.status_code, refused.headers["Connection"]) == (401, "close")
            assert client.get("/health/live").status_code == 200
        small = client.post(LOG, content=b"{}", headers=JSON)
        assert (small.status_code, "Connection" in small.headers) == (401, False)
