"""Fixtures for the whole suite: the database between tests, a browser, and the product run as its own process."""

import gc
import math
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from itertools import groupby, islice
from typing import TYPE_CHECKING, Any

import pytest
from django.core.servers.basehttp import WSGIRequestHandler
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
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
    # Rare examples find what is wrong in Python code, which is the same for both databases.
    many = config.getoption("heavy") and DATABASE == "sqlite"
    hypothesis_settings.load_profile("heavy" if many else "quick")


def pytest_report_header() -> str:
    return f"database: {DATABASE}"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--heavy", action="store_true", help="also run tests that need Node, Go, mounts or minutes")


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
def entries_unprotected(*tables: str) -> Iterator[None]:
    """Without the triggers that keep entries and revisions as they are, of all tables or of these. For the flush
    between tests, and for tests of damage."""
    from enhancelog.backends import write_once

    with connection.cursor() as cursor:
        restoring = _unprotect(cursor, tables or tuple(write_once.registered()))
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            for statement in restoring:
                cursor.execute(statement)


def _unprotect(cursor: CursorWrapper, tables: Sequence[str]) -> list[str]:
    """The statements that protect them again. Making every trigger anew would take several times as many."""
    marks = ", ".join(["%s"] * len(tables))
    if connection.vendor == "sqlite":
        cursor.execute(f"SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name IN ({marks})", tables)
        found = cursor.fetchall()
        for name, _ in found:
            cursor.execute(f"DROP TRIGGER {name}")
        return [each for name, statement in found for each in (f"DROP TRIGGER IF EXISTS {name}", statement)]
    cursor.execute(
        "SELECT tgrelid::regclass::text, string_agg('ENABLE ALWAYS TRIGGER ' || tgname, ', ') FROM pg_trigger"
        f" WHERE tgrelid::regclass::text IN ({marks}) AND tgenabled = 'A' AND NOT tgisinternal GROUP BY tgrelid",
        tables,
    )
    found = cursor.fetchall()
    for table, _ in found:
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    return [f"ALTER TABLE {table} {actions}" for table, actions in found]


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
            filled = _filled_tables(cursor)
            if dialect().missing_triggers(cursor):
                dialect().install_triggers(cursor)
        protected = [table for table in filled if table in write_once.registered()]
        with (
            entries_unprotected(*protected) if protected else nullcontext(),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            for table in filled:
                cursor.execute(f"DELETE FROM {table}")
            dialect().search.clear(cursor)  # no table of Django's
            # ANALYZE of one test's rows must not choose the next one's plans; for PostgreSQL, ``plans`` sees to that.
            if connection.vendor == "sqlite":
                forget_statistics(cursor)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", flush)
        yield


def _filled_tables(cursor: CursorWrapper) -> list[str]:
    every = connection.introspection.django_table_names(only_existing=True, include_views=False)
    asked = [f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM {name})" for name in every if name not in SAME_FOR_ALL]
    cursor.execute(" UNION ALL ".join(asked))
    return [name for (name,) in cursor.fetchall()]


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
def no_server_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another test's server may have the same port."""
    monkeypatch.setenv("ENHANCELOG_CHECKPOINTS", "off")


@pytest.fixture(autouse=True)
def nobody_is_throttled_yet() -> None:
    """Allowances live in the process, and the next test's user may have the same number."""
    from enhancelog.api.allowances import allowances

    allowances.clear()


@pytest.fixture(autouse=True)
def no_source_is_renamed_yet() -> None:
    """Names live in the process, and what a test changed is gone. They are known, as they are most of the time, so that
    no test counts when they are looked up again."""
    from enhancelog.projections import source_names

    source_names.forget()
    source_names._kept = source_names._Kept(0, source_names.NONE, math.inf)


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
