"""When the primary is gone: pages are read only and say since when, writes are refused, and nothing is restarted."""

import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import psycopg
import pytest
from django.contrib.auth.models import User
from django.test import Client

from enhancelog.accounts import api_tokens, last_seen
from enhancelog.backends import reading
from enhancelog.domain import records
from enhancelog.domain.errors import Conflict
from enhancelog.domain.origin import Origin
from enhancelog.domain.records import Entry
from enhancelog.evidence import receipts
from enhancelog.maintenance import alert_worker, background, backup_worker, evidence_worker, pattern_worker, status
from enhancelog.models import Token
from enhancelog.store import evidence
from enhancelog.store.database import DatabaseEnhanceLogStore
from tests.evidence.logs import KEY
from tests.factories import make_entry
from tests.pages import read
from tests.recording import record
from tests.replica.conftest import NAME
from tests.standbys import Pair
from tests.waiting import wait_for

LOG = "/v1/enhance/log"
HTMX = {"HX-Request": "true"}


def keep(entry: Entry) -> None:
    with suppress(Conflict):  # of an earlier test
        DatabaseEnhanceLogStore(Origin("command", "tests", "api")).append(entry)


@pytest.fixture
def secret(replicated: Pair) -> str:
    owner, _ = User.objects.get_or_create(username="agents", is_staff=True)
    Token.objects.filter(user=owner).delete()
    _, found = api_tokens.make(api_tokens.Wanted("agent", api_tokens.SCOPES), owner, made_by="tests")
    return found


@pytest.fixture
def gone(replicated: Pair, secret: str) -> Iterator[Pair]:
    keep(make_entry(issue_id="kept"))
    replicated.wait_until_equal()
    Client().get("/")
    replicated.primary.kill()
    wait_for(lambda: reading.read_only_since() is not None)
    try:
        yield replicated
    finally:
        if not replicated.primary.is_running:
            replicated.primary.start()
        wait_for(lambda: reading.look().primary_gone_ms is None)


def test_pages_and_lists_are_read_and_say_so(gone: Pair, client: Client) -> None:
    page = client.get("/rejections/")
    assert page.status_code == 200
    assert "Read only since" in read(page).text
    assert page.headers["Enhancelog-Read-Only-Since"]
    assert "Read only since" in client.get("/rejections/", headers=HTMX).content.decode()
    assert "nobody can sign in" in read(client.get("/account/sign-in")).text
    assert client.get(f"{LOG}/kept").status_code == 200
    ready = client.get("/health/ready")
    assert (ready.status_code, ready.json()["status"]) == (200, "read only")


@pytest.fixture
def signed(replicated: Pair) -> None:
    keep(make_entry(issue_id="signed"))
    while evidence.step([KEY]):
        pass
    keep(make_entry(issue_id="not signed"))


@pytest.mark.usefixtures("signed", "gone")
def test_receipts_are_read_and_nobody_is_told_that_a_checkpoint_follows(client: Client) -> None:
    receipt = client.get("/v1/evidence/proofs/signed")
    assert receipt.headers["Enhancelog-Read-Only-Since"]
    assert receipts.verify(receipt.content, [KEY.verifier]).entry == make_entry(issue_id="signed")
    refused = client.get("/v1/evidence/proofs/not%20signed")
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
    assert "none is signed, because the primary database is gone since" in refused.json()["detail"]


