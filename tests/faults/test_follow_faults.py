"""Following through faults of either side: a bad answer changes nothing, and what comes after it is taken whole."""

import json
import os
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.core.management.base import OutputWrapper

from enhancelog.domain import records
from enhancelog.domain.errors import Other
from enhancelog.host.follow import Follower, forever
from enhancelog.host.log_http import Head, Upstream, parse_url
from enhancelog.management.commands.follow_log import Lines
from enhancelog.models import Entry
from enhancelog.store import documents
from enhancelog.store.database import DatabaseEnhanceLogStore
from enhancelog.transfer.findings import FindingsFile
from enhancelog.transfer.importer import Finding
from enhancelog.transfer.items import Unreadable
from tests.factories import make_fields
from tests.upstream import DOCTOR, LOG, Answer, Host, Slow, running

HEAD = "/v1/blueprints/main/head"


@pytest.fixture
def host() -> Iterator[Host]:
    with running() as host:
        host.list([make_fields()])
        yield host


class Told:
    """What a follower said, in order."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def added(self, entry: records.Entry) -> None:
        self.lines.append(f"added {entry.issue_id}")

    def found(self, finding: Finding) -> None:
        self.lines.append(f"found {finding.where}")

    def vanished(self, issue_ids: list[str]) -> None:
        self.lines.append(f"vanished {issue_ids}")

    def kept(self, head: Head) -> None:
        self.lines.append(f"kept {head.blueprint_id}")

    def trouble(self, reason: str) -> None:
        self.lines.append(f"trouble {reason}")

    def failed(self, reason: str, pause_s: float) -> None:
        self.lines.append(f"failed {reason}")

    def recovered(self) -> None:
        self.lines.append("recovered")


def upstream(host: Host, *, max_log_bytes: int = 1 << 20, time_s: float = 20.0) -> Upstream:
    return Upstream(parse_url(host.url), max_log_bytes=max_log_bytes, log_time_s=time_s, small_time_s=time_s)


def whole() -> bytes:
    return json.dumps([make_fields(), make_fields(issue_id="h-2")]).encode()


BAD_ANSWERS = {
    "cut before its length": (Answer(whole()[:-40], declared=len(whole())), "broke off"),
    "cut without a length": (Answer(whole()[:-40], declared=None), "cut off"),
    "cut between entries": (Answer(whole()[: whole().index(b"}, {") + 2], declared=None), "cut off"),
    "something after its end": (Answer(whole() + b"[]"), "followed by other data"),
    "nothing": (Answer(b""), "not a JSON array"),
    "an object": (Answer(b'{"entries": []}'), "not a JSON array"),
    "a page": (Answer(b"<html>", Content_Type="text/html"), "not a JSON array"),
    "500": (Answer(b"oops", 500), "answered 500"),
    "503": (Answer(b"", 503), "answered 503"),
    "204": (Answer(b"", 204), "answered 204"),
    "404": (Answer(b"", 404), "is it an engine host"),
    "redirect": (Answer(b"", 302, Location="/elsewhere"), "redirects elsewhere"),
    "compressed": (Answer(whole(), Content_Encoding="gzip"), "compressed"),
    "too large, and says so": (Answer(b"[" + b" " * 5000 + b"]"), "larger than the limit of 4,000 bytes"),
    "too large, without a length": (
        Answer(b"[" + b" " * 5000 + b"]", declared=None),
        "larger than the limit of 4,000 bytes",
    ),
    "a length of its own": (Answer(whole(), declared=None, Content_Length="many"), "broke off"),
}


@pytest.mark.django_db
@pytest.mark.parametrize(("answer", "said"), BAD_ANSWERS.values(), ids=BAD_ANSWERS)
def test_bad_answer_changes_nothing_and_the_next_good_one_counts(host: Host, answer: Answer, said: str) -> None:
    told = Told()
    follower = Follower(upstream(host, max_log_bytes=4000), host.name, 1 << 20, told)
    follower.poll()
    before = list(told.lines)
    host.answers[LOG] = answer
    with pytest.raises(Unreadable, match=said) as failure:
        follower.poll()
    assert str(failure.value).startswith(f"{host.name}: ")
    assert "\n" not in str(failure.value)
    assert told.lines == before
    assert "/elsewhere" not in host.requests
    host.answers[LOG] = Answer(whole())
    follower.poll()
    assert told.lines[len(before) :] == ["added h-2"]


def test_answer_that_drips_is_ended(host: Host) -> None:
    host.answers[LOG] = Slow()
    with pytest.raises(Unreadable, match=r"no complete response within 0\.3 s"):
        upstream(host, time_s=0.3).log()


@pytest.mark.django_db
def test_host_that_is_not_there_is_one_line() -> None:
    with running() as host:
        pass
    with pytest.raises(CommandError, match="cannot be reached") as failed:
        call_command("follow_log", host.url, "--once")
    assert failed.value.returncode == 2


def test_proxies_and_passwords_of_the_environment_are_not_used(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setitem(os.environ, name, "http://127.0.0.1:9")
    assert upstream(host).log()
    assert {"Authorization", "Cookie"}.isdisjoint(host.headers[0])


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "answer"),
    [
        (DOCTOR, Answer(b"", 500)),
        (DOCTOR, Answer(b'{"registered_blueprint_ids": 7}')),
        (DOCTOR, Answer(b"[]")),
        (DOCTOR, Answer(b'{"x": ' + b"[" * 5000 + b"]" * 5000 + b"}")),
        (HEAD, Answer(b"", 500)),
        (HEAD, Answer(b'{"id": "main", "version": "v7", "blueprint": {}}')),
        (HEAD, Answer(b'{"id": "main", "version": 7}')),
        (HEAD, Answer(b'{"id": "main", "version": "v7", "blueprint": "\\u0000"}')),
        (HEAD, Answer(b'{"id": "main", "blueprint": ' + b"[" * 5000 + b"]" * 5000 + b"}")),
        (HEAD, Answer(b"\xff")),
    ],
)
def test_entries_come_in_although_heads_cannot_be_read(host: Host, path: str, answer: Answer) -> None:
    host.answers[path] = answer
    told = Told()
    Follower(upstream(host), host.name, 1 << 20, told).poll()
    assert told.lines[0] == "added h-1"
    assert sum(line.startswith("trouble 127.0.0.1:") for line in told.lines) == 1
    assert documents.find("0" * 64) is None


class Enough(Exception):
    """Ends following from within its pause."""


def pauses(steps: list[Callable[[], None]], seen: list[float]) -> Callable[[float], None]:
    """A sleep that does the next step instead, and ends it all after the last."""

    def sleep(pause_s: float) -> None:
        seen.append(pause_s)
        if not steps:
            raise Enough
        steps.pop(0)()

    return sleep


@pytest.mark.django_db(transaction=True)
def test_restart_of_the_host_is_waited_out(host: Host) -> None:
    told, seen = Told(), list[float]()
    host.answers[DOCTOR].status = 404
    follower = Follower(upstream(host), host.name, 1 << 20, told)

    def nothing() -> None: ...

    def comes_back() -> None:
        host.answers[LOG] = Answer(whole())
        host.start()

    with pytest.raises(Enough):
        forever(follower, 10, told, pauses([host.stop, nothing, comes_back], seen))
    assert told.lines[0] == "added h-1"
    assert [line.split(": ")[1] for line in told.lines[1:3]] == ["cannot be reached"] * 2
    assert told.lines[3:] == ["added h-2", "recovered"]
    assert seen[0] == seen[3] == 10
    assert 10 <= seen[1] <= 20 <= seen[2] <= 40


@pytest.mark.django_db(transaction=True)
def test_fault_of_our_database_is_waited_out(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    told, seen = Told(), list[float]()
    host.answers[DOCTOR].status = 404
    follower = Follower(upstream(host), host.name, 1 << 20, told)

    def fails(*_: object) -> None:
        raise Other("the database failed: restarting")

    monkeypatch.setattr(DatabaseEnhanceLogStore, "append_batch", fails)
    with pytest.raises(Enough):
        forever(follower, 10, told, pauses([monkeypatch.undo], seen))
    assert told.lines == ["failed the database failed: restarting", "added h-1", "recovered"]
    assert Entry.objects.count() == 1


def test_failure_is_said_once_until_it_changes(tmp_path: Path) -> None:
    out, err = StringIO(), StringIO()
    with FindingsFile(tmp_path, "x") as findings:
        lines = Lines(OutputWrapper(out), OutputWrapper(err), findings, quiet=False)
        for reason in ("gone", "gone", "other"):
            lines.failed(reason, 10)
        lines.recovered()
        lines.failed("other", 10)
        lines.trouble("no heads")
        lines.trouble("no heads")
    assert [line.split(";")[0] for line in err.getvalue().splitlines()] == ["gone", "other", "other", "heads: no heads"]
    assert out.getvalue() == "working again\n"
