"""The copy from before an upgrade keeps its mark until the upgrade has succeeded. Only SQLite has such copies."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from django.db import connection
from pytest_django import Settings

from enhancelog.maintenance import backup, manifests, upgrade
from tests.maintenance.places import run

pytestmark = [
    pytest.mark.once,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'sqlite'", reason="PostgreSQL's database is not copied"),
]


@pytest.fixture
def unfinished(settings: Settings, tmp_path: Path) -> Path:
    """The copy that a failed upgrade of this database has left."""
    settings.DATA_DIR = tmp_path
    label = Path(connection.settings_dict["NAME"]).stem
    copy = tmp_path / "backups" / f"before-upgrade-2026-01-01T000000.000000Z-from-0.1.0-of-{label}-unfinished.sqlite3"
    backup.make(copy, "upgrade")
    return copy


def test_a_start_of_the_earlier_release_upgraded_nothing(unfinished: Path) -> None:
    assert upgrade.migrate() is None
    assert "is kept as" not in run("migrate")
    assert unfinished.exists()


def test_an_upgrade_that_was_killed_after_its_commit_is_finished(unfinished: Path) -> None:
    with closing(sqlite3.connect(unfinished)) as opened, opened:
        opened.execute("UPDATE enhancelog_schema SET fingerprint = 'of the earlier release'")
    finished = unfinished.with_name(unfinished.name.replace("-unfinished", ""))
    assert upgrade.migrate() == finished
    assert finished.exists()
    assert not manifests.beside(unfinished).exists()
    assert upgrade.migrate() is None
    found = manifests.read(finished)
    assert found is not None
    assert (found.made_by, found.bytes) == ("upgrade", finished.stat().st_size)


@pytest.mark.parametrize("is_before_the_copy", [True, False])
def test_an_upgrade_that_was_killed_while_it_renamed_is_finished(unfinished: Path, is_before_the_copy: bool) -> None:
    with closing(sqlite3.connect(unfinished)) as opened, opened:
        opened.execute("UPDATE enhancelog_schema SET fingerprint = 'of the earlier release'")
    finished = unfinished.with_name(unfinished.name.replace("-unfinished", ""))
    if is_before_the_copy:
        manifests.beside(unfinished).rename(manifests.beside(finished))
    else:  # of a release that wrote none
        manifests.beside(unfinished).unlink()
    assert upgrade.migrate() == finished
    assert manifests.beside(finished).exists() == is_before_the_copy


def test_the_copy_is_restored_as_any_other(unfinished: Path) -> None:
    said = run("restore", "--check", str(unfinished))
    assert " by upgrade of release " in said
    assert "its SHA-256 is right" in said