def test_a_server_that_nobody_has_asked_yet_is_ready_to_read(
    replicated: Pair, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for worker in (pattern_worker, alert_worker, last_seen, backup_worker, evidence_worker):
        monkeypatch.setattr(worker, "start", lambda ends: threading.Thread())
    monkeypatch.setattr(background, "_threads", [])
    background.start()
    replicated.primary.kill()
    try:
        wait_for(lambda: client.get("/health/ready").status_code == 200)
        assert client.get("/health/ready").json()["status"] == "read only"
    finally:
        replicated.primary.start()
        wait_for(lambda: reading.look().primary_gone_ms is None)


def test_the_operator_is_told_that_reads_go_on_from_the_replica(gone: Pair, client: Client) -> None:
    found = status.look()
    assert found.replica
    assert (found.replica.is_alone, found.replica.problem) == (True, "")
    assert [each.see for each in found.problems if each.code == "database"] == ["scale.md#when-a-server-fails"]
    assert "read from the replica" in found.problems[0].text
    assert not [each for each in found.problems if each.code == "replica"]


def test_a_command_that_never_saw_the_primary_says_so_too(gone: Pair) -> None:
    reading.forget()
    found = status.look()
    assert found.replica
    assert (found.replica.is_alone, found.replica.problem) == (True, "")
    assert "read from the replica" in found.problems[0].text


def test_every_write_is_refused_with_when_to_try_again(gone: Pair, client: Client, secret: str) -> None:
    body = records.encode(make_entry(issue_id="refused"))
    headers = {"Authorization": f"Bearer {secret}"}
    append = client.post(LOG, body, content_type="application/json", headers=headers)
    sign_in = client.post("/account/sign-in", {"username": "agents", "password": "x"})
    for answer in (append, sign_in):
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert b"the primary database is gone since" in answer.content
    assert append.headers["Content-Type"] == "application/problem+json"


def test_it_recovers_without_a_restart(gone: Pair, client: Client, secret: str) -> None:
    before = client.get("/rejections/")
    gone.primary.start()
    wait_for(lambda: reading.read_only_since() is None)
    after = client.get("/rejections/", headers={"If-None-Match": before.headers["ETag"]})
    assert after.status_code == 200
    assert "Read only since" not in read(after).text
    fragment = client.get("/rejections/", headers=HTMX).content.decode()
    assert '<div id="read-only" hx-swap-oob="true"></div>' in fragment  # removes the line from an open page
    body = records.encode(make_entry(issue_id="again"))
    headers = {"Authorization": f"Bearer {secret}"}
    answers: list[int] = []

    def appended() -> bool:  # the thread that appends finds out that its connection is gone
        answers.append(client.post(LOG, body, content_type="application/json", headers=headers).status_code)
        return answers[-1] == 201

    wait_for(appended)
    assert client.get(f"{LOG}/again").status_code == 200


def test_a_primary_that_hangs_is_gone_until_it_answers(replicated: Pair, client: Client) -> None:
    client.get("/")
    with replicated.primary.hanging():
        wait_for(lambda: reading.read_only_since() is not None)
        assert "Read only since" in read(client.get("/rejections/")).text
    wait_for(lambda: reading.read_only_since() is None)
    assert "Read only since" not in read(client.get("/rejections/")).text


def test_what_the_replica_lacks_is_said_and_not_served_to_programs(replicated: Pair, client: Client) -> None:
    client.get("/")
    replicated.pause()
    record(make_entry(issue_id="lost"))
    client.get("/")
    replicated.primary.kill()
    try:
        wait_for(lambda: reading.read_only_since() is not None)
        assert "What was written last is missing" in read(client.get("/rejections/")).text
        refused = client.get(LOG)
        assert refused.status_code == 503
        assert b"lacks what was written last" in refused.content
    finally:
        replicated.primary.start()
        replicated.resume()


@pytest.fixture
def locked(replicated: Pair, secret: str) -> Iterator[Pair]:
    """The log's table, as a migration does that does not end; the replica has replayed that."""
    keep(make_entry(issue_id="kept"))
    replicated.wait_until_equal()
    Client().get("/")
    migration = psycopg.connect(replicated.primary.url(NAME))
    migration.execute("LOCK TABLE enhancelog_entry IN ACCESS EXCLUSIVE MODE")
    migration.execute("SELECT txid_current()")
    replicated.primary.execute("CHECKPOINT")  # writes it to the log
    held = "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted"
    wait_for(lambda: replicated.standby.execute(held)[0] > 0)
    yield replicated
    with suppress(psycopg.Error):
        migration.close()


@pytest.mark.parametrize("address", ["/rejections/", "/entries/kept", f"{LOG}/kept", "/"])
def test_a_table_that_stays_locked_is_a_quick_503(locked: Pair, client: Client, address: str) -> None:
    locked.primary.kill()
    try:
        wait_for(lambda: reading.read_only_since() is not None)
        began = time.monotonic()
        refused = client.get(address)
        assert time.monotonic() - began < 5  # not the 60 s of a statement
        assert refused.status_code == 503
        assert int(refused.headers["Retry-After"]) > 0
        assert b"a change of a table had not ended on the primary" in refused.content
        ready = client.get("/health/ready")
        assert (ready.status_code, ready.json()["status"]) == (503, "not ready")
    finally:
        locked.primary.start()
        wait_for(lambda: reading.look().primary_gone_ms is None)
    wait_for(lambda: client.get(address).status_code == 200)


def test_while_there_is_a_primary_it_answers_what_is_locked_on_the_replica(locked: Pair, client: Client) -> None:
    locked.pause()
    try:
        # The primary is free again, and the replica does not know it yet.
        locked.primary.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted"
        )
        began = time.monotonic()
        assert client.get(f"{LOG}/kept").status_code == 200
        assert time.monotonic() - began < 5
    finally:
        locked.resume()
