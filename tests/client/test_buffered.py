"""The client with a spool: what is sent, in which order, and what is kept when a server does not take it."""

import logging
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from enhancelog.client.buffered import EnhanceLogClient
from enhancelog.client.delivery import Delivered
from enhancelog.client.exchange import Unavailable
from enhancelog.domain import records
from enhancelog.domain.errors import Full, Invalid, Other
from enhancelog.domain.records import Entry
from tests.client.scripted import TOKEN, Scripted, Step, problem
from tests.client.stored import BROKEN, Log
from tests.factories import make_entry

CUT = httpx.ReadError("Connection reset by peer")


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "entries.spool"


@pytest.fixture
def client(log: Log, path: Path) -> EnhanceLogClient:
    return open_client(path, log)


def open_client(path: Path, *steps: Step, **options: Any) -> EnhanceLogClient:
    return EnhanceLogClient(Scripted(*steps).connection, spool=path, **{"background": False, **options})


def entries(number: int) -> list[Entry]:
    return [make_entry(issue_id=f"h-{position}") for position in range(number)]


def quarantined(client: EnhanceLogClient) -> list[dict[str, Any]]:
    return [msgspec.json.decode(line) for line in client.quarantine.read_bytes().splitlines()]


def test_an_append_sends_nothing_and_returns_the_digest(client: EnhanceLogClient, log: Log):
    assert client.append(make_entry()) == records.digest(make_entry())
    assert (log.requests, client.waiting()) == ([], 1)


def test_flush_sends_everything_in_order_and_says_so(client: EnhanceLogClient, log: Log):
    for entry in entries(5):
        client.append(entry)
    client.append(make_entry(issue_id="h-0"))
    assert client.flush() == Delivered(created=5, identical=1)
    assert list(log.stored) == [f"h-{number}" for number in range(5)]
    assert (client.waiting(), client.flush()) == (0, Delivered())
    assert len(log.requests) == 1


def test_a_single_entry_is_a_put(client: EnhanceLogClient, log: Log):
    client.append(make_entry(issue_id="a/b"))
    client.flush()
    assert [request.method for request in log.requests] == ["PUT"]
    assert log.requests[0].url.raw_path == b"/v1/enhance/log/a%2Fb"


def test_the_next_client_sends_what_the_last_one_left(path: Path, log: Log):
    offline = open_client(path, httpx.ConnectError("refused"))
    offline.append_many(entries(3))
    with pytest.raises(Other, match="cannot be reached"):
        offline.flush(timeout_s=0)
    offline.close(timeout_s=0)
    assert open_client(path, log).flush() == Delivered(created=3)


@pytest.mark.parametrize("fault", [CUT, httpx.Response(503), httpx.Response(507), httpx.Response(502)])
def test_a_lost_answer_is_followed_by_the_same_entries(path: Path, log: Log, fault: httpx.Response | Exception):
    def processed_but_lost(request: httpx.Request) -> httpx.Response:
        log(request)
        if isinstance(fault, Exception):
            raise fault
        return fault

    client = open_client(path, processed_but_lost, log)
    client.append_many(entries(4))
    client.flush()
    assert list(log.stored) == ["h-0", "h-1", "h-2", "h-3"]


def test_batches_shrink_when_connections_break(path: Path):
    client = open_client(path, CUT)
    client.append_many(entries(8))
    sizes = []
    for _ in range(4):
        with pytest.raises(Other, match="the connection failed"):
            client.flush(timeout_s=0)
        sizes.append(client._delivery._size)
    assert sizes == [4, 2, 1, 1]


def test_a_batch_is_split_on_413(client: EnhanceLogClient, log: Log):
    log.refuse = lambda request: problem(413, "too large") if request.content.count(b"\n") > 1 else None
    client.append_many(entries(9))
    assert client.flush() == Delivered(created=9)
    assert list(log.stored) == [f"h-{number}" for number in range(9)]


@pytest.mark.parametrize("answer", [problem(413, "too large"), httpx.Response(413, text="<html>nginx")])
def test_an_entry_that_is_too_large_by_itself_does_not_block_the_others(
    client: EnhanceLogClient, log: Log, answer: httpx.Response
):
    log.refuse = lambda request: answer if b"h-2" in request.content else None
    client.append_many(entries(5))
    done = client.flush()
    assert (done.created, done.quarantined) == (4, 1)
    assert list(log.stored) == ["h-0", "h-1", "h-3", "h-4"]
    assert "answered 413" in quarantined(client)[0]["error"]


def test_an_invalid_entry_of_a_batch_goes_to_the_quarantine(
    client: EnhanceLogClient, log: Log, caplog: pytest.LogCaptureFixture
):
    log.bad = {"h-1"}
    client.append_many(entries(3))
    done = client.flush()
    assert (done.created, done.quarantined, [each.issue_id for each in done.refused]) == (2, 1, ["h-1"])
    (kept,) = quarantined(client)
    assert (kept["issue_id"], kept["result"]) == ("h-1", "invalid")
    assert records.decode(msgspec.json.encode(kept["entry"])) == entries(3)[1]
    assert client.waiting() == 0
    assert "h-1" in caplog.text


@pytest.mark.parametrize("status", [400, 422])
def test_a_server_that_refuses_a_whole_batch_for_one_entry_gets_the_others(
    client: EnhanceLogClient, log: Log, status: int
):
    log.refuse = lambda request: problem(status, "bad", BROKEN) if b'"h-6"' in request.content else None
    client.append_many(entries(11))
    done = client.flush()
    assert (done.created, [each.issue_id for each in done.refused]) == (10, ["h-6"])
    assert list(log.stored) == [f"h-{number}" for number in range(11) if number != 6]
    assert quarantined(client)[0]["error"] == "intent: is not nice"


