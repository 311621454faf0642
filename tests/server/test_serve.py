"""``serve`` as a process, and what it refuses."""

import os
import re
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError
from django.db import connection
from pytest_django import Settings

from enhancelog.backends import dialect, schema
from enhancelog.maintenance import prepare, upgrade, worker_count
from enhancelog.management.commands import serve
from enhancelog.server import static_files
from tests.processes import free_port, left_of, manage, serving, workers_of
from tests.waiting import wait_for


@pytest.mark.slow
def test_first_start_prints_password_once_and_url_then_stops_cleanly(tmp_path: Path) -> None:
    bind = f"127.0.0.1:{free_port()}"
    printed = []
    for sent in (signal.SIGTERM, signal.SIGINT):
        log = tmp_path / f"{sent.name}.log"
        with log.open("w") as output, serving("--bind", bind, data_dir=tmp_path / "data", output=output) as process:
            os.killpg(process.pid, sent)  # as a service manager and a terminal do: the workers get it too
            assert process.wait(timeout=60) == 0
            assert left_of(process.pid) == []
        printed.append(log.read_text())
    first, second = printed
    assert len(re.findall("Sign in as admin with the password ", first)) == 1
    assert "password" not in second
    assert all(f"http://{bind}" in text and "was killed" not in text for text in printed)
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
    for private in ("secret_key", "enhancelog.sqlite3"):
        assert (tmp_path / "data" / private).stat().st_mode & 0o077 == 0


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="a process cannot be kept on one CPU here")
@pytest.mark.parametrize("pinned", [True, False])
def test_each_worker_stays_on_a_cpu_of_its_own(tmp_path: Path, pinned: bool) -> None:
    usable = os.sched_getaffinity(0)
    own = {"ENHANCELOG_WORKERS": "2", "ENHANCELOG_PIN_WORKERS": str(pinned)}
    with (
        open(tmp_path / "out", "w") as output,
        serving("--bind", f"127.0.0.1:{free_port()}", data_dir=tmp_path / "data", output=output, **own) as process,
    ):
        if pinned:  # one is ready by now
            wait_for(lambda: all(len(cpus) == 1 for cpus in kept_on(process.pid)))
        kept = kept_on(process.pid)
    assert len(kept) == 2
    if pinned:
        assert set.union(*kept) <= usable
        assert [len(cpus) for cpus in kept] == [1, 1]
        assert len(set.union(*kept)) == min(2, len(usable))
    else:
        assert kept == [usable, usable]


@pytest.mark.slow
def test_a_client_gets_its_whole_allowance_on_one_connection_or_on_many(tmp_path: Path) -> None:
    bind = f"127.0.0.1:{free_port()}"
    own = {"ENHANCELOG_WORKERS": "2", "ENHANCELOG_PUBLIC_READ": "1", "ENHANCELOG_THROTTLE_READ": "40/h"}
    with (
        open(tmp_path / "out", "w") as output,
        serving("--bind", bind, data_dir=tmp_path / "data", output=output, **own),
    ):
        kept = HTTPConnection(bind)
        statuses = [status_of(kept) for _ in range(20)]
        statuses += [status_of(HTTPConnection(bind)) for _ in range(10)]
        statuses += [status_of(kept) for _ in range(20)]
    assert statuses == 40 * [200] + 10 * [429]


def status_of(connection: HTTPConnection) -> int:
    connection.request("GET", "/v1/enhance/log?page_size=1")
    response = connection.getresponse()
    response.read()
    return response.status


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="a process cannot be kept on one CPU here")
@pytest.mark.parametrize(("cpus", "workers"), [({3}, 1), ({0, 5}, 2), (set(range(64)), 2)])
def test_two_workers_or_one_where_there_is_one_cpu(
    monkeypatch: pytest.MonkeyPatch, cpus: set[int], workers: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: cpus)
    assert worker_count.usual_workers() == workers


def kept_on(server: int) -> list[set[int]]:
    """The CPUs that each of its workers may use."""
    return [os.sched_getaffinity(worker.pid) for worker in workers_of(server)]


@pytest.mark.slow
@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="no IPv6 here")
def test_serve_binds_to_ipv6(tmp_path: Path) -> None:
    bind = f"[::1]:{free_port()}"
    log = tmp_path / "log"
    with log.open("w") as output, serving("--bind", bind, data_dir=tmp_path / "data", output=output):
        pass
    assert f"http://{bind}" in log.read_text()


def refused(tmp_path: Path, *arguments: str, **environment: str) -> str:
    """The one line of a ``serve`` that cannot run."""
    done = manage("serve", *arguments, data_dir=tmp_path / "data", **environment)
    assert done.returncode == 2, done
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "Traceback" not in done.stderr
    return done.stderr


