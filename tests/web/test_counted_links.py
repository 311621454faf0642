"""On the overview, the matrix and in facets every number is exactly that of the rows behind its link."""

from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enhancelog.domain.records import Entry
from tests import strategies
from tests.counted import counted_facets, counted_links, rows_behind
from tests.factories import make_many
from tests.pages import Page, read
from tests.prose import prose_from_the_second_denial
from tests.recording import record_all
from tests.strategies import NOW_MS

pytestmark = pytest.mark.django_db

PERIODS = ("24h", "7d", "30d", "90d", "all")
PAGES: dict[str, dict[str, Any]] = {
    "/": {},
    "/matrix/": {},
    "/matrix/ together": {"view": "together"},
    "/matrix/ next": {"view": "next"},
    "/axes/": {},
    "/axes/noop": {},
    "/funnel/": {},
    "/matrix/ what-if": {"view": "what-if", "without": ["noop", "agent-ref"]},
}


@pytest.fixture(autouse=True)
def anybody_reads_and_the_clock_stands_still(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.PUBLIC_READ = True
    monkeypatch.setattr("enhancelog.store.writing.now_ms", lambda: NOW_MS)
    monkeypatch.setattr("enhancelog.web.periods.now_ms", lambda: NOW_MS)


def asked(client: Client, page: str, **parameters: str) -> Page:
    response = client.get(page.split()[0], PAGES[page] | parameters)
    assert response.status_code == 200
    return read(response)


@given(
    log=st.lists(strategies.entries(), max_size=15, unique_by=lambda entry: entry.issue_id),
    period=st.sampled_from(PERIODS),
    page=st.sampled_from([page for page in PAGES if page != "/axes/noop"]),  # which may not judge
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_number_is_that_of_the_rows_behind_it(client: Client, log: list[Entry], period: str, page: str) -> None:
    with transaction.atomic(), prose_from_the_second_denial():
        record_all(log)
        for url, number in counted_links(asked(client, page, period=period)):
            assert rows_behind(url) == number, url
        transaction.set_rollback(True)


@given(
    log=st.lists(strategies.entries(), max_size=15, unique_by=lambda entry: entry.issue_id),
    clicks=st.lists(st.integers(0, 50), max_size=3),
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_facet_counts_what_its_link_finds_whatever_was_chosen_before(
    client: Client, log: list[Entry], clicks: list[int]
) -> None:
    with transaction.atomic(), prose_from_the_second_denial():
        record_all(log[::2])
        record_all(log[1::2], source="host-b")
        url = "/rejections/"
        for click in (*clicks, 0):
            found = list(counted_facets(read(client.get(url))))
            for address, number in found:
                assert rows_behind(address) == number, (url, address)
            url = found[click % len(found)][0] if found else url
        transaction.set_rollback(True)


@pytest.mark.parametrize("page", PAGES)
def test_a_long_log_links_everything_that_is_counted(client: Client, page: str) -> None:
    record_all(make_many(600))
    for period in PERIODS:
        links = list(counted_links(asked(client, page, period=period)))
        assert len(links) >= 15, period
        for url, number in links:
            assert rows_behind(url) == number, url
