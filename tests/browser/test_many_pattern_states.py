"""A whole page of patterns is ticked with one box; a whole list is set after a question, with and without scripts."""

from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from enhancelog.domain.times import now_ms
from enhancelog.models import StateChange
from tests.browser.signing_in import sign_in, staff
from tests.factories import make_rejected
from tests.recording import record_all

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def log(live_server: Any, settings: Any) -> None:
    settings.PUBLIC_READ = True
    now = now_ms()
    record_all(make_rejected(f"axis-{n}", issue_id=f"no-{n}", ts_ms=now - n, detail=f"no {n}") for n in range(5))


@pytest.mark.parametrize("width", [390, 1280])
def test_one_box_ticks_all_of_the_page(quiet: "Page", live_server: Any, width: int) -> None:
    sign_in(quiet.context, staff(), live_server.url)
    quiet.set_viewport_size({"width": width, "height": 900})
    quiet.goto("/patterns/?page_size=3")
    every = quiet.get_by_role("checkbox", name="Choose all on this page")
    boxes = quiet.locator("tbody input[type=checkbox]")
    every.check()
    expect(quiet.get_by_text("3 chosen")).to_be_visible()
    boxes.first.uncheck()
    expect(quiet.get_by_text("2 chosen")).to_be_visible()
    assert every.evaluate("(box) => box.indeterminate")
    every.click()
    every.click()
    expect(quiet.get_by_text("chosen", exact=True)).to_have_count(0)
    every.click()
    quiet.get_by_role("combobox", name="State").select_option("fixed")
    quiet.get_by_role("button", name="Set", exact=True).click()
    expect(quiet.get_by_text("Set to fixed: 3 patterns.")).to_be_visible()
    assert StateChange.objects.count() == 3


@pytest.mark.parametrize("has_scripts", [True, False])
def test_a_whole_list_is_set_and_undone(browser: "Browser", live_server: Any, has_scripts: bool) -> None:
    context = browser.new_context(java_script_enabled=has_scripts, base_url=live_server.url)
    sign_in(context, staff(), live_server.url)
    page = context.new_page()
    page.goto("/patterns/?page_size=3")
    expect(page.get_by_role("checkbox", name="Choose all on this page")).to_have_count(int(has_scripts))
    page.get_by_role("combobox", name="State").select_option("fixed")
    page.get_by_role("button", name="Set for all 5 of this list…").click()
    expect(page.get_by_role("heading", name="Set 5 patterns to “fixed”?")).to_be_visible()
    assert not StateChange.objects.exists()
    page.get_by_role("button", name="Set 5 patterns").click()
    expect(page.get_by_text("Set to fixed: 5 patterns.")).to_be_visible()
    page.get_by_role("button", name="Undo these 5 changes").click()
    expect(page.get_by_text("Undone: 5 patterns.")).to_be_visible()
    assert set(StateChange.objects.order_by("-pk").values_list("state", flat=True)[:5]) == {"new"}
    context.close()
