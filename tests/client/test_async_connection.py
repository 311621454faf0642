"""The asynchronous connection tries again and gives up as the blocking one does."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from enhancelog.client.async_connection import AsyncConnection
from enhancelog.client.async_log_store import AsyncHttpEnhanceLogStore
from enhancelog.client.exchange import Request, Unavailable
from enhancelog.domain.errors import Conflict, Invalid, Other
from enhancelog.domain.unfinished_reports import UnfinishedReport
from tests import loops
from tests.client.scripted import TOKEN, URL, json_answer, problem
from tests.factories import make_entry

GET = Request("GET", "/v1/enhance/log")
CUT = httpx.ReadError("Connection reset by peer")
OK = httpx.Response(200, content=b"[]")


class Scripted:
    """Plays ``steps`` in order, the last one for ever."""

    def __init__(self, *steps: httpx.Response | Exception, **options: Any) -> None:
        self.steps = list(steps)
        self.requests: list[httpx.Request] = []
        self.now = 1000.0
        transport = httpx.MockTransport(self._answer)
        self.connection = AsyncConnection(
            URL, TOKEN, transport=transport, sleep=self._sleep, clock=lambda: self.now, **options
        )

    def run(self, act: Callable[[AsyncConnection], Any]) -> Any:
        async def running() -> Any:
            async with self.connection as connection:
                return await act(connection)

        return loops.run(running())

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        if isinstance(step, Exception):
            raise step
        return httpx.Response(step.status_code, headers=step.headers, stream=httpx.ByteStream(step.content))

    async def _sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.parametrize("fault", [httpx.ConnectError("refused"), CUT, *map(httpx.Response, (429, 502, 503, 507))])
def test_a_failed_try_is_repeated(fault: httpx.Response | Exception):
    server = Scripted(fault, fault, OK)
    assert server.run(lambda connection: connection.send(GET)).body == b"[]"
    assert [request.headers["Authorization"] for request in server.requests] == [f"Bearer {TOKEN}"] * 3


def test_it_gives_up_in_time_and_says_what_the_server_asked_for():
    server = Scripted(httpx.Response(503, headers={"Retry-After": "3600"}))
    with pytest.raises(Unavailable, match="answered 503; gave up after 30 s") as refusal:
        server.run(lambda connection: connection.send(GET))
    assert refusal.value.retry_after_s == 3600


def test_what_may_have_been_carried_out_is_not_repeated_when_told_to_stop():
    server = Scripted(CUT, OK)
    with pytest.raises(Other, match="it is not known whether the request was processed"):
        server.run(lambda connection: connection.send(Request("POST", "/x", if_arrived="stop")))
    assert len(server.requests) == 1


def test_after_a_lost_answer_an_append_goes_on_as_a_put():
    server = Scripted(CUT, httpx.Response(201, headers={"ETag": '"d1"'}))
    assert server.run(lambda connection: AsyncHttpEnhanceLogStore(connection).append(make_entry())) == "d1"
    assert [request.method for request in server.requests] == ["POST", "PUT"]


def test_errors_within_an_operation_are_handled_where_it_says():
    # Whose entry it is cannot be asked, so it counts as ours.
    server = Scripted(CUT, json_answer(200, {}, {"ETag": '"d1"'}), problem(403, "This needs the scope log:read."))
    assert server.run(lambda connection: AsyncHttpEnhanceLogStore(connection).append(make_entry())) == "d1"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (problem(409, "taken", identical=False, differs=["intent"]), Conflict),
        (problem(400, "bad", [{"field": "intent", "rule": "value", "detail": "is not nice"}]), Invalid),
        (httpx.Response(401), Other),
    ],
)
def test_refusals_are_the_blocking_clients(answer: httpx.Response, kind: type[Exception]):
    with pytest.raises(kind):
        Scripted(answer).run(lambda connection: AsyncHttpEnhanceLogStore(connection).append(make_entry()))


def test_a_long_answer_is_given_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("enhancelog.client.endpoint.MAX_ANSWER_BYTES", 1000)
    server = Scripted(httpx.Response(200, content=b"x" * 1001))
    with pytest.raises(Other, match="larger than 1,000 bytes"):
        server.run(lambda connection: connection.send(GET))


def test_the_report_of_an_unfinished_run_is_safe_to_repeat():
    server = Scripted(httpx.ReadTimeout(""), httpx.Response(200))
    report = UnfinishedReport(issue_id="a/b", blueprint_id="main", status="died", reason="no answer")
    assert server.run(lambda connection: AsyncHttpEnhanceLogStore(connection).report_unfinished(report)) is False
    assert [request.method for request in server.requests] == ["PUT", "PUT"]
