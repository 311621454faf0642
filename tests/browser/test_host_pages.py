"""What a host's stores add to the log, walked with the recorded host: from the overview to a Blueprint's document."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.core.management import call_command
from playwright.sync_api import expect

from tests.processes import RECORDED_HOST

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def recorded(live_server: Any, settings: Any, tmp_path: Path) -> None:
    settings.PUBLIC_READ = True
    settings.DATA_DIR = tmp_path
    call_command("import_host", str(RECORDED_HOST), source="host", verbosity=0)


def is_well_made(page: "Page") -> None:
    """Accessible, and within a narrow window."""
    assert Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"] == []
    before = page.viewport_size
    page.set_viewport_size({"width": 320, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert before is not None
    page.set_viewport_size(before)


def follow(page: "Page", link: "Locator") -> None:
    """By the keyboard alone."""
    expect(link).to_be_visible()
    before = page.url
    link.press("Enter")
    page.wait_for_url(lambda url: url != before)


def test_from_the_overview_over_an_unfinished_run_to_its_blueprints_document(quiet: "Page") -> None:
    quiet.goto("/?period=all")
    quiet.get_by_role("link", name="11 runs never finished").click()
    quiet.get_by_role("heading", name="Unfinished runs").wait_for()
    expect(quiet.locator("[data-row]")).to_have_count(11)
    is_well_made(quiet)
    quiet.get_by_role("link", name="Time limit").click()
    expect(quiet.locator("[data-row]")).to_have_count(1)
    quiet.locator("[data-row]").get_by_role("link").first.click()
    expect(quiet.get_by_text("This run hit the time limit.")).to_be_visible()
    expect(quiet.get_by_text("between the two neighbors in the log")).to_be_visible()
    is_well_made(quiet)
    quiet.get_by_role("main").get_by_role("link", name="triage").first.click()
    quiet.get_by_role("navigation", name="Blueprint").get_by_role("link", name="Document").click()
    expect(quiet.get_by_label("Text of the document")).to_contain_text("id: triage")
    expect(quiet.locator(".versions-list li")).to_have_count(17)
    is_well_made(quiet)


def test_two_versions_are_compared(quiet: "Page") -> None:
    quiet.goto("/documents/?blueprint_id=main")
    quiet.get_by_label("Before: version 2", exact=True).check()
    quiet.get_by_label("After: version 9", exact=True).check()
    quiet.get_by_role("button", name="Compare").click()
    quiet.get_by_role("heading", name="Two documents compared").wait_for()
    assert quiet.locator("ins").count() > 0
    is_well_made(quiet)


def test_a_denied_run_shows_what_it_tried_and_what_would_have_become(quiet: "Page") -> None:
    quiet.goto("/rejections/")
    quiet.locator("[data-row]").get_by_role("link").first.click()
    expect(quiet.get_by_text("from a host's store (source host)").first).to_be_visible()
    would = quiet.locator("dt", has_text="Would have become").locator("xpath=following-sibling::dd[1]")
    is_well_made(quiet)
    would.get_by_role("link", name="document").click()
    expect(quiet.get_by_label("Text of the document")).to_contain_text("id: ")
    expect(quiet.get_by_text("would have become, by the rejected run")).to_be_visible()
    is_well_made(quiet)


def test_from_an_unfinished_run_to_the_prompt_that_was_denied_most_and_what_its_patch_would_have_made(
    quiet: "Page",
) -> None:
    quiet.goto("/?period=all")
    follow(quiet, quiet.get_by_role("link", name="11 runs never finished"))
    quiet.get_by_role("heading", name="Unfinished runs").wait_for()
    follow(quiet, quiet.locator("[data-row]", has_text="main").first.get_by_role("link").first)
    quiet.get_by_role("heading", name="Reason").wait_for()
    follow(quiet, quiet.get_by_role("main").get_by_role("link", name="main", exact=True).first)
    tabs = quiet.get_by_role("navigation", name="Blueprint")
    follow(quiet, tabs.get_by_role("link", name="Fields"))
    most = quiet.get_by_role("region", name="Agents").locator("[data-row]").first
    expect(most).to_contain_text("planner")
    expect(most).to_contain_text("6 of 17")
    expect(most).to_contain_text("You break the request into steps.")
    is_well_made(quiet)
    follow(quiet, most.get_by_role("link", name="6", exact=True))
    expect(quiet.locator("[data-row]")).to_have_count(6)
    follow(quiet, quiet.locator("[data-row]").first.get_by_role("link").first)
    expect(quiet.get_by_text("from a host's store (source host)").first).to_be_visible()
    expect(quiet.locator(".ops .path", has_text="/agents/planner/profile/system_prompt").first).to_be_visible()
    would = quiet.locator("dt", has_text="Would have become").locator("xpath=following-sibling::dd[1]")
    follow(quiet, would.get_by_role("link", name="document"))
    expect(quiet.get_by_label("Text of the document")).to_contain_text("name: planner")


def test_the_fields_are_sorted_in_place(quiet: "Page") -> None:
    quiet.goto("/fields/?blueprint_id=main")
    rows = quiet.get_by_role("region", name="Agents").locator("[data-row]")
    quiet.get_by_role("region", name="Agents").get_by_role("link", name="Field", exact=True).press("Enter")
    expect(rows.first).to_contain_text("coder profile/system_prompt")
    expect(quiet).to_have_url(re.compile("sort=name"))
    expect(quiet.get_by_role("region", name="Agents").get_by_role("link", name="Field ↑")).to_be_focused()
