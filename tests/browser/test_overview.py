"""The overview in a browser: periods switch in place, links lead to their rows, and nothing needs JavaScript."""

from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from enhancelog.domain.origin import Origin
from enhancelog.domain.times import DAY_MS, now_ms
from enhancelog.store.database import DatabaseEnhanceLogStore
from tests.factories import make_entry, make_rejected

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

RUNS = 120
"""One every eight hours."""


@pytest.fixture(autouse=True)
def log(transactional_db: None, settings: Any) -> None:
    settings.PUBLIC_READ = True
    today = now_ms()
    entries = []
    for at in range(RUNS):
        common: dict[str, Any] = {"issue_id": f"h-{at}", "ts_ms": today - at * DAY_MS // 3 - 1}
        common["blueprint_id"] = ("main", "", "a Blueprint with a long name " * 6)[at % 3]
        entries.append(make_rejected(f"axis-{at % 4}", **common) if at % 2 else make_entry(**common))
    DatabaseEnhanceLogStore(Origin("command", "tests", "api")).append_batch(entries)


def runs(page: "Page") -> str:
    return page.locator(".kpi .v").first.inner_text()


def runs_in(days: int) -> str:
    """Of whole UTC days, today included."""
    now = now_ms()
    start = (now // DAY_MS - days + 1) * DAY_MS
    return str(sum(now - at * DAY_MS // 3 - 1 >= start for at in range(RUNS)))


def test_a_period_is_swapped_in_place_and_back_again(quiet: "Page") -> None:
    quiet.goto("/")
    quiet.evaluate("window.same = true")
    assert runs(quiet) == runs_in(7)
    quiet.click("text='30 d'")
    quiet.wait_for_selector("#period-30d[aria-current]")
    assert quiet.url.endswith("/?period=30d")
    assert runs(quiet) == runs_in(30)
    assert quiet.evaluate("window.same") is True
    assert quiet.evaluate("document.activeElement.id") == "period-30d"
    quiet.go_back()
    quiet.wait_for_selector("#period-7d[aria-current]")
    assert runs(quiet) == runs_in(7)


def test_a_bar_leads_to_its_rows(quiet: "Page") -> None:
    quiet.goto("/?period=30d")
    bar = quiet.locator(".stacked a:has(.bar-r)").nth(5)
    number = int(bar.locator("title").text_content().split(", ")[1].split()[0])
    bar.click()
    quiet.wait_for_url("**/rejections/?since=*")
    expect(quiet.locator("[data-row]")).to_have_count(number)


def test_the_matrix_is_sorted_in_place(quiet: "Page") -> None:
    quiet.goto("/matrix/?period=all")
    quiet.evaluate("window.same = true")
    quiet.locator(".matrix .sort", has_text="Blueprint").click()
    quiet.wait_for_selector("th[aria-sort=ascending]")
    assert quiet.url.endswith("/matrix/?period=all&sort=name&order=asc")
    assert quiet.locator(".matrix [data-row] th").first.inner_text() == "(no name)"
    assert quiet.evaluate("window.same") is True


def test_the_head_and_the_names_of_the_matrix_stay_in_view(page: "Page") -> None:
    page.set_viewport_size({"width": 700, "height": 500})
    DatabaseEnhanceLogStore(Origin("command", "tests", "api")).append_batch(
        [
            make_rejected(*(f"an-axis-{at}" for at in range(12)), issue_id=f"m-{at}", blueprint_id=f"team-{at}")
            for at in range(40)
        ]
    )
    page.goto("/matrix/?period=all")
    box = page.get_by_role("region", name="Denials by Blueprint and axis")
    edges = """box => [box.querySelector("thead th").getBoundingClientRect().top,
        [...box.querySelectorAll("tbody th")].pop().getBoundingClientRect().left]"""
    before = box.evaluate(edges)
    scrolled = box.evaluate("box => { box.scrollTo(1e6, 1e6); return [box.scrollTop, box.scrollLeft]; }")
    assert min(scrolled) > 100
    assert box.evaluate(edges) == before


def test_the_table_behind_the_chart_opens(quiet: "Page") -> None:
    quiet.goto("/")
    assert not quiet.locator(".as-table table.figures").is_visible()
    quiet.click(".as-table > summary")
    assert quiet.locator(".as-table table.figures tbody tr").count() == 7


def test_works_without_javascript(browser: "Browser", live_server: Any) -> None:
    context = browser.new_context(base_url=live_server.url, java_script_enabled=False)
    page = context.new_page()
    page.goto("/")
    page.click("text='90 d'")
    assert page.url.endswith("/?period=90d")
    assert runs(page) == str(RUNS)
    page.click(".as-table > summary")
    assert page.locator(".as-table table.figures").is_visible()
    page.locator(".days > a").first.click()
    assert "/axes/" in page.url
    page.goto("/matrix/?period=all")
    page.click("text='Axes together'")
    assert page.url.endswith("/matrix/?period=all&view=together")
    context.close()
