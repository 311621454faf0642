"""Trying again, giving up, and saying why without giving the token away."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import httpx
import pytest

from enhancelog.client import endpoint as module
from enhancelog.client.connection import Connection
from enhancelog.client.exchange import Request, one_line
from enhancelog.domain.errors import Invalid, Other
from tests.client.scripted import TOKEN, URL, Scripted, problem

GET = Request("GET", "/v1/enhance/log")
REFUSED = httpx.ConnectError("[Errno 111] Connection refused")
CUT = httpx.ReadError("Connection reset by peer")
OK = httpx.Response(200, content=b"[]")


def test_an_answer_is_passed_on_with_the_token_sent_along():
    server = Scripted(OK)
    assert server.connection.send(GET).body == b"[]"
    assert server.requests[0].headers["Authorization"] == f"Bearer {TOKEN}"


def test_without_a_token_no_authorization_is_sent():
    server = Scripted(OK, token="")
    server.connection.send(GET)
    assert "Authorization" not in server.requests[0].headers


@pytest.mark.parametrize(
    "fault", [REFUSED, CUT, httpx.ReadTimeout("timed out"), *map(httpx.Response, (502, 503, 504, 507))]
)
def test_a_failed_try_is_repeated_after_a_pause(fault: httpx.Response | Exception):
    server = Scripted(fault, fault, OK)
    assert server.connection.send(GET).status == 200
    assert len(server.requests) == 3
    assert server.pauses == sorted(server.pauses)
    assert all(pause > 0 for pause in server.pauses)


def test_pauses_differ_from_client_to_client():
    first, second = (Scripted(REFUSED, REFUSED, REFUSED, OK) for _ in range(2))
    first.connection.send(GET)
    second.connection.send(GET)
    assert first.pauses != second.pauses


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_waited_for(status: int):
    server = Scripted(httpx.Response(status, headers={"Retry-After": "7"}), OK)
    server.connection.send(GET)
    assert server.pauses[0] >= 7


def test_retry_after_may_be_a_date():
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)
    server = Scripted(httpx.Response(429, headers={"Retry-After": later}), OK)
    server.connection.send(GET)
    assert server.pauses[0] > 15


@pytest.mark.parametrize("odd", ["", "soon", "-5", "1e9", "٣", "Mon, 99 Foo 2026"])
def test_a_retry_after_that_cannot_be_read_is_left_aside(odd: str):
    server = Scripted(httpx.Response(429, headers={b"Retry-After": odd.encode()}), OK)
    server.connection.send(GET)
    assert server.pauses[0] < 1


def test_the_whole_takes_no_longer_than_total_s():
    server = Scripted(REFUSED, total_s=20)
    with pytest.raises(Other, match=r"http://log.test: cannot be reached: .*Connection refused; gave up after 20 s"):
        server.connection.send(GET)
    assert 5 < sum(server.pauses) < 20


def test_a_wait_beyond_the_limit_is_not_begun():
    server = Scripted(httpx.Response(429, headers={"Retry-After": "3600"}))
    with pytest.raises(Other, match="answered 429; gave up"):
        server.connection.send(GET)
    assert server.pauses == []


def test_a_certificate_that_is_refused_is_not_tried_again():
    server = Scripted(httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate"))
    with pytest.raises(Other, match="self-signed"):
        server.connection.send(GET)
    assert len(server.requests) == 1


@pytest.mark.parametrize("fault", [CUT, httpx.Response(503), httpx.Response(502)])
def test_what_may_have_been_carried_out_is_not_repeated_when_told_to_stop(fault: httpx.Response | Exception):
    server = Scripted(fault, OK)
    with pytest.raises(Other, match="not known whether the request was processed"):
        server.connection.send(Request("POST", "/x", if_arrived="stop"))
    assert len(server.requests) == 1


@pytest.mark.parametrize("fault", [REFUSED, httpx.Response(429)])
def test_what_was_certainly_not_carried_out_is_repeated_as_it_is(fault: httpx.Response | Exception):
    server = Scripted(fault, OK)
    server.connection.send(Request("POST", "/x", if_arrived="stop"))
    assert server.sent == ["POST /x", "POST /x"]


def test_redirects_are_not_followed():
    server = Scripted(httpx.Response(301, headers={"Location": "http://elsewhere.test/"}))
    with pytest.raises(Other, match="answered 301: a redirect, which is not followed"):
        server.connection.expect(server.connection.send(GET), 200)
    assert len(server.requests) == 1


def test_a_broken_rule_is_invalid_with_its_field():
    errors = [{"field": "axis", "rule": "id", "detail": "must not be\nempty"}]
    server = Scripted(problem(400, "axis: must not be empty", errors))
    with pytest.raises(Invalid) as refusal:
        server.connection.expect(server.connection.send(GET), 200)
    assert (refusal.value.field, refusal.value.rule, refusal.value.detail) == ("axis", "id", "must not be empty")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (problem(403, "This needs the scope log:append."), "http://log.test answered 403: This needs the scope"),
        (problem(403, "two\nlines \x1b[31m"), r"answered 403: two lines \[31m"),
        (httpx.Response(401), "answered 401: the server does not accept the token; check ENHANCELOG_TOKEN"),
        (httpx.Response(500, text="<html>"), "answered 500: is ENHANCELOG_URL the address"),
        (
            httpx.Response(403, content=b"{", headers={"Content-Type": "application/problem+json"}),
            "answered 403: is ENHANCELOG_URL",
        ),
    ],
)
def test_any_other_refusal_is_one_line(answer: httpx.Response, said: str):
    server = Scripted(answer)
    with pytest.raises(Other, match=said) as refusal:
        server.connection.expect(server.connection.send(GET), 200)
    assert "\n" not in str(refusal.value)


def test_a_missing_token_is_named():
    server = Scripted(httpx.Response(401), token="")
    with pytest.raises(Other, match="set ENHANCELOG_TOKEN"):
        server.connection.expect(server.connection.send(GET), 200)


def test_an_answer_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "MAX_ANSWER_BYTES", 1000)
    server = Scripted(httpx.Response(200, content=b"x" * 1001))
    with pytest.raises(Other, match="larger than 1,000 bytes"):
        server.connection.send(GET)


def test_an_answer_that_trickles_is_given_up_in_time():
    def trickle() -> Iterator[bytes]:
        while True:
            server.now += 4
            yield b" "

    server = Scripted(lambda request: httpx.Response(200, content=trickle()), total_s=10)
    with pytest.raises(Other, match="takes too long"):
        server.connection.send(GET)


def test_the_token_is_in_no_error_and_no_log_line(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    for fault in (REFUSED, CUT, httpx.Response(401), problem(403, "no"), httpx.Response(503)):
        server = Scripted(fault)
        with pytest.raises(Other) as refusal:
            server.connection.expect(server.connection.send(GET), 200)
        assert TOKEN not in repr(refusal.value)
        assert TOKEN not in repr(server.connection) + str(vars(refusal.value))
    assert caplog.text
    assert TOKEN not in caplog.text


@pytest.mark.parametrize("token", ["enh_x\r\nX-Other: 1", "with space", "ünïcödé", "\0"])
def test_a_token_that_can_be_none_is_refused_without_being_shown(token: str):
    with pytest.raises(Invalid) as refusal:
        Connection(URL, token)
    assert token not in str(refusal.value)
    assert refusal.value.field == "ENHANCELOG_TOKEN"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "log.test",
        "ftp://log.test",
        "http://",
        "http://a b",
        "http://log.test/?a=b",
        "http://log.test/#x",
        "http://log.test:99999",
        "http://user:secret@log.test",
        "http://[::1",
        "http://log.test\n",
        "http://☃.test",
    ],
)
def test_an_address_that_can_be_none_is_refused(url: str):
    with pytest.raises(Invalid) as refusal:
        Connection(url)
    assert refusal.value.field == "ENHANCELOG_URL"
    assert "secret" not in str(refusal.value)


def test_an_address_may_be_written_in_any_case_and_script_and_have_a_path():
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(200, stream=httpx.ByteStream(b"[]"))

    with Connection("https://Bücher.Test/Log/", transport=httpx.MockTransport(answer)) as connection:
        connection.send(Request("GET", "/v1/enhance/log"))
    assert httpx.URL(asked[0]).raw_host == b"xn--bcher-kva.test"
    assert httpx.URL(asked[0]).path == "/Log/v1/enhance/log"


def test_the_environment_names_server_and_token(tmp_path: Path):
    assert Connection.from_environment({}).url == "http://127.0.0.1:8000"
    assert Connection.from_environment({"ENHANCELOG_URL": "https://log.test/"}).url == "https://log.test"
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    for environ in ({"ENHANCELOG_TOKEN": f" {TOKEN} "}, {"ENHANCELOG_TOKEN_FILE": str(file)}):
        assert module._token(environ) == TOKEN


def test_a_token_file_that_cannot_be_read_is_named(tmp_path: Path):
    with pytest.raises(Invalid, match=r"ENHANCELOG_TOKEN_FILE: cannot read .*No such file"):
        Connection.from_environment({"ENHANCELOG_TOKEN_FILE": str(tmp_path / "none")})


def test_a_parameter_that_is_no_text_is_refused():
    server = Scripted(OK)
    with pytest.raises(Invalid, match="text: contains a lone surrogate"):
        server.connection.send(Request("GET", "/x", params=(("text", "\udcff"),)))


def test_one_line_is_printable_and_cut():
    assert one_line("a\n\tb\x1b[2J\u202e c") == "a b [2J c"
    assert one_line("x" * 500, 10) == "xxxxxxxxx…"
