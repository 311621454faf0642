"""The server as it is run signs what was appended, whoever appended it, and however often it is killed."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from enhancelog.domain import records
from enhancelog.evidence import checkpoints, growth_files, receipts
from enhancelog.evidence.checkpoints import Checkpoint
from enhancelog.evidence.keys import SigningKey, VerifierKey, parse_verifier_key
from enhancelog.store import evidence
from tests.conftest import DATABASE
from tests.factories import make_entry
from tests.postgres import fresh_database
from tests.processes import Process, free_port, make_tokens, manage, serving
from tests.waiting import wait_for

pytestmark = [pytest.mark.database, pytest.mark.slow]

SCOPES = ("log:read", "log:append")
on_postgresql = pytest.mark.skipif(DATABASE != "postgresql", reason="a SQLite file is on one host")


class Place:
    """A database with its data folder."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder, self.data, self.environment = folder, folder / "data", environment
        (self._token,) = make_tokens(1, SCOPES, self.data, **environment) if self._migrated() else [""]

    def _migrated(self) -> bool:
        made = manage("create_token", "first", "--scope", "log:read", data_dir=self.data, **self.environment)
        return made.returncode == 0

    @contextmanager
    def running(self, name: str = "data", **more: str) -> Iterator["Server"]:
        bind, log = f"127.0.0.1:{free_port()}", self.folder / f"{name}.log"
        with log.open("a") as output:
            data = self.folder / name
            with serving("--bind", bind, data_dir=data, output=output, **self.environment, **more) as process:
                headers = {"Authorization": f"Bearer {self._token}"}
                with httpx.Client(base_url=f"http://{bind}", headers=headers, timeout=60, trust_env=False) as client:
                    yield Server(process, client, log)

    def append_by_command(self, first: int, count: int) -> None:
        file = self.folder / "log.ndjson"
        file.write_bytes(b"\n".join(line(number) for number in range(first, first + count)))
        done = manage("import_log", str(file), data_dir=self.data, **self.environment)
        assert done.returncode == 0, done.stderr

    def verify(self) -> None:
        done = manage("verify_log", data_dir=self.data, **self.environment)
        assert done.returncode == 0, done.stdout + done.stderr


