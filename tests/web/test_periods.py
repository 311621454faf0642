"""A period counts the same entries on every page, in every list and over the API."""

import json

import pytest
from django.test import Client

from enhancelog.domain.times import DAY_MS, day_of, now_ms
from tests.factories import make_rejected
from tests.pages import read
from tests.recording import record

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def anybody_reads_entries_of_yesterday_today_and_a_clock_that_is_ahead(settings) -> None:
    settings.PUBLIC_READ = True
    now = now_ms()
    tomorrow = (day_of(now) + 1) * DAY_MS
    times = {"yesterday": tomorrow - DAY_MS - 1, "now": now - 1, "ahead": tomorrow + 1, "old": now - 10 * DAY_MS}
    record(*(make_rejected("noop", issue_id=name, ts_ms=ts_ms) for name, ts_ms in times.items()))


@pytest.mark.parametrize(
    ("period", "ids"),
    [
        ("7d", {"now", "yesterday"}),
        ("2w", {"now", "yesterday", "old"}),
        ("today", {"now"}),
        ("1d", {"now"}),
        ("yesterday", {"yesterday"}),
        ("all", {"now", "yesterday", "ahead", "old"}),
    ],
)
def test_a_period_is_the_same_everywhere(client: Client, period: str, ids: set[str]) -> None:
    listed = json.loads(client.get("/v1/enhance/log", {"period": period}).content)
    assert {entry["issue_id"] for entry in listed} == ids
    (pattern,) = json.loads(client.get("/v1/enhance/patterns", {"period": period}).content)
    assert pattern["count"] == len(ids)
    for page in ("/rejections/", "/search/", "/blueprints/main"):
        rows = [row for row in read(client.get(page, {"period": period})).elements if "data-row" in row.attributes]
        assert len(rows) == len(ids), page
    (row,) = read(client.get("/patterns/", {"period": period})).all("tr", data_row="")
    assert str(len(ids)) in row.words.split()


@pytest.mark.parametrize("page", ["/rejections/", "/search/"])
def test_a_list_says_in_words_what_its_period_is(client: Client, page: str) -> None:
    today = read(client.get(page, {"period": "today"})).words
    assert "(whole days, UTC)" in today
    assert "(whole days, UTC)" not in read(client.get(page, {"period": "24h"})).words
    assert "(UTC)" in read(client.get(page, {"period": "24h"})).words
    assert "from 2 Jan 2026, 22:00 (UTC)" in read(client.get(page, {"since": "2026-01-03+02:00"})).words
    assert read(client.get(page, {"since": "-9223372036854775808"})).words
