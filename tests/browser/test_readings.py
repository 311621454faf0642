"""What a reader takes from a page is true: the line that stands for a text, periods, times, and what a number is of."""

from typing import TYPE_CHECKING, Any

import pytest

from enhancelog.domain.times import now_ms
from tests.factories import make_entry, make_rejected
from tests.recording import record

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

TRACEBACK = "Traceback (most recent call last):\n  File \"a.py\", line 1, in check\nKeyError: 'writer'"


@pytest.fixture(autouse=True)
def log(live_server: Any, settings: Any) -> None:
    settings.PUBLIC_READ = True
    now = now_ms()
    record(
        make_rejected("lint", issue_id="no", detail=TRACEBACK, ts_ms=now - 2),
        make_rejected("noop", issue_id="ahead", ts_ms=now + 60_000),
        make_rejected("noop", issue_id="epoch", intent="at the epoch", ts_ms=0),
        *(make_entry(issue_id=f"yes-{n}", verdicts=[], ts_ms=now - 9 + n) for n in range(3)),
    )


def test_a_row_shows_the_line_that_says_something(quiet: "Page") -> None:
    quiet.goto("/rejections/?axis=lint")
    row = quiet.locator("[data-row]")
    assert row.get_by_role("link", name="KeyError: 'writer'").is_visible()
    assert "Traceback" not in row.inner_text()


def test_a_period_is_told_in_words_and_its_counts_agree(quiet: "Page") -> None:
    quiet.goto("/")
    assert quiet.get_by_text("(whole days, UTC), compared with the 7 days before").is_visible()
    rejected = quiet.locator(".kpi", has_text="Rejected").get_by_role("link")
    number = rejected.inner_text()
    rejected.click()
    quiet.wait_for_url("**/rejections/?*")
    assert quiet.locator("[data-row]").count() == int(number)
    quiet.goto("/rejections/?period=7d")
    assert quiet.locator("[data-row]").count() == int(number)


def test_an_entry_without_a_plausible_time_stands_apart(quiet: "Page") -> None:
    quiet.goto("/rejections/")
    apart = quiet.get_by_role("region", name="Without a plausible time")
    assert apart.locator("[data-row]").all_inner_texts() == [apart.locator("[data-row]").inner_text()]
    assert apart.get_by_text("at the epoch").is_visible()
    quiet.goto("/?period=all")
    assert quiet.get_by_text("1 without a plausible time: counted above, but not in a bar.").is_visible()
    assert not quiet.get_by_text("1970").count()


def test_denials_of_an_axis_are_told_of_the_runs_that_it_judged(quiet: "Page") -> None:
    quiet.goto("/")
    strip = quiet.locator(".days > a", has_text="lint").locator("xpath=following-sibling::*[2]")
    assert strip.inner_text().split() == ["1", "of", "1"]
