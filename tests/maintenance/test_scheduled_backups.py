"""``serve`` copies the database when a copy is due, keeps the newest of its own, and says when it cannot."""

import errno
import fcntl
import logging
import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from pytest_django import Settings

from enhancelog.backends import dialect
from enhancelog.domain.installation import Positions, Space
from enhancelog.domain.times import DAY_MS, HOUR_MS, now_ms
from enhancelog.maintenance import backup_worker, disk_use, manifests, room, scheduled_backups
from enhancelog.settings import reading
from tests.maintenance.places import fill, run, with_tools

pytestmark = pytest.mark.django_db(transaction=True)

GIB = 1 << 30


@pytest.fixture(autouse=True)
def every_day(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.DATA_DIR = tmp_path / "data"
    settings.BACKUP_EVERY, settings.BACKUP_KEEP, settings.DEMO = timedelta(days=1), 2, False
    settings.DATA_DIR.mkdir()
    with_tools(monkeypatch)
    fill(tmp_path, "one")


def round_() -> float:
    return backup_worker._round(threading.Event())


def old(settings: Settings, days: float) -> Path:
    """A copy that ``serve`` made so long ago."""
    made = datetime.fromtimestamp(now_ms() / 1000, UTC) - timedelta(days=days)
    label = dialect().copies.name()
    path = Path(settings.DATA_DIR) / "backups" / f"serve-{made:%Y-%m-%dT%H%M%S.%fZ}-of-{label}{dialect().copies.ending}"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"old")
    manifests.beside(path).write_bytes(b"old")
    return path


def visible(settings: Settings) -> set[Path]:
    return {path for path in (settings.DATA_DIR / "backups").iterdir() if not path.name.startswith(".")}


def test_the_first_copy_is_made_at_once_and_the_next_when_it_is_due() -> None:
    round_()
    (made,) = scheduled_backups.copies()
    manifest = manifests.read(made)
    assert manifest is not None
    assert (manifest.made_by, manifest.extent.log) == ("serve", 1)
    round_()
    assert scheduled_backups.copies() == [made]
    assert abs(scheduled_backups.due_ms() - now_ms() - DAY_MS) < HOUR_MS
    assert "no problems found" in run("restore", str(made), "--check")


def test_only_its_own_oldest_copies_are_removed(settings: Settings) -> None:
    oldest, older = old(settings, 3), old(settings, 2)
    folder = settings.DATA_DIR / "backups"
    of_the_other = {"sqlite": "dump", "postgresql": "sqlite3"}[connection.vendor]
    others = [
        folder / f"mine{dialect().copies.ending}",
        folder / "before-upgrade-2026-01-01T000000.000000Z-from-0.1.0-of-test.sqlite3",
        folder / f"serve-2020-01-01T000000.000000Z-of-another{dialect().copies.ending}",
        folder / f"serve-2020-01-01T000000.000000Z-of-{dialect().copies.name()}.{of_the_other}",
    ]
    for path in others:
        path.write_bytes(b"precious")
    round_()
    (newest, kept) = scheduled_backups.copies()
    assert kept == older
    assert visible(settings) == {*others, newest, older, manifests.beside(newest), manifests.beside(older)}
    assert not oldest.exists()


