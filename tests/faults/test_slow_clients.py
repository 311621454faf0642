"""No client stops the others by being slow, whatever it holds back; and nobody has to be waited for at a stop."""

import signal
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from enhancelog.domain import records
from tests.conftest import DATABASE
from tests.factories import make_entry
from tests.faults.crowd import LOG, crowd, read_to_end
from tests.postgres import fresh_database
from tests.processes import Process, free_port, make_tokens, serving

pytestmark = [pytest.mark.database, pytest.mark.slow]

TOKENS = 8
ANSWER_S = 20.0  # clients that hold a thread held it for 30
JSON = {"Content-Type": "application/json"}


class Server(NamedTuple):
    url: str
    process: Process
    headers: list[dict[str, str]]
    """Of one token each."""

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers=self.headers[0], timeout=ANSWER_S, trust_env=False)

    def append(self, client: httpx.Client, issue_id: str) -> int:
        body = records.encode(make_entry(issue_id=issue_id))
        return client.post(LOG, content=body, headers=JSON).status_code


@contextmanager
def server(folder: Path, **environment: str) -> Iterator[Server]:
    with ExitStack() as stack:
        environment |= {"ENHANCELOG_PUBLIC_READ": "true", "ENHANCELOG_THROTTLE_APPEND": "off"}
        if DATABASE == "postgresql":
            environment["DATABASE_URL"] = stack.enter_context(fresh_database())
        bind = f"127.0.0.1:{free_port()}"
        output = stack.enter_context(open(folder / "log", "w"))
        process = stack.enter_context(serving("--bind", bind, data_dir=folder, output=output, **environment))
        secrets = make_tokens(TOKENS, ("log:append", "log:read"), data_dir=folder, **environment)
        headers = [{"Authorization": f"Bearer {secret}"} for secret in secrets]
        yield Server(f"http://{bind}", process, headers)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One with few streams and one worker, so that limits are exact."""
    limits = {"ENHANCELOG_STREAMS": "4", "ENHANCELOG_WORKERS": "1", "ENHANCELOG_BODY_TIMEOUT": "2"}
    with server(tmp_path_factory.mktemp("served"), **limits) as started:
        fill(started, 1000)
        yield started


def fill(server: Server, entries: int) -> None:
    """Long enough an export that no system buffers all of it."""
    lines = [records.encode(make_entry(issue_id=f"fill-{number}", intent="x" * 16_000)) for number in range(entries)]
    with server.client() as client:
        answer = client.post(
            LOG, content=b"\n".join(lines), headers={"Content-Type": "application/x-ndjson"}, timeout=120
        )
        assert answer.status_code == 200


def test_everything_answers_beside_a_crowd_of_slow_clients_and_sigterm_ends_it(tmp_path: Path) -> None:
    with server(tmp_path) as served:
        fill(served, 1000)
        with crowd(served.url) as them:
            them.gather(served.headers)
            for attempt in range(3):
                for path in ("/health/live", "/health/ready", "/rejections/"):
                    with served.client() as client:
                        assert client.get(path).status_code == 200, path
                with served.client() as client:
                    assert served.append(client, f"beside-{attempt}") == 201
            served.process.send_signal(signal.SIGTERM)
            assert served.process.wait(timeout=60) == 0
        assert "was killed" not in (tmp_path / "log").read_text()


def until(client: httpx.Client, status: int, seconds: float) -> httpx.Response:
    """The first answer with this status to a request for the whole list."""
    deadline = time.monotonic() + seconds
    while (answer := client.get(f"{LOG}?format=ndjson", timeout=30)).status_code != status:
        assert time.monotonic() < deadline, answer
        time.sleep(0.5)
    return answer


@pytest.mark.once
def test_clients_that_do_not_read_are_cut_off_and_give_their_slots_back(served: Server) -> None:
    with crowd(served.url) as them, served.client() as client:
        (stalled,) = them.stalled_readers(1, f"{LOG}?format=ndjson", served.headers[0])
        assert stalled.recv(1)
        refused = client.get(f"{LOG}?format=ndjson")  # one caller has a quarter of the four
        assert refused.status_code == 503
        assert refused.headers["Retry-After"]
        until(client, 200, 90)
        assert len(read_to_end(stalled)) < 16_000_000


@pytest.mark.once
def test_reader_that_is_slow_but_goes_on_gets_everything(served: Server) -> None:
    with crowd(served.url) as them:
        headers = served.headers[1] | {"Connection": "close"}
        (connection,) = them.stalled_readers(1, f"{LOG}?format=ndjson", headers)
        received = b""
        while part := connection.recv(16384):
            received += part
            time.sleep(0.002)
        assert received.count(b'"issue_id"') >= 1000


@pytest.mark.once
def test_half_sent_body_is_408_and_the_connection_closes(served: Server) -> None:
    with crowd(served.url) as them:
        (connection,) = them.half_bodies(1, LOG, served.headers[0] | JSON)
        answer = read_to_end(connection)
        assert answer.startswith(b"HTTP/1.1 408 "), answer
        assert b"nothing was changed" in answer


@pytest.mark.once
def test_half_sent_head_is_closed(served: Server) -> None:
    with crowd(served.url) as them:
        (connection,) = them.half_heads(1)
        assert read_to_end(connection) == b""


@pytest.mark.once
@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("ending", ["FIN", "RST"])
@pytest.mark.parametrize("content_type", ["application/json", "application/x-ndjson"])
def test_truncated_body_never_passes_for_a_whole_one(
    served: Server, framing: str, ending: str, content_type: str
) -> None:
    issue_id = f"{framing}-{ending}-{content_type}"
    whole = records.encode(make_entry(issue_id=issue_id))  # valid, but one byte is missing
    if framing == "length":
        head, sent = {"Content-Length": str(len(whole) + 1)}, whole
    else:
        head, sent = {"Transfer-Encoding": "chunked"}, b"%x\r\n%s\r\n" % (len(whole), whole)
    with crowd(served.url) as them, served.client() as client:
        connection = them.send("POST", LOG, {**served.headers[0], **head, "Content-Type": content_type}, sent)
        time.sleep(0.2)
        if ending == "RST":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()
            time.sleep(0.3)
        else:
            connection.shutdown(socket.SHUT_WR)
            assert read_to_end(connection)[:12] == b"HTTP/1.1 400"
        assert client.get(f"{LOG}/{issue_id}").status_code == 404
