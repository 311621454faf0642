"""Narrow windows and colors that the system chooses."""

from typing import TYPE_CHECKING, Any

import pytest

from enhancelog.domain.times import now_ms
from tests.factories import make_entry, make_rejected
from tests.recording import record

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SECTIONS = (
    *("/", "/rejections/", "/patterns/", "/triage/", "/axes/", "/funnel/"),
    *("/matrix/", "/steadiness/", "/markers/", "/blueprints/", "/content/"),
)


@pytest.fixture(autouse=True)
def log(transactional_db: None, settings: Any) -> None:
    settings.PUBLIC_READ = True
    record(make_rejected("noop", issue_id="no", ts_ms=now_ms() - 1), make_entry(ts_ms=now_ms() - 2))


@pytest.mark.parametrize("width", [320, 390])
@pytest.mark.parametrize("path", SECTIONS)
def test_every_tab_is_in_view_and_large_enough(page: "Page", live_server: Any, path: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(path)
    tabs = page.get_by_role("navigation", name="Main").get_by_role("link")
    assert tabs.count() == len(SECTIONS)
    assert page.get_by_role("navigation", name="Main").locator("[aria-current=page]").get_attribute("href") == path
    for tab in tabs.all():
        box = tab.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        assert min(box["width"], box["height"]) >= 24


def test_the_search_is_a_box_or_a_link_that_its_key_follows(page: "Page", live_server: Any) -> None:
    for width, is_box in ((1440, True), (1024, False), (390, False)):
        page.set_viewport_size({"width": width, "height": 800})
        page.goto("/rejections/")
        box = page.get_by_role("banner").get_by_role("searchbox", name="Search")
        assert box.is_visible() is is_box
        if is_box:
            assert (box.bounding_box() or {"width": 0})["width"] > 200
        page.keyboard.press("/")
        if not is_box:
            page.wait_for_url("**/search/")


def style(page: "Page", selector: str, name: str) -> str:
    return str(page.locator(selector).first.evaluate("(element, name) => getComputedStyle(element)[name]", name))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_legends_and_the_current_tab_survive_forced_colors(browser: "Browser", live_server: Any, scheme: Any) -> None:
    context = browser.new_context(base_url=live_server.url, forced_colors="active", color_scheme=scheme)
    page = context.new_page()
    page.goto("/")
    rejected, applied = style(page, ".legend .r", "backgroundColor"), style(page, ".legend .a", "backgroundColor")
    assert rejected != applied
    assert (style(page, ".bar-r", "fill"), style(page, ".bar-a", "fill")) == (rejected, applied)
    for swatch in (".legend .r", ".legend .a"):
        assert style(page, swatch, "borderTopWidth") != "0px"
    assert style(page, ".bar-a", "stroke") == rejected
    tab, current = ".nav a:not([aria-current])", ".nav a[aria-current]"
    assert style(page, tab, "borderBottomWidth") != style(page, current, "borderBottomWidth")
    period, chosen = ".seg a:not([aria-current])", ".seg a[aria-current]"
    assert style(page, period, "backgroundColor") != style(page, chosen, "backgroundColor")
    context.close()
