"""A full, failing or read-only disk under the server as it is run.

While it lasts, writes answer 507 or 503 with Retry-After, reads go on, and no process ends. When it is over, the server
works without a restart. Nothing acknowledged is lost.
"""

import json
import os
import re
import secrets
import signal
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import httpx
import psutil  # type: ignore[import-untyped]
import pytest

from enhancelog.domain import records
from tests import disks
from tests.conftest import DATABASE
from tests.disks import Kind, SmallDisk
from tests.factories import make_entry
from tests.postgres import fresh_database
from tests.processes import Process, free_port, left_of, manage, serving
from tests.waiting import wait_for

pytestmark = [pytest.mark.database, pytest.mark.slow]

LOG = "/v1/enhance/log"
COUNTER = "/v1/content/increment/abort_respawn_count/story"
NDJSON = {"Content-Type": "application/x-ndjson"}
JSON = {"Content-Type": "application/json"}
PAGES = ("/", "/rejections/", "/matrix/", "/blueprints/", "/content/", "/account/tokens")
WHY = "/v1/enhance/why?blueprint_id=main"
READS = (*PAGES, LOG, f"{LOG}?format=ndjson", WHY, "/v1/content", "/metrics", "/health/live")


def verified(entries: int, said: str) -> bool:
    """Whether ``verify_log`` read so many entries and found nothing."""
    *_, last = said.splitlines()  # what is not derived yet stands above
    return last.startswith(f"verified {entries} entries") and last.endswith("no problems found")


