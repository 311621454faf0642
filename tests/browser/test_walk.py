"""A person's way through the log: overview, a Blueprint's timeline, a filter, an entry; by mouse, keys and without
JavaScript."""

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.factories import make_entry, make_rejected
from tests.recording import record_all

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

NOON = 1_795_000_000_000


@pytest.fixture
def log(live_server: Any, settings: Any) -> None:
    settings.PUBLIC_READ = True
    applied = [
        make_entry(
            issue_id=f"h-{n}",
            prev_hash=f"{n:064x}",
            new_hash=f"{n + 1:064x}",
            ts_ms=NOON + n * 60_000,
            intent=f"intent {n}",
        )
        for n in range(70)
    ]
    rejected = [
        make_rejected("noop", issue_id=f"no-{n}", prev_hash=f"{n:064x}", ts_ms=NOON + n * 60_000 - 1, intent=f"try {n}")
        for n in range(0, 70, 10)
    ]
    record_all([*applied, *rejected])


def test_from_the_overview_to_an_entry(log, quiet):
    quiet.goto("/")
    quiet.get_by_role("link", name="Blueprints", exact=True).first.click()
    quiet.get_by_role("main").get_by_role("link", name="main", exact=True).first.click()
    quiet.get_by_role("heading", name="main").wait_for()
    assert quiet.get_by_text("70 versions applied, 7 of 77 attempts rejected").is_visible()
    quiet.get_by_label("Filter").fill("axis:noop=deny since:2020-01-01")
    quiet.get_by_role("button", name="Apply").click()
    quiet.wait_for_url("**/blueprints/main?axis=noop&since=2020-01-01")
    expect(quiet.locator("[data-row]")).to_have_count(7)
    quiet.get_by_role("link", name="try 60").click()
    quiet.get_by_role("heading", name="try 60").wait_for()
    assert quiet.locator(".verdicts li").first.get_attribute("class") == "deny"
    quiet.get_by_role("link", name="Older entry in this list").click()
    quiet.get_by_role("heading", name="try 50").wait_for()
    quiet.get_by_role("link", name="in axis:noop").click()
    expect(quiet.locator("[data-row]")).to_have_count(7)


def test_more_rows_come_without_losing_the_place(log, quiet):
    quiet.goto("/blueprints/main")
    quiet.locator("#further").focus()
    before = quiet.evaluate("scrollY")
    quiet.keyboard.press("Enter")
    quiet.locator("[data-row]").nth(76).wait_for()
    expect(quiet.locator("[data-row]")).to_have_count(77)
    assert quiet.evaluate("scrollY") == before
    assert quiet.evaluate("document.activeElement.id") == "further"
    assert quiet.url.endswith("/blueprints/main")


def test_keys_move_and_open(log, quiet):
    quiet.goto("/blueprints/main?order=asc")
    for key in ("j", "j", "k"):
        quiet.keyboard.press(key)
    assert quiet.evaluate("document.activeElement.textContent") == "try 0"
    quiet.keyboard.press("Enter")
    quiet.get_by_role("heading", name="try 0").wait_for()
    quiet.keyboard.press("k")
    quiet.get_by_role("heading", name="intent 0").wait_for()
    quiet.keyboard.press("j")
    quiet.get_by_role("heading", name="try 0").wait_for()
    quiet.keyboard.press("/")
    assert quiet.evaluate("document.activeElement.closest('[role=search]') !== null")


def test_the_keys_are_listed(log, quiet):
    quiet.goto("/rejections/")
    for _ in range(2):
        quiet.keyboard.press("?")
        dialog = quiet.get_by_role("dialog", name="Keys")
        assert dialog.locator("dt").all_inner_texts()[:7] == ["/", "j", "k", "Enter", "Esc", "Ctrl K", "?"]
        quiet.keyboard.press("j")
        assert dialog.is_visible()
        quiet.keyboard.press("Escape")
        assert not dialog.is_visible()
    quiet.keyboard.press("?")
    quiet.get_by_role("button", name="Close").click()
    assert not dialog.is_visible()
    quiet.keyboard.press("/")
    quiet.keyboard.press("?")
    assert not dialog.is_visible()


def test_copying_twice_gives_the_text_back(log, quiet):
    quiet.goto("/entries/h-1")
    button = quiet.locator("[data-copy]").first
    shown = button.inner_text()
    button.click()
    quiet.wait_for_function(f"document.querySelector('[data-copy]').textContent !== {shown!r}")
    button.click()
    quiet.get_by_role("button", name="copied").wait_for(state="hidden")
    assert button.inner_text() == shown


def test_without_javascript_every_page_is_reached_by_links(browser, live_server, log):
    context = browser.new_context(base_url=live_server.url, java_script_enabled=False)
    page = context.new_page()
    page.goto("/blueprints/main")
    page.get_by_role("link", name="Older entries").click()
    expect(page.locator("[data-row]")).to_have_count(27)
    page.get_by_role("link", name="Back to the newest").click()
    expect(page.locator("[data-row]")).to_have_count(50)
    page.goto("/rejections/")
    page.locator(".facets").get_by_role("link", name="noop").click()
    expect(page.locator("[data-row]")).to_have_count(7)
    context.close()
