"""What a request reads, on which server: never less than anybody has seen, whatever becomes of the replica."""

import time
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from enhancelog.accounts import api_tokens
from enhancelog.api import lists, streams_and_polls
from enhancelog.backends import reading
from enhancelog.models import Token
from tests.factories import make_entry
from tests.recording import record
from tests.standbys import Pair
from tests.waiting import wait_for

pytestmark = pytest.mark.usefixtures("replicated")

LOG = "/v1/enhance/log"


@pytest.fixture(autouse=True)
def sound(replicated: Pair) -> Iterator[None]:
    yield
    replicated.resume()
    replicated.delay(0)


@pytest.fixture
def read_on(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """On which server each run of a request read."""
    found: list[str] = []
    original = reading.at

    def at(wanted: Any) -> Any:
        context = original(wanted)

        class Noted:
            def __enter__(self) -> Any:
                run = context.__enter__()
                found.append("replica" if run.is_of_replica else "primary")
                return run

            def __exit__(self, *error: Any) -> Any:
                return context.__exit__(*error)

        return Noted()

    monkeypatch.setattr(reading, "at", at)
    return found


def is_there(client: Client, issue_id: str) -> bool:
    return client.get(f"{LOG}/{issue_id}").status_code == 200


def wait_for_replica(client: Client, issue_id: str, read_on: list[str]) -> None:
    """The entry is always there, and is read from the replica in the end."""

    def is_read_there() -> bool:
        assert is_there(client, issue_id)
        return read_on[-1:] == ["replica"]

    wait_for(is_read_there)


def test_an_up_to_date_replica_answers(replicated: Pair, client: Client, read_on: list[str]) -> None:
    record(make_entry(issue_id="first"))
    replicated.wait_until_equal()
    wait_for_replica(client, "first", read_on)
    assert client.get("/rejections/").status_code == 200
    assert connection.settings_dict["HOST"] == str(replicated.primary.socket)


def test_a_paused_replica_answers_nothing_newer_than_itself(
    replicated: Pair, client: Client, read_on: list[str]
) -> None:
    client.get("/")
    replicated.pause()
    record(make_entry(issue_id="unreplayed"))
    read_on.clear()
    assert is_there(client, "unreplayed")
    assert set(read_on) <= {"primary"}
    replicated.resume()
    replicated.wait_until_equal()
    wait_for_replica(client, "unreplayed", read_on)


def test_a_read_that_writes_runs_again_on_the_primary(
    replicated: Pair, client: Client, read_on: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[bool] = []

    def writes(*arguments: object) -> tuple[int]:
        runs.append(True)
        User.objects.get_or_create(username="made-in-a-read")
        return (1,)

    monkeypatch.setattr("enhancelog.web.revalidation.log_version", writes)
    replicated.wait_until_equal()

    def ran_twice() -> bool:
        runs.clear()
        User.objects.filter(username="made-in-a-read").delete()
        assert client.get("/rejections/").status_code == 200
        assert User.objects.filter(username="made-in-a-read").exists()
        return len(runs) == 2

    wait_for(ran_twice)
    assert "replica" in read_on


def test_the_first_use_of_a_token_is_recorded_once_and_keeps_no_stream(
    replicated: Pair,
    client: Client,
    read_on: list[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lists, "LARGE_BYTES", 0)
    open_before = streams_and_polls.streams._in_use
    record(make_entry(issue_id="exported"))
    owner, _ = User.objects.get_or_create(username="reads-exports", is_staff=True)
    Token.objects.filter(user=owner).delete()
    token, secret = api_tokens.make(api_tokens.Wanted("export", ("log:read",)), owner, made_by="tests")
    headers = {"Authorization": f"Bearer {secret}"}

    def was_recorded_by_the_second_run() -> bool:
        Token.objects.filter(pk=token.pk).update(last_used=None)
        api_tokens._touched.clear()
        read_on.clear()
        replicated.wait_until_equal()
        answer = client.get(f"{LOG}?format=ndjson", headers=headers)
        assert answer.status_code == 200
        assert b"".join(answer.streaming_content)  # type: ignore[attr-defined]
        answer.close()
        assert Token.objects.get(pk=token.pk).last_used is not None
        return read_on[:1] == ["replica"]

    wait_for(was_recorded_by_the_second_run)
    assert streams_and_polls.streams._in_use == open_before
    assert "cannot record the use" not in caplog.text


def test_a_sign_in_runs_only_on_the_primary(
    replicated: Pair, client: Client, read_on: list[str], settings: Any
) -> None:
    record(make_entry(issue_id="before-sign-in"))
    replicated.wait_until_equal()
    wait_for_replica(client, "before-sign-in", read_on)
    settings.TRUSTED_PROXIES = [ip_network("127.0.0.1")]
    settings.REMOTE_USER_HEADER = "HTTP_X_REMOTE_USER"
    for path, headers in [("/account/oidc/callback?code=1&state=2", {}), ("/rejections/", {"X-Remote-User": "ada"})]:
        read_on.clear()
        Client().get(path, headers=headers)
        assert read_on == ["primary"]
    assert is_there(Client(headers={"X-Remote-User": "ada"}), "before-sign-in")
    assert "replica" in read_on


@pytest.mark.parametrize("delay_ms", [300])
def test_an_old_cursor_or_validator_is_never_answered_with_less(
    replicated: Pair, client: Client, delay_ms: int
) -> None:
    replicated.delay(delay_ms)
    client.get("/rejections/")  # sets the cookies, which are part of a page's validator
    for number in range(20):
        record(make_entry(issue_id=f"tail-{number}"))
        page = client.get("/rejections/")
        found = client.get(f"{LOG}/tail-{number}")
        assert found.status_code == 200
        again = client.get(f"{LOG}/tail-{number}", headers={"If-None-Match": found.headers["ETag"]})
        assert again.status_code == 304
        tag = {"If-None-Match": page.headers["ETag"]}
        assert client.get("/rejections/", headers=tag).status_code == 304
        record(make_entry(issue_id=f"after-{number}"))
        assert client.get("/rejections/", headers=tag).status_code == 200


def test_an_export_reads_each_piece_on_the_replica(replicated: Pair, client: Client) -> None:
    record(*[make_entry(issue_id=f"export-{number}", rationale="x" * 3_000) for number in range(1_500)])
    replicated.wait_until_equal()
    pieces = client.get(f"{LOG}?format=ndjson")
    assert pieces.streaming
    assert sum(piece.count(b"\n") for piece in pieces.streaming_content) >= 1_500  # type: ignore[attr-defined]
    assert connection.settings_dict["HOST"] == str(replicated.primary.socket)


def test_a_hanging_replica_holds_nobody_for_long(replicated: Pair, client: Client) -> None:
    client.get("/rejections/")
    with replicated.standby.hanging():
        began = time.monotonic()
        assert client.get("/rejections/").status_code == 200
        first_s = time.monotonic() - began
        began = time.monotonic()
        for _ in range(10):
            assert client.get("/rejections/").status_code == 200
        assert (time.monotonic() - began) / 10 < 0.5  # the circuit is open
        assert first_s < 2.0  # 1 s on a machine that is not busy
    wait_for(lambda: not reading.watch().state.replica_problem)


def test_a_replica_that_is_killed_and_comes_back_needs_no_restart(
    replicated: Pair, client: Client, read_on: list[str]
) -> None:
    client.get("/rejections/")
    replicated.standby.kill()
    record(make_entry(issue_id="while-it-was-away"))
    assert is_there(client, "while-it-was-away")
    replicated.standby.start()
    replicated.wait_until_equal()
    wait_for_replica(client, "while-it-was-away", read_on)


def test_one_that_comes_back_an_hour_behind_is_used_when_it_has_caught_up(
    replicated: Pair, client: Client, read_on: list[str]
) -> None:
    replicated.pause()
    record(*[make_entry(issue_id=f"hour-{number}") for number in range(200)])
    replicated.standby.stop()
    replicated.standby.start()
    replicated.delay(3_600_000)
    record(make_entry(issue_id="last-hour"))
    wait_for(lambda: not reading.look().replica_problem)
    assert is_there(client, "last-hour")
    assert "replica" not in read_on
    replicated.delay(0)
    replicated.wait_until_equal()
    wait_for_replica(client, "last-hour", read_on)