class Server:
    def __init__(self, process: Process, client: httpx.Client, log: Path) -> None:
        self.process, self.client, self.log = process, client, log

    def keys(self) -> list[VerifierKey]:
        return [parse_verifier_key(each) for each in self.client.get("/v1/evidence/keys").text.split()]

    def note(self) -> bytes:
        answer = self.client.get("/v1/evidence/checkpoint")
        return answer.content if answer.status_code == 200 else b""

    def checkpoint(self, size: int, keys: list[VerifierKey]) -> Checkpoint:
        """The first that has so many entries, which verifies."""

        def is_there() -> bool:
            note = self.note()
            return bool(note) and checkpoints.open_signed(note, keys).checkpoint.size >= size

        wait_for(is_there)
        return checkpoints.open_signed(self.note(), keys).checkpoint

    def check(self, known: Checkpoint, new: Checkpoint, keys: list[VerifierKey]) -> None:
        path = f"/v1/evidence/consistency?first={known.size}"
        found = growth_files.verify(known, self.client.get(path).content, keys).checkpoint
        assert found.size >= new.size
        for number in {0, new.size // 2, new.size - 1}:
            proven = receipts.verify(self.client.get(f"/v1/evidence/proofs/h-{number}").content, keys)
            assert proven.index == number

    def append(self, first: int, count: int = 1) -> None:
        body = b"\n".join(line(number) for number in range(first, first + count))
        answer = self.client.post("/v1/enhance/log", content=body, headers={"Content-Type": "application/x-ndjson"})
        assert answer.status_code == 200, answer.text

    def warnings(self) -> list[str]:
        return [each for each in self.log.read_text().splitlines() if "cannot sign a checkpoint" in each]

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def line(number: int) -> bytes:
    return records.encode(make_entry(issue_id=f"h-{number}", ts_ms=1_795_000_000_000 + number))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with ExitStack() as stack:
        environment = {"ENHANCELOG_WORKERS": "2"}
        if DATABASE == "postgresql":
            environment["DATABASE_URL"] = stack.enter_context(fresh_database())
        yield Place(tmp_path, environment)


def test_what_was_appended_is_signed_within_seconds(place: Place) -> None:
    with place.running() as server:
        wait_for(lambda: server.note() != b"")
        keys = server.keys()
        known = server.checkpoint(0, keys)
        for size in (1, 2, 302):
            server.append(known.size, size - known.size)
            began = time.monotonic()
            new = server.checkpoint(size, keys)
            assert time.monotonic() - began < 20  # 3 s where the machine is not busy
            server.check(known, new, keys)
            known = new
        assert server.warnings() == []
    place.verify()


def test_what_a_command_appends_without_a_server_is_signed_by_the_next_one(place: Place) -> None:
    place.append_by_command(0, 300)
    assert not (place.data / "evidence_key").exists()  # commands sign nothing
    with place.running() as server:
        wait_for(lambda: server.note() != b"")
        known = server.checkpoint(300, server.keys())
        place.append_by_command(300, 10)
        server.check(known, server.checkpoint(310, server.keys()), server.keys())


@pytest.mark.heavy
@pytest.mark.timeout(900)
def test_a_server_that_is_killed_while_it_builds_goes_on_where_it_was(place: Place) -> None:
    size = 3 * evidence.MOST_ENTRIES
    place.append_by_command(0, size)
    known, keys = Checkpoint("", 0, b""), []
    sizes = set()
    for life in range(3):
        with place.running() as server:
            wait_for(lambda server=server: server.note() != b"")  # type: ignore[misc]
            keys = server.keys()
            new = server.checkpoint(known.size, keys)
            if known.size:
                server.check(known, new, keys)
            time.sleep(0.5 * life)
            known = server.checkpoint(new.size, keys)
            sizes.add(known.size)
            server.kill()
    assert len(sizes) > 1, "it was killed while it did something"
    with place.running() as server:
        new = server.checkpoint(size, keys)
        server.check(known, new, keys)
        assert server.keys() == keys
    place.verify()


@on_postgresql
def test_two_servers_with_one_key_sign_one_log(place: Place) -> None:
    key = SigningKey.new("log.example.org")
    shared = {"ENHANCELOG_EVIDENCE_KEY": key.secret_text, "ENHANCELOG_SECRET_KEY": "the same at both servers " * 2}
    with place.running("one", **shared) as one, place.running("other", **shared) as other:
        wait_for(lambda: one.note() != b"")
        known = one.checkpoint(0, [key.verifier])
        for number in range(20):
            (one, other)[number % 2].append(number)
        for server in (one, other):
            new = server.checkpoint(20, [key.verifier])
            assert (new.origin, new.size) == ("log.example.org", 20)
            server.check(known, new, [key.verifier])
            assert server.warnings() == []


@on_postgresql
def test_a_server_with_another_key_says_so_once_and_signs_nothing(place: Place) -> None:
    ours, others = SigningKey.new("log.example.org"), SigningKey.new("log.example.org")
    shared = {"ENHANCELOG_SECRET_KEY": "the same at both servers " * 2, "ENHANCELOG_WORKERS": "1"}
    place.environment.pop("ENHANCELOG_WORKERS")
    with place.running("one", **shared, ENHANCELOG_EVIDENCE_KEY=ours.secret_text) as one:
        one.append(0)
        known = one.checkpoint(1, [ours.verifier])
        with place.running("other", **shared, ENHANCELOG_EVIDENCE_KEY=others.secret_text) as other:
            wait_for(lambda: other.warnings() != [])
            for number in range(1, 6):
                other.append(number)
                time.sleep(0.5)
                checkpoints.open_signed(one.note(), [ours.verifier])
            one.check(known, one.checkpoint(6, [ours.verifier]), [ours.verifier])
            assert len(other.warnings()) == 1
            assert one.warnings() == []
            checked = manage(
                "check",
                data_dir=place.folder / "other",
                **place.environment,
                ENHANCELOG_EVIDENCE_KEY=others.secret_text,
            )
            assert (
                "This server signs no checkpoint of the log log.example.org: its key is another one." in checked.stdout
            )
