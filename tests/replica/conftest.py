"""A migrated database on a primary with a standby; ``django.db.connection`` is the primary's."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections

from enhancelog import backends
from enhancelog.backends import reading
from tests import standbys
from tests.conftest import DATABASE
from tests.standbys import Pair

NAME = "replicated"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/replica/" in str(item.path):
            item.add_marker(pytest.mark.skipif(DATABASE != "postgresql", reason="SQLite has no replicas"))
            item.add_marker(pytest.mark.database)


@pytest.fixture(scope="session")
def pair(django_db_blocker: Any) -> Iterator[Pair]:
    with standbys.pair() as found:
        with django_db_blocker.unblock():
            migrated(found)
        yield found


def migrated(pair: Pair) -> None:
    pair.primary.execute(f"CREATE DATABASE {NAME}")
    with default_is(pair.primary.url(NAME)):
        call_command("migrate", verbosity=0)
    pair.wait_until_equal()


@pytest.fixture
def read_url(pair: Pair) -> str:
    """May be replaced in a module of tests."""
    return pair.standby.url(NAME)


@pytest.fixture
def replicated(pair: Pair, read_url: str, settings: Any, django_db_blocker: Any) -> Iterator[Pair]:
    """Requests of this process are split between the two servers."""
    with django_db_blocker.unblock(), default_is(pair.primary.url(NAME)):
        settings.PUBLIC_READ = True
        settings.READ_DATABASE = backends.replica_from_url(read_url, connections.settings["default"])
        try:
            yield pair
        finally:
            reading.forget()


class default_is:
    """In all threads that have not connected yet, and in this one."""

    def __init__(self, url: str) -> None:
        self._url = url

    def __enter__(self) -> None:
        from enhancelog.store import group

        group.drain()
        self._before, self._wrapper = connections.settings["default"], connections["default"]
        found = backends.from_url(self._url, None)  # type: ignore[arg-type]
        connections.settings["default"] = {**self._before, **found}
        del connections["default"]

    def __exit__(self, *error: object) -> None:
        from enhancelog.store import group

        group.drain()
        connections["default"].close()
        connections.settings["default"] = self._before
        connections["default"] = self._wrapper
