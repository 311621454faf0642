"""Commands and the MCP server say that the log at an address was replaced or rolled back, and of no other log."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from django.db.models import QuerySet
from mcp import Client
from mcp.types import TextContent

from enhancelog.agents import cli, witnessing
from enhancelog.agents.witnessing import BackgroundWatch, Watch
from enhancelog.client.remembered import Remembered
from enhancelog.domain import records
from enhancelog.domain.origin import Origin
from enhancelog.evidence import receipts
from enhancelog.evidence.encodings import write_base64
from enhancelog.evidence.merkle import EMPTY_ROOT
from enhancelog.models import Checkpoint as CheckpointModel
from enhancelog.models import Entry, Marker
from enhancelog.models import Tile as TileModel
from enhancelog.store import evidence, redacting
from enhancelog.store.database import DatabaseEnhanceLogStore
from tests.agents.test_mcp import talk
from tests.client.evident import FORK, LOG, Evident
from tests.conftest import entries_unprotected
from tests.evidence.logs import KEY, NEXT_KEY
from tests.factories import make_entry, make_fields, make_rejected
from tests.processes import ROOT, environment, free_port, make_tokens, serving
from tests.waiting import wait_for

HOST = Origin("command", "tests", "tests")
EMPTY = write_base64(EMPTY_ROOT)


class Done(NamedTuple):
    code: int
    lines: list[dict[str, Any]]
    err: str

    @property
    def forks(self) -> list[str]:
        return [line for line in self.err.splitlines() if line.startswith("enhancelog: FORK: ")]


class Agent:
    """A machine with the client, which keeps what it remembers."""

    def __init__(self, folder: Path, address: str) -> None:
        self.checkpoints = folder / "checkpoints"
        self.address = address
        self.secret = ""

    @property
    def settings(self) -> dict[str, str]:
        return {
            "ENHANCELOG_URL": f"http://{self.address}",
            "ENHANCELOG_TOKEN": self.secret,
            "ENHANCELOG_CHECKPOINTS": str(self.checkpoints),
        }

    def run(self, *arguments: str, stdin: bytes = b"", **more: str) -> Done:
        done = subprocess.run(
            [sys.executable, "-m", "enhancelog", *arguments],
            input=stdin,
            capture_output=True,
            cwd=ROOT,
            env=environment(self.checkpoints, **{**self.settings, **more}),
            check=False,
            timeout=60,
        )
        out = done.stdout.decode()
        lines = [json.loads(line) for line in out.splitlines()] if out.startswith("{") else []
        return Done(done.returncode, lines, done.stderr.decode())

    def append(self, issue_id: str) -> Done:
        """And wait until the server has signed it."""
        done = self.run("append", stdin=records.encode(make_entry(issue_id=issue_id)))
        assert self.run("receipt", issue_id, ENHANCELOG_CHECKPOINTS="off").code == 0
        return done

    def size(self) -> int:
        known = Remembered(self.checkpoints, f"http://{self.address}").read()
        assert known.checkpoint is not None
        return known.checkpoint.size


@contextmanager
def served(agent: Agent, data_dir: Path) -> Iterator[None]:
    with (
        (data_dir.parent / f"{data_dir.name}.log").open("w") as output,
        serving("--bind", agent.address, data_dir=data_dir, output=output, ENHANCELOG_WORKERS="1"),
    ):
        token = data_dir / "token"  # a copy of the folder has it, too
        if not token.exists():
            token.write_text(*make_tokens(1, ["log:append", "log:read"], data_dir=data_dir))
        agent.secret = token.read_text()
        yield


@pytest.mark.once
@pytest.mark.slow
def test_a_log_that_was_rolled_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    agent = Agent(tmp_path, f"127.0.0.1:{free_port()}")
    log, rolled_back = tmp_path / "log", tmp_path / "rolled-back"
    with served(agent, log):
        assert agent.append("h-0") == (0, _created("h-0"), "")
    shutil.copytree(log, rolled_back)
    with served(agent, log):  # restarted
        for issue_id in ("h-1", "h-2"):
            assert agent.append(issue_id) == (0, _created(issue_id), "")
        assert agent.run("append", stdin=records.encode(make_entry(issue_id="h-2"))).code == 0
        assert agent.size() == 3
    with served(agent, rolled_back):
        done = agent.append("h-9")
        assert (done.code, done.lines) == (1, _created("h-9"))
        (fork,) = done.forks
        assert "entries are fewer than the 3 of an earlier checkpoint" in fork
        _the_mcp_server_says_so_too(agent, tmp_path, monkeypatch)


@pytest.mark.once
@pytest.mark.slow
def test_a_log_that_was_replaced_for_a_while(tmp_path: Path) -> None:
    agent = Agent(tmp_path, f"127.0.0.1:{free_port()}")
    with served(agent, tmp_path / "log"):
        assert agent.append("h-0") == (0, _created("h-0"), "")
    with served(agent, tmp_path / "another"):
        done = agent.append("h-0")
        assert (done.code, done.lines, len(done.forks)) == (1, _created("h-0"), 1)
        done = agent.run("get", "h-0")  # at once, although a command looks every 15 minutes
        assert (done.code, done.lines[0]["issue_id"], len(done.forks)) == (1, "h-0", 1)
        assert agent.run("mcp").code == 1
        assert agent.run("get", "h-0", ENHANCELOG_CHECKPOINTS="off").err == ""
    with served(agent, tmp_path / "log"):
        assert agent.append("h-4") == (0, _created("h-4"), "")


def _created(issue_id: str) -> list[dict[str, Any]]:
    digest = records.digest(make_entry(issue_id=issue_id))
    return [{"where": "line 1", "issue_id": issue_id, "result": "created", "digest": digest}]


def _the_mcp_server_says_so_too(agent: Agent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in agent.settings.items():
        monkeypatch.setenv(name, value)

    async def conversation(client: Client, ask: Any) -> None:
        def texts(result: Any) -> list[str]:
            assert not result.is_error
            return [content.text for content in result.content if isinstance(content, TextContent)]

        while len(found := texts(await client.call_tool("get_entry", {"issue_id": "h-0"}))) == 1:
            pass  # it looks in the background
        assert json.loads(found[0])["issue_id"] == "h-0"
        assert found[1].startswith(f"FORK: http://{agent.address} no longer shows the log that it had")
        written = await client.call_tool("append_entry", make_fields(issue_id="h-10"))
        assert json.loads(texts(written)[0])["result"] == written.structured_content["result"] == "created"
        assert texts(written)[1] == found[1]

    assert "enhancelog: FORK: " in talk(conversation, tmp_path)
    assert agent.run("get", "h-10").lines[0]["issue_id"] == "h-10"


# --- One process


@pytest.fixture
def log(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where is remembered what the server of ``live_api`` signs."""
    settings.EVIDENCE_KEY = KEY.secret_text
    monkeypatch.setenv("ENHANCELOG_CHECKPOINTS", str(tmp_path / "checkpoints"))
    return tmp_path / "checkpoints"