class Server:
    """A server, a client of it, and what it acknowledged."""

    def __init__(self, folder: Path, data_dir: Path, **environment: str) -> None:
        self._bind = f"127.0.0.1:{free_port()}"  # always the same, since cookies are named after it
        self.data_dir, self.environment = data_dir, {"ENHANCELOG_WORKERS": "2", **environment}
        self.log = folder / "server.log"
        self.acknowledged: set[str] = set()
        self.counted = self.unsure = 0  # increments that were acknowledged, and those that answered 503 or 507
        self.asked = 0
        self.statuses: Counter[int] = Counter()
        self._token = ""
        self._session: dict[str, str] = {}

    @contextmanager
    def run(self) -> Iterator[Process]:
        with (
            self.log.open("a") as output,
            serving("--bind", self._bind, data_dir=self.data_dir, output=output, **self.environment) as process,
            httpx.Client(base_url=f"http://{self._bind}", timeout=60, trust_env=False) as client,
        ):
            self._client = client
            if not self._token:
                self._token = self._make_token()
                self._sign_in()
            try:
                yield process
            except AssertionError as error:
                error.add_note(self.log.read_text()[-4000:])  # says what a 503 was about
                raise

    def _make_token(self) -> str:
        scopes = ("log:read", "log:append", "content:read", "content:write")
        chosen = [argument for scope in scopes for argument in ("--scope", scope)]
        made = manage("create_token", "disk", *chosen, data_dir=self.data_dir, **self.environment)
        assert made.returncode == 0, made.stderr
        return made.stdout.strip()

    def _sign_in(self) -> None:
        found = re.search(r"Sign in as (\w+) with the password (\S+)", self.log.read_text())
        assert found
        assert self.try_sign_in(*found.groups()) == 302
        assert self._change_password(found[2]) == 302  # the printed one is temporary
        self._session = dict(self._client.cookies)
        self._client.cookies.clear()

    def try_sign_in(self, name: str, password: str) -> int:
        """Send the form of the sign-in page; the status."""
        self._client.cookies.clear()
        return self._send_form("/account/sign-in", username=name, password=password)

    def _change_password(self, former: str) -> int:
        new = secrets.token_urlsafe(12)
        return self._send_form("/account/password", old_password=former, new_password1=new, new_password2=new)

    def _send_form(self, path: str, **fields: str) -> int:
        page = self.checked(self._client.get(path))
        hidden = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
        assert hidden
        origin = {"Origin": str(self._client.base_url).rstrip("/")}
        form = {"csrfmiddlewaretoken": hidden[1], **fields}
        return self.checked(self._client.post(path, data=form, headers=origin)).status_code

    def ask(self, method: str, path: str, content: bytes = b"", headers: dict[str, str] = JSON) -> httpx.Response:
        authorization = {"Authorization": f"Bearer {self._token}"}
        return self.checked(self._client.request(method, path, content=content, headers=headers | authorization))

    def checked(self, answer: httpx.Response) -> httpx.Response:
        self.statuses[answer.status_code] += 1
        assert answer.status_code < 500 or answer.status_code in (503, 507), answer.text
        assert ("Retry-After" in answer.headers) == (answer.status_code in (503, 507, 429)), answer.headers
        assert "Traceback" not in answer.text
        return answer

    def read(self) -> dict[str, int]:
        """Every kind of read, signed in; the paths that did not answer 200, and what they answered."""
        self._client.cookies.update(self._session)
        answers = [self.checked(self._client.get(path)) for path in READS]
        self._client.cookies.clear()
        answers.append(self.ask("GET", LOG))
        return {str(answer.url): answer.status_code for answer in answers if answer.status_code != 200}

    def write(self, size: int) -> None:
        """One write of each kind, ``size`` bytes each and more."""
        self.asked += 1
        text = os.urandom(size // 2).hex()
        issue_id = f"one-{self.asked}"
        body = records.encode(make_entry(issue_id=issue_id, rationale=text))
        if self.ask("POST", LOG, body).status_code == 201:
            self.acknowledged.add(issue_id)
        if self.ask("PUT", f"{LOG}/put-{issue_id}", body.replace(b"one-", b"put-one-", 1)).status_code == 201:
            self.acknowledged.add(f"put-{issue_id}")
        self.write_many(text)
        self.ask("PUT", f"/v1/content/kinds/gate_output/story-{self.asked}", json.dumps({"value": text}).encode())
        self.ask("POST", "/v1/content/import?merge=1", json.dumps({f"story-{self.asked}": text}).encode())
        counted = self.ask("POST", COUNTER).status_code == 200
        self.counted += counted
        self.unsure += not counted

    def write_many(self, text: str) -> None:
        for query in ("", "?atomic=true"):
            ids = [f"many{len(query)}-{self.asked}-{number}" for number in range(120)]
            body = b"\n".join(records.encode(make_entry(issue_id=each, rationale=text)) for each in ids)
            answer = self.ask("POST", LOG + query, body, NDJSON)
            if answer.status_code == 200:
                results = [json.loads(line) for line in answer.text.splitlines()]
                self.acknowledged.update(each["issue_id"] for each in results if each["result"] == "created")
            else:
                problem = answer.json()
                assert answer.headers["Content-Type"] == "application/problem+json"
                assert len(problem.get("stored", [])) == problem.get("stored_count", 0)
                self.acknowledged.update(problem.get("stored", []))

    def recovers(self) -> None:
        """Every kind of write works again, without a restart."""

        def all_is_well() -> bool:
            self.statuses.clear()
            self.write(100)
            return not self.statuses.keys() & {503, 507}

        wait_for(all_is_well)
        assert self.read() == {}

    def check(self) -> None:
        """What was acknowledged is stored, and the log is in order."""
        stored = {entry["issue_id"] for entry in self.ask("GET", LOG).json()}
        assert self.acknowledged <= stored
        count = self.ask("GET", "/v1/content/kinds/abort_respawn_count/story").json()
        assert self.counted <= int(count["value"]) <= self.counted + self.unsure
        verified = manage("verify_log", data_dir=self.data_dir, **self.environment)
        assert (verified.returncode, verified.stderr) == (0, ""), verified.stdout


def workers(process: Process) -> list[int]:
    return sorted(child.pid for child in psutil.Process(process.pid).children(recursive=True))


def kill(process: Process) -> None:
    """Every process of the server, at once."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert left_of(process.pid) == []


@contextmanager
def on_small_disk(what: str, kind: Kind, folder: Path) -> Iterator[tuple[SmallDisk, Server]]:
    """A server whose data folder (and log) or database is on a small disk; the other one is not."""
    with ExitStack() as stack:
        disk = stack.enter_context(disks.small_disk(kind, folder / "small", 64))
        data_dir = disk.path / "data" if what == "data folder" else folder / "data"
        environment = {}
        if DATABASE == "postgresql":
            database = fresh_database() if what == "data folder" else disks.database_on(disk)
            environment["DATABASE_URL"] = stack.enter_context(database)
        elif what == "database":
            environment["DATABASE_URL"] = f"sqlite:///{disk.path}/log.sqlite3"
        log = disk.path if what == "data folder" else folder
        yield disk, Server(log, data_dir, **environment)


@pytest.mark.parametrize("kind", ["ext4", "tmpfs"])
@pytest.mark.parametrize("what", ["data folder", "database"])
@pytest.mark.heavy
def test_full_disk_stops_writes_only_and_loses_nothing(what: str, kind: Kind, tmp_path: Path) -> None:
    with on_small_disk(what, kind, tmp_path) as (disk, server):
        with server.run() as process:
            server.write(1000)
            before = workers(process)
            disk.fill()
            server.statuses.clear()
            for size in (50_000, 100, 5000):
                server.write(size)
            assert server.statuses[507] > 0
            assert server.read() == {}
            assert server.try_sign_in("nobody", "wrong password") in (200, 503, 507)
            disk.free()
            server.recovers()
            assert workers(process) == before
            disk.fill()
            server.write(50_000)
            kill(process)
        disk.free()
        with server.run():
            server.check()


SQLITE_ONLY = pytest.mark.skipif(DATABASE != "sqlite", reason="PostgreSQL's own files are its own concern")


@SQLITE_ONLY
@pytest.mark.once
@pytest.mark.heavy
@pytest.mark.parametrize(
    "faults",
    [("write EIO", "sync write EIO", "sync EIO"), ("write ENOSPC", "write EDQUOT", "write EROFS", "sync ENOSPC")],
    ids=["EIO", "no space"],
)
def test_disk_that_fails_writes_acknowledges_nothing_and_loses_nothing(faults: Sequence[str], tmp_path: Path) -> None:
    """A commit whose sync failed may be there after a crash, unacknowledged."""
    environment, switch = disks.failing_calls(tmp_path, "enhancelog.sqlite3")
    server = Server(tmp_path, tmp_path / "data", **environment)
    with server.run() as process:
        server.write(1000)
        before = workers(process)
        for fault in faults:
            known, counted = set(server.acknowledged), server.counted
            switch.write_text(fault)
            server.write(2000)
            assert server.statuses[507 if fault == "write ENOSPC" else 503] > 0, fault
            assert (server.acknowledged, server.counted) == (known, counted), fault
            assert server.read() == {}, fault
            switch.unlink()
            server.recovers()
        assert workers(process) == before
        switch.write_text(faults[-1])
        server.write(2000)
        kill(process)
    switch.unlink()
    with server.run():
        server.check()


@SQLITE_ONLY
@pytest.mark.once
@pytest.mark.heavy
def test_disk_that_fails_reads_is_503_and_not_a_bug(tmp_path: Path) -> None:
    environment, switch = disks.failing_calls(tmp_path, "enhancelog.sqlite3")
    server = Server(tmp_path, tmp_path / "data", **environment)
    with server.run():
        server.write(100_000)
    with server.run() as process:  # nothing is in memory yet
        before = workers(process)
        switch.write_text("read EIO")
        assert set(server.read().values()) <= {503}
        server.write(2000)
        assert server.statuses[503] > 0
        switch.unlink()
        server.recovers()
        assert workers(process) == before
        server.check()


@SQLITE_ONLY
@pytest.mark.once
@pytest.mark.heavy
def test_disk_that_turns_read_only_under_the_server_stops_writes_only(tmp_path: Path) -> None:
    with disks.small_disk("ext4", tmp_path / "small", 64) as disk:
        server = Server(tmp_path, disk.path / "data")
        with server.run() as process:
            server.write(1000)
            before = workers(process)
            known = set(server.acknowledged)
            disk.fail()
            server.write(1000)
            assert server.acknowledged == known
            assert server.read() == {}
            assert workers(process) == before
            kill(process)
        exported = manage("export_log", data_dir=server.data_dir)
        assert {json.loads(line)["issue_id"] for line in exported.stdout.splitlines()} == known
        assert verified(len(known), manage("verify_log", data_dir=server.data_dir).stdout)
        assert "is not writable" in manage("serve", data_dir=server.data_dir).stderr


@SQLITE_ONLY
@pytest.mark.once
@pytest.mark.parametrize("left", ["main file", "with wal and shm", "with wal"])
@pytest.mark.heavy
def test_data_is_rescued_from_a_read_only_disk(left: str, tmp_path: Path) -> None:
    """What was committed last is in -wal alone after a crash; -shm may be missing, as in a copy."""
    with disks.small_disk("tmpfs", tmp_path / "small", 64) as disk:
        server = Server(tmp_path, disk.path / "data")
        with server.run() as process:
            server.write(1000)
            if left != "main file":
                kill(process)
        if left == "with wal":
            (server.data_dir / "enhancelog.sqlite3-shm").unlink()
        beside = {path.name.rpartition("-")[2] for path in server.data_dir.glob("enhancelog.sqlite3-*")}
        assert beside == {"main file": set(), "with wal and shm": {"wal", "shm"}, "with wal": {"wal"}}[left]
        disk.remount("ro")
        exported = manage("export_log", data_dir=server.data_dir)
        assert {json.loads(line)["issue_id"] for line in exported.stdout.splitlines()} == server.acknowledged
        assert manage("export_content", data_dir=server.data_dir).returncode == 0
        assert manage("export_triage", data_dir=server.data_dir).returncode == 0
        assert verified(len(server.acknowledged), manage("verify_log", data_dir=server.data_dir).stdout)
        copied = manage("backup", str(tmp_path / "copy.sqlite3"), data_dir=server.data_dir)
        assert copied.returncode == 0, copied.stderr
        with closing(sqlite3.connect(tmp_path / "copy.sqlite3")) as copy:
            assert copy.execute("SELECT COUNT(*) FROM enhancelog_entry").fetchone() == (len(server.acknowledged),)


@SQLITE_ONLY
@pytest.mark.once
@pytest.mark.heavy
def test_what_writes_refuses_a_read_only_data_folder_in_one_line(tmp_path: Path) -> None:
    with disks.small_disk("tmpfs", tmp_path / "small", 8) as disk:
        disk.remount("ro")
        for command in (["serve"], ["import_log", "tests/samples/synthetic.ndjson"], ["create_token", "x"]):
            refused = manage(*command, data_dir=disk.path)
            assert refused.returncode == 2
            assert "is not writable" in refused.stderr
            assert len(refused.stderr.splitlines()) == 1


@SQLITE_ONLY
@pytest.mark.once
@pytest.mark.heavy
def test_first_start_on_a_full_disk_is_one_line_and_can_be_repeated(tmp_path: Path) -> None:
    with disks.small_disk("tmpfs", tmp_path / "small", 8) as disk:
        data_dir = disk.path / "data"
        data_dir.mkdir()
        disk.fill()
        refused = manage("serve", data_dir=data_dir)
        assert refused.returncode == 2
        assert len(refused.stderr.splitlines()) == 1, refused.stderr
        disk.free()
        assert manage("migrate", data_dir=data_dir).returncode == 0


@SQLITE_ONLY
@pytest.mark.once
def test_nothing_in_the_place_of_old_metrics_stops_the_server(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / f"metrics-{port}").write_text("in the way")
    with (
        (tmp_path / "log").open("w") as output,
        serving("--bind", f"127.0.0.1:{port}", data_dir=tmp_path / "data", output=output),
    ):
        pass
