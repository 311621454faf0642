"""Lines and ids of requests: one line each, the id everywhere, and nothing in any line that is somebody's secret."""

import base64
import json
import re
import secrets
import urllib.request
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError
from django.test import Client
from pytest_django.fixtures import Settings

from enhancelog.accounts import api_tokens
from enhancelog.domain.origin import Origin
from enhancelog.queries import entries
from enhancelog.store.database import DatabaseEnhanceLogStore
from tests.factories import make_entry, make_fields
from tests.logged import Log, captured
from tests.pages import read
from tests.processes import free_port, serving

UUID = re.compile(r"[0-9a-f]{32}")


@pytest.fixture
def log() -> Iterator[Log]:
    with captured() as log:
        yield log


@pytest.fixture
def staff() -> User:
    return User.objects.create_user("ada", password="ada-has-one-4711", is_staff=True)


def make_token(owner: User) -> str:
    return api_tokens.make(api_tokens.Wanted("agent-7", api_tokens.SCOPES), owner, made_by="tests")[1]


@pytest.mark.django_db
def test_request_is_one_line_with_route_and_actor(client: Client, staff: User, log: Log) -> None:
    response = client.get("/v1/enhance/log/h-1?text=x", headers={"Authorization": f"Bearer {make_token(staff)}"})
    (line,) = log.requests
    assert line.pop("ms") > 0
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "request",
        "level": "info",
        "logger": "enhancelog.request",
        "request_id": response["X-Request-ID"],
        "method": "GET",
        "route": "v1/enhance/log/<id:issue_id>",
        "status": 404,
        "bytes": 27,
        "actor_kind": "token",
        "actor_name": "agent-7",
    }


@pytest.mark.django_db
def test_user_of_a_session_is_named_and_nobody_is_not(client: Client, staff: User, log: Log) -> None:
    client.get("/v1/enhance/log")
    client.force_login(staff)
    client.get("/v1/enhance/log")
    anonymous, signed_in = log.requests
    assert anonymous["status"] == 401
    assert "actor_name" not in anonymous
    assert (signed_in["actor_kind"], signed_in["actor_name"]) == ("user", "ada")


@pytest.mark.django_db
def test_line_costs_no_query(client: Client, staff: User, django_assert_num_queries: Any) -> None:
    client.force_login(staff)
    with django_assert_num_queries(0):
        client.get("/health/live")


@pytest.mark.django_db
def test_streamed_answer_counts_its_bytes_at_its_end(client: Client, staff: User, log: Log) -> None:
    client.force_login(staff)
    store = DatabaseEnhanceLogStore(Origin("user", "ada", "api"))
    store.append_batch([make_entry(issue_id=f"h-{number}") for number in range(entries.CHUNK + 1)])
    response = client.get("/v1/enhance/log")
    assert response.streaming
    assert log.requests == []
    body = b"".join(response)
    assert [line["bytes"] for line in log.requests] == [len(body)]


def test_static_files_and_probes_are_quiet(client: Client, log: Log) -> None:
    client.get("/health/live")
    b"".join(client.get("/static/css/app.css"))
    assert [(line["route"], line["level"]) for line in log.requests] == [("health/live", "debug"), ("static", "debug")]


def test_request_id_is_made_for_each_request(client: Client, log: Log) -> None:
    made = [client.get("/health/live", headers={"X-Request-ID": "given-by-a-stranger"})["X-Request-ID"] for _ in "12"]
    assert len(set(made)) == 2
    assert all(UUID.fullmatch(one) for one in made)
    assert [line["request_id"] for line in log.requests] == made


@pytest.mark.parametrize(
    ("sent", "taken"),
    [("abc-DEF_1.2:3", True), ("short", False), ("x" * 129, False), ("has spaces", False), ("ümläute-here", False)],
)
def test_request_id_of_a_trusted_proxy_is_taken_when_well_formed(settings: Settings, sent: str, taken: bool) -> None:
    settings.TRUSTED_PROXIES = [ip_network("127.0.0.1")]
    answered = Client().get("/health/live", HTTP_X_REQUEST_ID=sent)["X-Request-ID"]
    assert (answered == sent) is taken
    assert taken or UUID.fullmatch(answered)


