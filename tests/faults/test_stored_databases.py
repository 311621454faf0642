"""Upgrades from the database of every release: whole, or killed at its writes and then unchanged or whole."""

import hashlib
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from enhancelog.backends import schema
from enhancelog.domain.releases import order
from release.store_database import DUMP, FILE, FOLDER
from tests import stored
from tests.conftest import DATABASE
from tests.faults.killed import Killer, points
from tests.postgres import fresh_database
from tests.processes import manage
from tests.releases import EXTRA_TABLE, SQL, release

ANEW = "python3 release/store_database.py"
# Rows of an upgrade: what is counted or timed by it, and what another version of Django or of a package may add.
# The statistics of SQLite lose the rows of an index that is dropped.
OF_UPGRADES = {"django_migrations", "django_content_type", "auth_permission", "enhancelog_schema", "enhancelog_extra"}
OF_UPGRADES |= {"sqlite_stat1"}
# As the worker of a server does.
DERIVE_THEMES = """
from enhancelog.models import Denial, ThemeAxis
from enhancelog.store import theme_derivation
theme_derivation.settle()
counted = ThemeAxis.objects.values_list("axis", "denials")
assert sum(denials for _, denials in counted) == Denial.objects.count() > 0
"""
TABLES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'",
    "postgresql": "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace",
}


@pytest.mark.parametrize("version", stored.RELEASES)
def test_migrations_of_a_stored_release_are_still_there_with_the_same_text(version: str, tmp_path: Path) -> None:
    recorded = stored.record(version, tmp_path)
    ours = {name: digest for name, digest in recorded.items() if name.partition(".")[0] in schema.APPS}
    assert ours
    changed = [name for name in ours if schema.expected().migrations.get(name) != ours[name]]
    if changed and ".dev" in version:
        pytest.fail(f"{changed[0]} differs from the stored database's; before 0.1.0, run: {ANEW}", pytrace=False)
    assert changed == [], f"released migrations stay as they are; add another one (stored by {version})"


def test_databases_are_stored_for_both_kinds_of_database() -> None:
    assert stored.RELEASES
    names = {path.name for path in FOLDER.iterdir()}
    assert names == {f"{version}{ending}" for version in stored.RELEASES for ending in (FILE, DUMP)}
    assert len([version for version in stored.RELEASES if ".dev" in version]) <= 1
    assert [version for version in stored.RELEASES if order(version) > order("0.1.0") and ".dev" in version] == []


class Installation:
    """A stored database in a place of its own."""

    def __init__(self, version: str, data_dir: Path, url: str) -> None:
        self.data_dir, self.settings = data_dir, {"DATABASE_URL": url} if url else {}
        self._url = url
        stored.unpack(version, data_dir, url)

    def manage(self, *arguments: str, **newer: str) -> str:
        done = manage(*arguments, data_dir=self.data_dir, **self.settings, **newer)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def rows(self) -> dict[str, str]:
        """The number of rows of each table, and a hash of them."""
        with self._execute() as execute:
            names = sorted(name for (name,) in execute(TABLES[DATABASE]) if name != "sqlite_sequence")
            return {name: self._hash(execute, name) for name in names}

    @staticmethod
    def _hash(execute: Callable[[str], list[Any]], table: str) -> str:
        rows = sorted(repr(tuple(row)) for row in execute(f'SELECT * FROM "{table}"'))
        return f"{len(rows)} {hashlib.sha256(chr(10).join(rows).encode(errors='surrogatepass')).hexdigest()}"

    @contextmanager
    def _execute(self) -> Iterator[Callable[[str], list[Any]]]:
        if not self._url:
            with closing(sqlite3.connect(self.data_dir / "enhancelog.sqlite3")) as opened:
                yield lambda statement: opened.execute(statement).fetchall()
            return
        import psycopg

        with psycopg.connect(self._url) as opened:
            yield lambda statement: opened.execute(statement.encode()).fetchall()


@contextmanager
def installed(version: str, data_dir: Path) -> Iterator[Installation]:
    with fresh_database() if DATABASE == "postgresql" else nullcontext("") as url:
        yield Installation(version, data_dir, url)


def assert_kept(rows: dict[str, str], before: dict[str, str]) -> None:
    """All that was there; ``verify_log`` compares new tables."""
    wanted = {table: digest for table, digest in before.items() if table not in OF_UPGRADES}
    assert {table: rows.get(table) for table in wanted} == wanted


@pytest.mark.database
@pytest.mark.slow
@pytest.mark.parametrize("version", stored.RELEASES)
def test_this_release_takes_the_database_of_every_release(version: str, tmp_path: Path) -> None:
    with installed(version, tmp_path / "data") as place:
        before = place.rows()
        place.manage("migrate")
        assert_kept(place.rows(), before)
        assert "themes are derived to position" in place.manage("verify_log")
        place.manage("shell", "-c", DERIVE_THEMES)
        assert "themes are derived to position" not in place.manage("verify_log")


@pytest.mark.database
@pytest.mark.heavy
@pytest.mark.timeout(900)
@pytest.mark.parametrize("version", stored.RELEASES)
def test_an_upgrade_that_is_killed_at_a_write_leaves_all_or_nothing(version: str, tmp_path: Path) -> None:
    newer = release(tmp_path, "newer", {"0998_extra": EXTRA_TABLE, "0999_more": SQL.format("SELECT 1")})
    killer = Killer(tmp_path)
    with installed(version, tmp_path / "whole") as place:
        before = place.rows()
        calls = killer.calls("migrate", data_dir=place.data_dir, **place.settings, **newer)
        whole = place.rows()
    assert whole.keys() >= {*before, "enhancelog_extra"}
    chosen = points(calls)
    results = []
    for number, at in enumerate(chosen):
        with installed(version, tmp_path / f"killed-{at}") as place:
            killer.kill(at, "migrate", data_dir=place.data_dir, **place.settings, **newer)
            after = place.rows()
            results.append(after != before)
            if results[-1]:
                assert after.keys() == whole.keys()
                assert_kept(after, before)
            if number in (len(chosen) // 2, len(chosen) - 1):
                if not results[-1]:
                    place.manage("migrate", **newer)
                place.manage("verify_log", **newer)
        shutil.rmtree(place.data_dir)
    assert results == sorted(results)  # one moment separates before from after
    assert not results[0]
