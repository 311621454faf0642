"""Two releases on one database: the newer one migrates it while the older one serves and writes."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from itertools import count
from pathlib import Path
from typing import NamedTuple, Self

import httpx
import pytest

from enhancelog import __version__
from enhancelog.domain import records
from tests.conftest import DATABASE
from tests.factories import make_rejected
from tests.postgres import fresh_database
from tests.processes import free_port, manage, serving
from tests.releases import ADDITIVE, EXTRA_COLUMN, release
from tests.waiting import wait_for

pytestmark = [pytest.mark.database, pytest.mark.slow]

SCOPES = [part for scope in ("log:read", "log:append", "content:write") for part in ("--scope", scope)]
JSON = {"Content-Type": "application/json"}
SETTINGS = {
    "ENHANCELOG_SECRET_KEY": "the same key, as several servers on one database must have it",
    "ENHANCELOG_WORKERS": "1",
}


class Place(NamedTuple):
    """Where both releases find one database: SQLite's is in the data folder, which they share."""

    old: Path
    new: Path
    settings: dict[str, str]
    token: str = ""

    def manage(self, *arguments: str, **newer: str) -> str:
        done = manage(*arguments, data_dir=self.new if newer else self.old, **self.settings, **newer)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with fresh_database() if DATABASE == "postgresql" else nullcontext("") as url:
        new = tmp_path / ("new" if url else "data")
        settings = SETTINGS | ({"DATABASE_URL": url} if url else {})
        made = Place(tmp_path / "data", new, settings)
        yield made._replace(token=made.manage("create_token", "agent", *SCOPES).strip())


class Writer:
    """An agent that appends, writes content and reads without a pause, and never tries anything twice."""

    def __init__(self, name: str, url: str, token: str) -> None:
        self.statuses: list[tuple[str, int]] = []  # with the id of what was appended, else with an empty one
        self._name = name
        headers = {"Authorization": f"Bearer {token}"}
        self._client = httpx.Client(base_url=url, headers=headers, timeout=60, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._client.close()

    def append(self, issue_id: str) -> httpx.Response:
        body = records.encode(make_rejected("noop", issue_id=issue_id))
        return self._client.post("/v1/enhance/log", content=body, headers=JSON)

    def _run(self, ends: threading.Event) -> None:
        for number in count(1):
            if ends.is_set():
                return
            name = f"{self._name}-{number}"
            self.statuses.append((name, self.append(name).status_code))
            written = self._client.put(f"/v1/content/kinds/story/{name}", json={"value": "text"})
            read = self._client.get("/v1/enhance/log?page_size=1&order=desc")
            self.statuses += [("", answer.status_code) for answer in (written, read)]

    @property
    def errors(self) -> list[tuple[str, int]]:
        return [each for each in self.statuses if each[1] >= 400]

    @property
    def written(self) -> list[str]:
        return [issue_id for issue_id, status in self.statuses if issue_id and status == 201]

    @contextmanager
    def writing(self) -> Iterator[None]:
        ends = threading.Event()
        thread = threading.Thread(target=self._run, args=[ends])
        thread.start()
        try:
            wait_for(lambda: len(self.written) > 5)
            yield
        finally:
            ends.set()
            thread.join()


@contextmanager
def server(place: Place, log: Path, **newer: str) -> Iterator[str]:
    bind = f"127.0.0.1:{free_port()}"
    with log.open("w") as output:
        folder = place.new if newer else place.old
        with serving("--bind", bind, data_dir=folder, output=output, **place.settings, **newer):
            yield f"http://{bind}"


def ready(url: str) -> httpx.Response:
    return httpx.get(f"{url}/health/ready", timeout=60, trust_env=False)


def exported(place: Place, **newer: str) -> set[str]:
    lines = place.manage("export_log", "--format", "ndjson", **newer).encode().splitlines()
    return {records.decode(line).issue_id for line in lines}


def test_an_older_server_goes_on_beside_a_newer_one_whose_migrations_allow_it(tmp_path: Path, place: Place) -> None:
    newer = release(tmp_path, "newer", {"0999_extra": ADDITIVE})
    with ExitStack() as stack:
        old = stack.enter_context(server(place, tmp_path / "old.log"))
        first = stack.enter_context(Writer("old", old, place.token))
        with first.writing():
            new = stack.enter_context(server(place, tmp_path / "new.log", **newer))
            second = stack.enter_context(Writer("new", new, place.token))
            written = len(first.written)
            with second.writing():
                wait_for(lambda: len(first.written) > written + 5)
        assert (first.errors, second.errors) == ([], [])
        assert ready(new).json() == {"status": "ready"}
        answer = ready(old)
        assert answer.status_code == 200
        assert answer.json()["notes"] == [
            f"Release 0.2.0 has upgraded the database. This one, {__version__}, may go on with it."
        ]
    # Back: the older release finds everything, and leaves the schema as it is.
    assert "Release 0.2.0 has upgraded the database; this one may go on" in place.manage("migrate")
    assert exported(place) == {*first.written, *second.written}
    place.manage("verify_log", **newer)


def test_an_older_server_stops_writing_when_a_newer_release_migrates_its_database(tmp_path: Path, place: Place) -> None:
    newer = release(tmp_path, "newer", {"0999_extra": EXTRA_COLUMN})
    with server(place, tmp_path / "old.log") as old, Writer("old", old, place.token) as writer:
        with writer.writing():
            place.manage("migrate", **newer)
            wait_for(lambda: bool(writer.errors))
            seen = len(writer.statuses)
            wait_for(lambda: len(writer.statuses) > seen + 5)
        assert {status for _, status in writer.statuses[seen:]} == {503, 200}  # it can still be read
        answer = writer.append("after")
        assert (answer.status_code, answer.headers["Retry-After"].isdigit()) == (503, True)
        assert "newer release" in answer.json()["detail"]
        answer = ready(old)
        assert answer.status_code == 503
        assert "0999_extra" in answer.json()["problems"][0]
        answer = sign_in(old)
        assert answer.status_code == 503
        assert "newer release" in answer.text
        assert httpx.get(f"{old}/health/live", timeout=60, trust_env=False).status_code == 200
    assert exported(place, **newer) == set(writer.written)
    place.manage("verify_log", **newer)
    done = manage("serve", "--bind", f"127.0.0.1:{free_port()}", data_dir=place.old, **place.settings)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "newer release" in done.stderr


def sign_in(url: str) -> httpx.Response:
    with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
        client.get("/account/sign-in")
        (csrf,) = [value for name, value in client.cookies.items() if "csrf" in name]
        form = {"username": "admin", "password": "wrong", "csrfmiddlewaretoken": csrf}
        return client.post("/account/sign-in", data=form)
