"""SQLite's write lock: nobody meets "database is locked", readers never wait, and it is always given back."""

import fcntl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.contrib.auth.models import Group, User
from django.db import DatabaseError, IntegrityError, OperationalError, connection, transaction

from enhancelog.backends.sqlite.lock import WriteLock
from enhancelog.domain.origin import Origin
from enhancelog.models import Entry as EntryModel
from enhancelog.store.database import DatabaseEnhanceLogStore
from enhancelog.store.verification import verify
from tests import writers
from tests.factories import make_entry
from tests.waiting import wait_for

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="SQLite's own lock"),
    pytest.mark.once,
]


def write_lock() -> WriteLock:
    lock: WriteLock = connection.write_lock  # type: ignore[attr-defined]
    return lock


@contextmanager
def another_holds_the_lock() -> Iterator[None]:
    other = WriteLock(str(connection.settings_dict["NAME"]), timeout_s=10)
    other.acquire()
    try:
        yield
    finally:
        other.release()


def in_a_thread(act: Callable[[], object]) -> None:
    """On a connection of its own."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            act()
        except BaseException as error:
            failed.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]


@pytest.mark.slow
def test_appends_plain_writes_and_sign_ins_in_processes_lose_nothing() -> None:
    name = str(connection.settings_dict["NAME"])
    jobs = [("append", "appender", 140), ("orm", "group", 60), ("sign_in", "ada", 60)]
    _, groups, signed_in = writers.start(name, jobs)
    assert EntryModel.objects.filter(source="appender").count() == 140
    assert Group.objects.filter(name__endswith="-renamed").count() == groups["left"]
    assert User.objects.get(username="ada").first_name == signed_in["last"]
    assert list(verify()) == []
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA integrity_check")
        assert cursor.fetchall() == [("ok",)]


def fail_in_a_transaction() -> None:
    with transaction.atomic():
        Group.objects.create(name="a")
        Group.objects.create(name="a")


def fail_in_a_savepoint() -> None:
    with transaction.atomic():
        fail_in_a_transaction()


def fail_outside_a_transaction() -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO auth_group (id, name) VALUES (1, NULL)")


def fail_on_many() -> None:
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO auth_group (name) VALUES (%s)", [("x",), ("x",)])


def fail_to_begin() -> None:
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SELECT * FROM nothing")


def fail_at_commit() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("INSERT INTO auth_user_groups (user_id, group_id) VALUES (998, 999)")


@pytest.mark.parametrize(
    "fail",
    [
        fail_in_a_transaction,
        fail_in_a_savepoint,
        fail_outside_a_transaction,
        fail_on_many,
        fail_to_begin,
        fail_at_commit,
    ],
)
def test_the_lock_is_given_back_after_a_failure(fail: Callable[[], None]) -> None:
    with pytest.raises((IntegrityError, DatabaseError)):
        fail()
    assert not write_lock().held
    in_a_thread(lambda: Group.objects.create(name="after"))
    assert Group.objects.filter(name="after").exists()


def test_the_lock_is_given_back_after_an_exception_of_ours() -> None:
    class Ours(Exception):
        pass

    def leave() -> None:
        with transaction.atomic():
            Group.objects.create(name="never")
            raise Ours

    with pytest.raises(Ours):
        leave()
    assert not write_lock().held
    assert not Group.objects.exists()


def test_one_process_waits_for_the_lock_and_others_for_its_place(tmp_path: Path) -> None:
    database = str(tmp_path / "x")
    entered, may_leave = threading.Event(), threading.Event()

    def write() -> None:
        lock = WriteLock(database, timeout_s=10)
        lock.acquire()
        entered.set()
        may_leave.wait()
        lock.release()

    with flocked(f"{database}.lock"):  # by another process
        thread = threading.Thread(target=write)
        thread.start()
        wait_for(lambda: not is_free(f"{database}.lock.next"))
        assert not entered.is_set()
    assert entered.wait(10)
    assert is_free(f"{database}.lock.next")
    may_leave.set()
    thread.join()
    with flocked(f"{database}.lock.next"), pytest.raises(OperationalError, match="another writer"):
        WriteLock(database, timeout_s=0.1).acquire()


@contextmanager
def flocked(path: str) -> Iterator[None]:
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def is_free(path: str) -> bool:
    try:
        with flocked(path):
            return True
    except BlockingIOError:
        return False


def test_a_savepoint_keeps_the_lock_to_the_end_of_the_transaction() -> None:
    with transaction.atomic():
        with transaction.atomic():
            Group.objects.create(name="inner")
        assert write_lock().held
    assert not write_lock().held


def test_readers_do_not_wait_for_a_writer() -> None:
    DatabaseEnhanceLogStore(Origin("command", "tests", "tests")).append(make_entry())
    with another_holds_the_lock():
        assert EntryModel.objects.count() == 1
        in_a_thread(lambda: EntryModel.objects.get())


@pytest.mark.parametrize(
    "write",
    [
        lambda: Group.objects.create(name="a"),
        lambda: Group.objects.filter(name="a").update(name="b"),
        lambda: Group.objects.all().delete(),
        lambda: Group.objects.bulk_create([Group(name="a"), Group(name="b")]),
        lambda: connection.cursor().execute("WITH x AS (SELECT 1) DELETE FROM auth_group"),
        lambda: connection.cursor().execute("  \n insert into auth_group (name) values ('x')"),
        lambda: connection.cursor().execute("-- why\nINSERT INTO auth_group (name) VALUES ('x')"),
        lambda: connection.cursor().execute("/* why */ DELETE FROM auth_group"),
        lambda: connection.cursor().execute("CREATE TABLE never (a)"),
        lambda: connection.cursor().execute("ANALYZE"),
        lambda: connection.cursor().executemany("INSERT INTO auth_group (name) VALUES (%s)", [("a",)]),
    ],
)
def test_every_write_asks_for_the_lock_and_gives_up_in_time(write: Callable[[], object]) -> None:
    with another_holds_the_lock(), write_lock().patience(0.01), pytest.raises(OperationalError, match="is locked"):
        write()
    assert not write_lock().held
    assert not Group.objects.exists()


def test_what_is_acknowledged_is_on_disk() -> None:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA journal_mode")
        assert cursor.fetchone() == ("wal",)
        cursor.execute("PRAGMA synchronous")
        assert cursor.fetchone() == (2,)