@pytest.mark.parametrize("reason", [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_file_system_without_links_and_locks_gets_copies(monkeypatch: pytest.MonkeyPatch, reason: int) -> None:
    def refuse(*arguments: object) -> None:
        raise OSError(reason, os.strerror(reason))

    with monkeypatch.context() as patch:
        patch.setattr(os, "link", refuse)
        patch.setattr(fcntl, "flock", refuse)
        round_()
    (made,) = scheduled_backups.copies()
    assert manifests.read(made) is not None


def test_what_a_killed_server_left_of_a_copy_is_removed(settings: Settings) -> None:
    killed = old(settings, 1)
    killed.unlink()
    mine = settings.DATA_DIR / "backups" / "mine.json"
    mine.write_text("{}")
    round_()
    (made,) = scheduled_backups.copies()
    assert visible(settings) == {mine, made, manifests.beside(made)}


def test_databases_whose_names_differ_behind_a_dot_have_copies_of_their_own(settings: Settings) -> None:
    copies = set()
    usual = connection.settings_dict["NAME"]
    for name in ("prod.v1", "prod.v2"):
        connection.settings_dict["NAME"] = name
        try:
            copies.add(old(settings, 1))
            (found,) = scheduled_backups.copies()
        finally:
            connection.settings_dict["NAME"] = usual
        assert found in copies
    assert len(copies) == 2


def test_a_copy_in_the_future_does_not_stop_the_next(settings: Settings) -> None:
    old(settings, -400)
    assert scheduled_backups.due_ms() <= now_ms()


def test_a_new_copy_outlives_those_of_the_future(settings: Settings) -> None:
    older = old(settings, 2)
    future = [old(settings, -days) for days in (300, 400)]
    round_()
    made, kept = scheduled_backups.copies()
    assert made not in (older, *future)
    assert kept == older
    assert not any(path.exists() or manifests.beside(path).exists() for path in future)


def test_nothing_but_accounts_is_not_copied_and_the_first_entry_is_within_a_minute(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at = Positions(log=0, recorded_ms=0, content=0, audit=2)
    with monkeypatch.context() as before:
        before.setattr("enhancelog.queries.status.positions", lambda: at)
        assert round_() == backup_worker.REST_S <= 60
        assert scheduled_backups.copies() == []
    round_()
    assert len(scheduled_backups.copies()) == 1


def test_another_process_that_copies_is_left_alone() -> None:
    with scheduled_backups.alone() as is_alone:
        assert is_alone
        round_()
        assert scheduled_backups.copies() == []
    round_()
    assert len(scheduled_backups.copies()) == 1


def test_a_copy_that_the_stop_cuts_off_leaves_nothing(settings: Settings) -> None:
    ends = threading.Event()
    ends.set()
    with pytest.raises(backup_worker.Stopped):
        backup_worker._round(ends)
    assert visible(settings) == set()
    assert list((settings.DATA_DIR / "backups").glob("*part")) == []
    assert scheduled_backups.look("").failed_ms is None


@pytest.fixture
def little_space(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setattr(disk_use, "space", lambda folder: Space(str(folder), 100 * GIB, 10 * GIB + 1))
        yield


@pytest.mark.usefixtures("little_space")
def test_a_copy_that_would_fill_the_disk_is_not_made_and_that_is_a_problem(settings: Settings) -> None:
    with pytest.raises(room.NoRoom):
        round_()
    assert visible(settings) == set()
    found = scheduled_backups.look("")
    assert found.failed_ms is not None
    assert "too little space: the disk of " in found.reason
    assert found.next_ms is not None
    assert found.next_ms > now_ms()
    with pytest.raises(SystemExit):
        run("check")
    assert round_() == backup_worker.POLL_S  # it waits before it tries again


def test_the_pauses_between_failures_grow_and_a_success_ends_them(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = []
    with scheduled_backups.alone():
        for _ in range(9):
            scheduled_backups.note_failure("No space left on device")
            pauses.append(round((scheduled_backups.due_ms() - now_ms()) / 60_000))
    assert pauses == sorted(pauses)
    assert pauses[-1] == scheduled_backups.LONGEST_DELAY_MS / 60_000
    monkeypatch.setattr(scheduled_backups, "due_ms", now_ms)
    round_()
    assert scheduled_backups.look("").failed_ms is None


def test_the_worker_says_a_failure_in_one_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ends = threading.Event()

    def fail(goes_on: object) -> None:
        ends.set()
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(scheduled_backups, "make", fail)
    monkeypatch.setattr(backup_worker, "FIRST_S", 0.0)
    with caplog.at_level(logging.INFO):
        backup_worker.start(ends).join(60)
    assert [record.getMessage() for record in caplog.records] == ["cannot make a backup: Input/output error"]
    assert scheduled_backups.look("").reason == "Input/output error"


@pytest.mark.parametrize("how", [{"DEMO": True}, {"BACKUP_EVERY": None}])
def test_it_can_be_switched_off(settings: Settings, how: dict[str, object]) -> None:
    for name, value in how.items():
        setattr(settings, name, value)
    assert not scheduled_backups.is_on()
    assert scheduled_backups.look("").every_s == 0
    backup_worker.start(threading.Event()).join(60)  # ends by itself


@pytest.mark.once
@pytest.mark.parametrize(("value", "expected"), [("0", None), ("12h", timedelta(hours=12)), ("", timedelta(days=1))])
def test_the_setting_is_a_duration_or_never(
    monkeypatch: pytest.MonkeyPatch, value: str, expected: timedelta | None
) -> None:
    monkeypatch.setenv("EVERY", value)
    assert reading.interval("EVERY", "1d", ("5m", "400d")) == expected


@pytest.mark.once
@pytest.mark.parametrize("value", ["1s", "1m", "-1d", "daily", "00"])
def test_another_setting_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("EVERY", value)
    with pytest.raises(ImproperlyConfigured, match="EVERY: must be like"):
        reading.interval("EVERY", "1d", ("5m", "400d"))