def settle(*keys: Any) -> None:
    while evidence.step(keys or [KEY]):
        pass


def size(folder: Path, url: str) -> int:
    known = Remembered(folder, url).read()
    assert known.checkpoint is not None
    return known.checkpoint.size


def append(*issue_ids: str) -> None:
    DatabaseEnhanceLogStore(HOST).append_batch([make_rejected(issue_id=each, intent="a secret") for each in issue_ids])


def forget_when(folder: Path) -> None:
    """So that any command looks."""
    (lock,) = folder.glob("*/lock")
    os.utime(lock, (0, 0))


@pytest.mark.django_db(transaction=True)
def test_redactions_rebuilds_and_new_keys_are_no_forks(
    live_api: str, log: Path, settings: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    def looks() -> int:
        assert cli.main(["list", "--max", "1"]) == 0
        assert capfd.readouterr().err == ""
        forget_when(log)
        return size(log, live_api)

    append("h-0", "h-1")
    settle()
    assert looks() == 2
    append("h-2")
    redacting.redact("h-1", ["intent"], "a key in clear", HOST)
    settle()
    assert looks() == 3
    evidence.rebuild()
    settle()
    assert looks() == 3
    settings.EVIDENCE_KEY = f"{KEY.secret_text}\n{NEXT_KEY.secret_text}"
    evidence.resign([KEY, NEXT_KEY])
    assert looks() == 3
    settings.EVIDENCE_KEY = NEXT_KEY.secret_text
    evidence.resign([NEXT_KEY])
    append("h-3")
    settle(NEXT_KEY)
    assert looks() == 4


@pytest.mark.django_db(transaction=True)
def test_an_entry_that_was_changed_is_a_fork(live_api: str, log: Path, capfd: pytest.CaptureFixture[str]) -> None:
    append("h-0", "h-1", "h-2")
    settle()
    assert cli.main(["list"]) == 0
    with entries_unprotected():
        QuerySet.update(Entry.objects.filter(issue_id="h-1"), salt="00" * 16)
    append("h-3")
    CheckpointModel.objects.all().delete()
    TileModel.objects.all().delete()
    settle()
    forget_when(log)
    capfd.readouterr()
    assert cli.main(["get", "h-1"]) == 1
    shown = capfd.readouterr()
    assert json.loads(shown.out)["issue_id"] == "h-1"
    assert len(shown.err.splitlines()) == 1
    assert "proof: does not lead from the tree of 3 entries to that of 4" in shown.err


@pytest.mark.django_db(transaction=True)
def test_a_receipt_is_printed_as_it_is(live_api: str, log: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    append("h-0", "h-1")
    settle()
    capfdbinary.readouterr()
    assert cli.main(["receipt", "h-1"]) == 0
    proven = receipts.verify(capfdbinary.readouterr().out, [KEY.verifier])
    assert proven.entry is not None
    assert proven.entry.issue_id == "h-1"
    assert cli.main(["receipt", "missing"]) == 1
    assert capfdbinary.readouterr() == (b"", b"enhancelog: not found: missing\n")


@pytest.mark.django_db(transaction=True)
def test_a_folder_that_cannot_be_written_fails_nothing(
    live_api: str, log: Path, caplog: pytest.LogCaptureFixture
) -> None:
    append("h-0")
    settle()
    log.write_text("a file")
    assert cli.main(["get", "h-0"]) == 0
    (warning,) = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert warning.startswith("cannot remember checkpoints in")


@pytest.mark.django_db(transaction=True)
def test_a_wrong_setting_fails_before_anything_is_sent(
    live_api: str, log: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ENHANCELOG_LOG_KEY", "log.example.org")
    assert cli.main(["mark", "prompt v12"]) == 2
    assert "ENHANCELOG_LOG_KEY: key: must be NAME+HASH+KEY" in capfd.readouterr().err
    assert not Marker.objects.exists()


# --- Without a server


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ENHANCELOG_CHECKPOINTS", str(tmp_path))
    return tmp_path


def test_a_fork_is_shown_until_the_log_is_the_true_one_again(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    server = Evident(41)
    watch = Watch(server.connection())
    assert watch.look() == ""
    server.log = FORK
    fork = watch.look()
    assert fork.startswith("FORK: ")
    server.answers["consistency"] = httpx.ConnectError("gone")
    assert watch.look() == fork
    server.answers["consistency"] = httpx.Response(404)
    for _ in range(2):
        assert watch.look(900) == fork
    assert [record.message for record in caplog.records] == [
        "http://log.test no longer says what its log is: it answered 404"
    ]
    del server.answers["consistency"]
    server.log = LOG
    assert watch.look(900) == ""


def test_a_server_that_hides_its_log_for_a_day_is_a_warning(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    server = Evident(41)
    Watch(server.connection()).look()
    server.answers["consistency"] = httpx.Response(503)
    Watch(server.connection()).look()
    assert caplog.records == []
    (lock,) = folder.glob("*/lock")
    os.utime(lock, (0, 0))  # also after a fork
    assert Watch(server.connection()).look() == ""
    (said,) = (record.message for record in caplog.records)
    assert said.startswith("http://log.test: ")
    assert said.endswith("; its log was not compared with what was seen of it for over a day")


def test_a_look_that_is_not_due_asks_nothing(folder: Path) -> None:
    server = Evident(41)
    watch = Watch(server.connection())
    watch.look(900)
    asked = list(server.asked)
    watch.look(900)
    assert server.asked == asked


def test_a_hostile_line_fits_a_terminal(folder: Path) -> None:
    server = Evident(41)
    watch = Watch(server.connection())
    watch.look()
    server.answers["consistency"] = httpx.Response(
        200, content=b"old 41\n\n" + f"{'x' * 5000}\u202e\n0\n{EMPTY}\n\n\u2014 {'y' * 5000}\u202e AAAAAAAA\n".encode()
    )
    assert watch.look().isprintable()
    assert len(watch.look()) <= witnessing.LONGEST


def test_the_background_watch_looks_again_while_it_is_asked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(witnessing, "EVERY_S", 0.05)
    server = Evident(41)
    watch = BackgroundWatch(Watch(server.connection()))
    wait_for(lambda: "keys" in server.asked)
    server.log = FORK
    wait_for(lambda: watch.fork().startswith("FORK: "))