def test_a_conflict_goes_to_the_quarantine(client: EnhanceLogClient, log: Log):
    client.append(make_entry())
    client.flush()
    client.append(make_entry(intent="another"))
    done = client.flush()
    assert (done.quarantined, done.refused[0].result) == (1, "conflict")
    assert done.refused[0].error == "the stored entry differs in intent"


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(401),
        problem(403, "This needs the scope log:append."),
        httpx.Response(404, text="nginx"),
        httpx.Response(400, text="<html>The plain HTTP request was sent to HTTPS port"),
        httpx.Response(409, text="no problem"),
        httpx.Response(301, headers={"Location": "http://elsewhere.test/"}),
        problem(500, "bug"),
        httpx.Response(200, text="hello"),
    ],
)
@pytest.mark.parametrize("number", [1, 3])
def test_when_the_server_is_not_the_right_one_everything_is_kept(path: Path, answer: httpx.Response, number: int):
    if number == 1 and answer.status_code == 200:
        answer = httpx.Response(204)
    client = open_client(path, answer)
    client.append_many(entries(number))
    with pytest.raises(Other) as refusal:
        client.flush()
    assert TOKEN not in str(refusal.value)
    assert client.waiting() == number
    assert not client.quarantine.exists()


def test_the_tokens_limit_on_one_entry_does_not_block_the_others(client: EnhanceLogClient, log: Log):
    log.bad = {"h-0"}
    forbidden = problem(403, "This token may only write the Blueprint main.")
    log.refuse = lambda request: forbidden if request.method == "PUT" and b"h-0" in request.content else None
    client.append(entries(1)[0])
    assert client.flush().quarantined == 1


def test_a_proxy_that_does_not_pass_on_the_path_is_bypassed(client: EnhanceLogClient, log: Log):
    log.refuse = lambda request: httpx.Response(404, text="nginx") if request.method == "PUT" else None
    client.append(make_entry(issue_id="a/b"))
    assert client.flush() == Delivered(created=1)


def test_a_wait_beyond_the_limit_is_not_begun(path: Path):
    client = open_client(path, httpx.Response(503, headers={"Retry-After": "3600"}))
    client.append(make_entry())
    with pytest.raises(Unavailable, match="answered 503") as refusal:
        client.flush(timeout_s=30)
    assert refusal.value.retry_after_s == 3600
    assert client.waiting() == 1


def test_a_full_spool_raises_and_drops_nothing(path: Path, log: Log):
    client = open_client(path, log, max_bytes=1 << 16)
    acknowledged: list[str] = []
    with pytest.raises(Full, match="is full"):
        acknowledged.extend(client.append(entry) for entry in entries(1000))
    appended = client.waiting()
    assert len(acknowledged) == appended > 0
    assert client.flush().created == appended == len(log.stored)
    client.append(make_entry(issue_id="room again"))
    client.flush()
    assert "room again" in log.stored


def test_it_sends_in_the_background(path: Path, log: Log):
    with open_client(path, log, background=True, flush_every_s=0.0) as client:
        for entry in entries(20):
            client.append(entry)
    assert list(log.stored) == [f"h-{number}" for number in range(20)]
    assert client.waiting() == 0


def test_what_the_background_delivered_is_in_the_next_flush(path: Path, log: Log):
    log.bad = {"h-1"}
    with open_client(path, log, background=True, flush_every_s=0.0) as client:
        client.append_many(entries(3))
        assert client.flush()[:3] == (2, 0, 1)


def test_closing_without_a_server_keeps_the_entries_and_says_so(path: Path, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.WARNING)
    with open_client(path, httpx.Response(401), background=True, flush_every_s=0.0) as client:
        client.append_many(entries(3))
    assert f"entries not sent yet stay in {path}" in caplog.text
    assert TOKEN not in caplog.text
    assert client.waiting() == 3


def test_two_clients_of_one_spool_keep_its_order(path: Path, log: Log):
    clients = [open_client(path, log, background=True, flush_every_s=0.0) for _ in range(2)]
    for number, entry in enumerate(entries(30)):
        clients[number % 2].append(entry)
    for client in clients:
        client.flush()
        client.close()
    assert list(log.stored) == [f"h-{number}" for number in range(30)]


def test_the_environment_names_the_spool(path: Path, log: Log, monkeypatch: pytest.MonkeyPatch):
    connection = Scripted(log).connection
    with pytest.raises(Invalid, match="spool: name the file of the spool, or set ENHANCELOG_SPOOL"):
        EnhanceLogClient(connection)
    monkeypatch.setenv("ENHANCELOG_SPOOL", str(path))
    EnhanceLogClient(connection, background=False).append(make_entry())
    assert open_client(path, log).waiting() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.once
def test_a_live_server_gets_everything_but_what_it_refuses(live_api: str, path: Path, settings: Any):
    settings.MAX_ENTRY_BYTES = 2000
    with EnhanceLogClient(spool=path, background=False) as client:
        client.append_many([*entries(3), make_entry(issue_id="large", intent="x" * 3000), make_entry(issue_id="last")])
        client.append(make_entry(issue_id="h-1", intent="another"))
        done = client.flush()
        assert (done.created, done.quarantined) == (4, 2)
        assert [each["result"] for each in quarantined(client)] == ["invalid", "conflict"]
        assert [entry.issue_id for entry in client.list_all()] == ["h-0", "h-1", "h-2", "last"]