def test_serve_refuses_port_in_use(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        bind = f"127.0.0.1:{taken.getsockname()[1]}"
        assert bind in refused(tmp_path, "--bind", bind)


def test_port_is_kept_from_other_servers_and_shared_with_workers() -> None:
    with serve.reserve(serve.Address("127.0.0.1", 0)) as reserved, socket.socket() as worker:
        address = serve.Address(*reserved.getsockname())
        with pytest.raises(CommandError, match="cannot listen"):
            serve.reserve(address)
        worker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        worker.bind(address)
        worker.listen()
        socket.create_connection(address, timeout=5).close()  # never one for the socket that only keeps the port


def test_serve_refuses_public_bind_without_url_and_key(tmp_path: Path) -> None:
    assert "ENHANCELOG_URL and ENHANCELOG_SECRET_KEY" in refused(tmp_path, "--bind", "0.0.0.0:8000")


def test_demo_refuses_public_bind_whatever_is_set(tmp_path: Path) -> None:
    given = {"ENHANCELOG_URL": "https://log.example.org", "ENHANCELOG_SECRET_KEY": "k" * 50}
    assert "--demo" in refused(tmp_path, "--demo", "--bind", "0.0.0.0:8000", **given)


def test_serve_names_setting_that_is_neither_true_nor_false(tmp_path: Path) -> None:
    assert "ENHANCELOG_PUBLIC_READ" in refused(tmp_path, ENHANCELOG_PUBLIC_READ="perhaps")


def test_serve_names_data_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "ENHANCELOG_DATA_DIR" in refused(tmp_path, ENHANCELOG_DATA_DIR=str(tmp_path / "file" / "data"))


def test_serve_names_file_that_is_no_database(tmp_path: Path) -> None:
    wrong = tmp_path / "letter.txt"
    wrong.write_text("Dear reader, this is no database. " * 10)
    line = refused(tmp_path, "--bind", f"127.0.0.1:{free_port()}", DATABASE_URL=f"sqlite:///{wrong}")
    assert str(wrong) in line


def test_serve_keeps_database_password_to_itself(tmp_path: Path) -> None:
    url = f"postgresql://somebody:hunter2@127.0.0.1:{free_port()}/log"
    line = refused(tmp_path, "--bind", f"127.0.0.1:{free_port()}", DATABASE_URL=url)
    assert "127.0.0.1" in line
    assert "hunter2" not in line


@pytest.mark.parametrize("bind", ["8000", ":8000", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", "::1:8000", "a b:1"])
def test_serve_refuses_bind_that_is_no_address(bind: str) -> None:
    with pytest.raises(CommandError, match="--bind"):
        serve.parse(bind)


@pytest.mark.parametrize(
    ("bind", "url"), [("127.0.0.1:81", "http://127.0.0.1:81"), ("[::1]:81", "http://[::1]:81")], ids=["v4", "v6"]
)
def test_bind_is_read_as_written(bind: str, url: str) -> None:
    assert serve.parse(bind).url == url


@pytest.mark.parametrize(
    ("public", "given", "said"),
    [
        ("http://127.0.0.1:8000", False, "http://127.0.0.1:81"),
        ("http://127.0.0.1:81", True, "http://127.0.0.1:81"),
        ("https://log.example.org", True, "https://log.example.org, listening on http://127.0.0.1:81"),
    ],
)
def test_the_address_that_it_listens_on_is_printed_too_if_another_is_public(
    public: str, given: bool, said: str, settings: Settings
) -> None:
    settings.PUBLIC_URL, settings.PUBLIC_URL_GIVEN = public, given
    assert serve.where(serve.Address("127.0.0.1", 81)) == said


def test_public_bind_is_allowed_with_url_and_key_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENHANCELOG_URL", "https://log.example.org")
    monkeypatch.setenv("ENHANCELOG_SECRET_KEY_FILE", "/run/secrets/key")
    serve.refuse_exposure(serve.Address("0.0.0.0", 8000))


@pytest.mark.django_db
def test_migrations_of_other_applications_are_none_of_ours() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('left', '0001_behind', CURRENT_TIMESTAMP)"
        )
    assert schema.look().state is schema.State.CURRENT
    assert upgrade.migrate() is None


@pytest.mark.django_db(transaction=True)
def test_a_start_waits_for_one_on_another_host(settings: Settings, tmp_path: Path) -> None:
    order = []

    def start_elsewhere() -> None:
        with upgrade.alone():  # with a data folder of its own, as another host has
            order.append("elsewhere")
        connection.close()

    settings.DATA_DIR = tmp_path
    with ThreadPoolExecutor(1) as pool:
        with dialect().starting():
            waiting = pool.submit(start_elsewhere)
            if connection.vendor == "postgresql":
                with pytest.raises(TimeoutError):
                    waiting.result(timeout=1)
            order.append("here")
        waiting.result(timeout=20)
    assert sorted(order) == ["elsewhere", "here"]
    if connection.vendor == "postgresql":
        assert order == ["here", "elsewhere"]


@pytest.mark.django_db
def test_admin_is_made_only_where_nobody_is() -> None:
    password = prepare.create_admin()
    assert password
    user = get_user_model().objects.get(username="admin")
    assert user.check_password(password)
    assert user.is_superuser
    assert prepare.create_admin() is None


@pytest.mark.once
def test_static_files_are_gathered_once(settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    settings.STATIC_ROOT = tmp_path / "static"
    assert static_files.collect()
    assert not static_files.collect()
    (tmp_path / "static.stamp").write_text("of another release")
    assert static_files.collect()
