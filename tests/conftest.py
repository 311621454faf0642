"""Fixtures for the whole suite: the database between tests, a browser, and the product run as its own process."""

import gc
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from itertools import groupby, islice
from typing import TYPE_CHECKING, Any

import pytest
from django.core.servers.basehttp import WSGIRequestHandler
from django.db import connection, transaction
from django.test import TransactionTestCase
from hypothesis import settings as hypothesis_settings

from tests.plans import forget_statistics

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

IN_CI = os.environ.get("CI", "").lower() in ("1", "true")
DATABASE = os.environ.get("ENHANCELOG_TEST_DATABASE", "sqlite")
SAME_FOR_ALL = {"auth_permission", "django_content_type"}
"""Tables that migrations fill."""
TOUCHES_DATABASE = {"db", "transactional_db", "django_db_setup", "live_server", "admin_client", "admin_user"}

os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # Playwright's sync API runs an event loop around the tests

SUITE = hypothesis_settings(deadline=None, derandomize=IN_CI, database=None)
hypothesis_settings.register_profile("heavy", SUITE)
hypothesis_settings.register_profile("quick", SUITE, max_examples=30)


def pytest_configure(config: pytest.Config) -> None:
    hypothesis_settings.load_profile("heavy" if config.getoption("heavy") else "quick")


def pytest_report_header() -> str:
    return f"database: {DATABASE}"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--heavy", action="store_true", help="also run tests that need Node, mounts or minutes")


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()  # what was imported stays; every collection would look through it again


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What no database can change runs once, in the SQLite session; what is heavy runs with ``--heavy`` only."""
    with_heavy = config.getoption("heavy") or "heavy" in config.getoption("markexpr")
    kept = [item for item in items if _runs_here(item) and (with_heavy or not item.get_closest_marker("heavy"))]
    chosen = set(kept)
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = _slow_first(kept, getattr(config, "workerinput", {}).get("workercount", 1))


def _slow_first(items: list[pytest.Item], workers: int) -> list[pytest.Item]:
    """Deals modules with slow tests to the beginning of each worker's share, so that none is left for the end."""
    # xdist hands out shares of this size in this order. A module stays together, as do the servers it has started.
    slow = [item for item in items if item.get_closest_marker("slow")]
    quick = (item for item in items if not item.get_closest_marker("slow"))
    modules = [list(group) for _, group in groupby(slow, key=lambda item: item.path)]
    dealt: list[pytest.Item] = []
    for worker in range(workers):
        share = (len(items) - len(dealt)) // (workers - worker)
        mine = [item for module in modules[worker::workers] for item in module]
        dealt += [*mine, *islice(quick, max(0, share - len(mine)))]
    return [*dealt, *quick]


def _runs_here(item: pytest.Item) -> bool:
    return DATABASE == "sqlite" or _runs_on_both(item)


def _runs_on_both(item: pytest.Item) -> bool:
    if item.get_closest_marker("once") or item.get_closest_marker("browser"):
        return False
    if item.get_closest_marker("database") or item.get_closest_marker("django_db"):
        return True
    return not TOUCHES_DATABASE.isdisjoint(getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session")
def with_heavy(pytestconfig: pytest.Config) -> bool:
    """Whether there is time for as many rounds as in CI."""
    return bool(pytestconfig.getoption("heavy"))


# The database


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> Iterator[None]:
    from enhancelog.store import group

    yield
    # PostgreSQL drops no database that has connections. Those of threads that have ended form reference cycles.
    group.drain()
    gc.collect()


@contextmanager
def entries_unprotected() -> Iterator[None]:
    """Without the triggers that keep entries and revisions as they are. For the flush between tests, and for tests of
    damage."""
    from enhancelog.backends import dialect, write_once

    of_table = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s",
        "postgresql": "SELECT tgname FROM pg_trigger WHERE tgrelid = to_regclass(%s) AND NOT tgisinternal",
    }
    with connection.cursor() as cursor:
        for table in write_once.registered():
            cursor.execute(of_table[connection.vendor], [table])
            for (name,) in cursor.fetchall():
                cursor.execute(f"DROP TRIGGER {name}" + (f" ON {table}" if connection.vendor == "postgresql" else ""))
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            dialect().install_triggers(cursor)


@pytest.fixture(scope="session", autouse=True)
def quick_flush() -> Iterator[None]:
    """What a test with real transactions has left is deleted afterwards, entries too.

    Django's own way takes four times as long: it makes every table anew, and permissions and content types with them.
    """
    from enhancelog.store import group

    def flush(case: TransactionTestCase) -> None:
        from enhancelog.backends import dialect, write_once

        group.drain()  # its connection would keep the database from being dropped
        with connection.cursor() as cursor:
            filled = " OR ".join(f"EXISTS (SELECT 1 FROM {table})" for table in write_once.registered())
            cursor.execute(f"SELECT {filled}")
            is_protected = cursor.fetchone()[0]
        with (
            entries_unprotected() if is_protected else nullcontext(),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            for table in connection.introspection.django_table_names(only_existing=True, include_views=False):
                if table not in SAME_FOR_ALL:
                    cursor.execute(f"DELETE FROM {table}")
            dialect().search.clear(cursor)  # no table of Django's
            # ANALYZE of one test's rows must not choose the next one's plans; for PostgreSQL, ``plans`` sees to that.
            if connection.vendor == "sqlite":
                forget_statistics(cursor)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", flush)
        yield


# A server

WSGIRequestHandler.disable_nagle_algorithm = True  # or every answer in two parts takes 40 ms


@pytest.fixture
def live_api(live_server: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """A server's address; it is in the client's environment, and so is a token with every scope."""
    from django.contrib.auth.models import User

    from enhancelog.accounts import api_tokens

    owner = User.objects.create_user("agents", is_staff=True)
    _, secret = api_tokens.make(api_tokens.Wanted("agent-7", api_tokens.SCOPES), owner, made_by="tests")
    monkeypatch.setenv("ENHANCELOG_URL", live_server.url)
    monkeypatch.setenv("ENHANCELOG_TOKEN", secret)
    return str(live_server.url)


@pytest.fixture(autouse=True)
def nobody_is_throttled_yet() -> None:
    """Allowances live in the process, and the next test's user may have the same number."""
    from enhancelog.api.allowances import allowances

    allowances.clear()


# A browser

TIMEOUT_MS = 30_000
"""Several times what anything takes, for a machine that is busy."""

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def find_chromium() -> str | None:
    names = [
        os.environ.get("PLAYWRIGHT_CHROMIUM_EXECUTABLE_PATH", ""),
        "chromium",
        "chromium-browser",
        "google-chrome",
    ]
    return next((path for name in names if name and (path := shutil.which(name))), None)


@pytest.fixture(scope="session")
def browser() -> "Iterator[Browser]":
    from playwright.sync_api import expect, sync_playwright

    executable = find_chromium()
    if not executable:
        reason = "no Chromium: apt-get install chromium"
        pytest.fail(reason, pytrace=False) if IN_CI else pytest.skip(reason)
    with sync_playwright() as playwright:
        expect.set_options(timeout=TIMEOUT_MS)
        launched = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_FLAGS)
        yield launched
        launched.close()


@pytest.fixture
def page(browser: "Browser", live_server: Any) -> "Iterator[Page]":
    """A page of a fresh context, 1280 px wide, whose addresses are relative to the live server."""
    context = browser.new_context(base_url=live_server.url, viewport={"width": 1280, "height": 900})
    context.set_default_timeout(TIMEOUT_MS)
    yield context.new_page()
    context.close()