@pytest.mark.django_db
def test_failure_tells_its_id_in_answer_and_log(
    client: Client, staff: User, monkeypatch: pytest.MonkeyPatch, log: Log
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("boom")

    client.force_login(staff)
    client.raise_request_exception = False
    monkeypatch.setattr(entries, "get", fails)
    problem = client.get("/v1/enhance/log/h-1")
    assert problem.status_code == 500
    assert problem.json()["request_id"] == problem["X-Request-ID"]
    (error,) = [line for line in log.lines if line["level"] == "error"]
    assert error["request_id"] == problem["X-Request-ID"]
    assert "RuntimeError: boom" in error["exception"]
    page = client.get("/entries/h-1")
    assert page.status_code == 500
    assert page["X-Request-ID"] in page.content.decode()


@pytest.mark.django_db
def test_unavailable_database_tells_the_id(client: Client, staff: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise OperationalError("gone")

    client.force_login(staff)
    monkeypatch.setattr(entries, "get", fails)
    problem = client.get("/v1/enhance/log/h-1")
    assert problem.status_code == 503
    assert problem.json()["request_id"] == problem["X-Request-ID"]


@pytest.mark.django_db
def test_refused_requests_are_no_noise(client: Client, log: Log) -> None:
    client.get("/nowhere")
    client.get("/v1/nowhere")
    client.delete("/health/live")
    assert [line["status"] for line in log.lines] == [404, 404, 405]


@pytest.mark.django_db
def test_no_secret_reaches_the_log(staff: User, monkeypatch: pytest.MonkeyPatch, log: Log) -> None:
    """At the most talkative level: passwords, tokens, cookies, queries, bodies, and variables of what failed."""
    token = make_token(staff)
    hidden = {name: secrets.token_hex(12) for name in ("password", "query", "body", "header", "path", "cookie")}
    client = Client(raise_request_exception=False, enforce_csrf_checks=True)
    client.cookies["strange"] = hidden["cookie"]
    bearer = {"Authorization": f"Bearer {token}", "X-Strange": hidden["header"]}
    basic = base64.b64encode(f"ada:{hidden['password']}".encode()).decode()

    client.get(f"/v1/enhance/log?text={hidden['query']}&key={hidden['query']}", headers=bearer)
    client.get(f"/v1/enhance/log?since={hidden['query']}", headers=bearer)
    client.get(f"/nowhere/{hidden['path']}?key={hidden['query']}", headers={"Authorization": f"Basic {basic}"})
    client.get("/v1/enhance/log", headers={"Authorization": f"Bearer enh_{hidden['header']}"})
    for body in (
        json.dumps(make_fields(intent=hidden["body"])),
        json.dumps(make_fields(intent=hidden["body"], rationale="other")),
        json.dumps({"intent": hidden["body"]}),
        f'{{"broken": "{hidden["body"]}',
    ):
        client.post("/v1/enhance/log", body, content_type="application/json", headers=bearer)
    client.put("/v1/content/kinds/story/s-1", hidden["body"], content_type="text/plain", headers=bearer)

    form = {"username": "nobody", "password": hidden["password"]}
    client.post("/account/sign-in", form)  # without the CSRF token
    csrf = read(client.get("/account/sign-in")).all("input", name="csrfmiddlewaretoken")[0].attributes["value"]
    assert csrf
    for _ in range(12):  # until locked out
        client.post("/account/sign-in", form | {"csrfmiddlewaretoken": csrf})
    right = {"username": "ada", "password": "ada-has-one-4711", "csrfmiddlewaretoken": csrf}
    client.post("/account/sign-in", right)
    cookies = [cookie.value for name, cookie in client.cookies.items() if name != "strange" and cookie.value]
    assert cookies
    client.force_login(staff)
    client.get("/")

    def fails(*args: object, **named: object) -> None:
        kept = (token, hidden)  # a traceback with variables would show it
        raise RuntimeError("boom") from ValueError(str(len(kept)))

    monkeypatch.setattr(entries, "get", fails)
    client.get(f"/v1/enhance/log/{hidden['path']}", headers=bearer)

    written = log.json.getvalue() + log.terminal.getvalue()
    assert len(log.requests) > 20
    assert "RuntimeError: boom" in written
    for what, value in [*hidden.items(), ("token", token), ("csrf", csrf), *(("cookie", one) for one in cookies)]:
        if what != "path":  # Django names the path of what failed, and ids are no secret
            assert value not in written, what
    assert "ada-has-one" not in written


@pytest.mark.slow
def test_server_writes_each_line_once_and_as_json(tmp_path: Path) -> None:
    bind = f"127.0.0.1:{free_port()}"
    output = tmp_path / "output"
    settings = {"ENHANCELOG_PUBLIC_READ": "1", "ENHANCELOG_LOG_LEVEL": "debug"}
    made = []
    with output.open("w") as file, serving("--bind", bind, data_dir=tmp_path / "data", output=file, **settings):
        for path, status in (("/v1/enhance/log", 200), ("/nowhere", 404), ("/metrics", 200)):
            try:
                answer: Any = urllib.request.urlopen(f"http://{bind}{path}", timeout=10)
            except HTTPError as error:
                answer = error
            with answer:
                assert answer.status == status
                made.append(answer.headers["X-Request-ID"])
                body = answer.read().decode()
    assert 'enhancelog_http_requests_total{method="GET",route="v1/enhance/log",status="200"} 1.0' in body
    assert "process_resident_memory_bytes" in body
    lines = [json.loads(line) for line in output.read_text().splitlines() if line.startswith("{")]
    assert [line["request_id"] for line in lines if line["request_id"] in made] == made
    plain = [line for line in output.read_text().splitlines() if not line.startswith("{")]
    assert all(line.startswith(("Sign in as admin", "Enhancelog is at")) for line in plain), plain
