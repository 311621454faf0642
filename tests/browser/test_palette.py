"""The palette by its keys and its button, and the filter box's completions."""

from typing import TYPE_CHECKING, Any

import pytest

from tests.factories import make_rejected
from tests.recording import record_all

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def log(live_server: Any, settings: Any) -> None:
    settings.PUBLIC_READ = True
    record_all(
        make_rejected(f"axis-{n}", issue_id=f"no-{n}", blueprint_id=f"team-{n}", intent=f"try {n}") for n in range(5)
    )


def test_control_k_and_enter_go_to_the_first_result(quiet: "Page") -> None:
    quiet.goto("/rejections/")
    quiet.keyboard.press("Control+k")
    box = quiet.get_by_role("dialog", name="Go to").get_by_role("searchbox")
    box.wait_for()
    assert box.evaluate("(box) => box === document.activeElement")
    quiet.keyboard.type("team-3")
    quiet.keyboard.press("Enter")
    quiet.wait_for_url("**/blueprints/team-3")


OBSERVE = """() => {
    addEventListener("click", (event) => {
        if (!event.target.closest("a")) return;
        event.preventDefault();
        document.body.dataset.opened = event.target.closest("a").textContent;
    });
    document.addEventListener("htmx:afterSettle", () => {
        document.body.dataset.settled = document.querySelector("#palette-found").dataset.found;
    });
}"""
"""Links are not followed; says which one was opened, and which results have settled."""


def test_enter_is_forgotten_when_its_results_do_not_come(page: "Page") -> None:
    page.goto("/palette/")
    page.evaluate(OBSERVE)
    page.route("**/palette/?find=*", lambda route: route.abort())
    page.keyboard.type("team-3")
    page.keyboard.press("Enter")
    page.get_by_role("alert").wait_for()
    page.unroute("**/palette/?find=*")
    page.get_by_role("alert").get_by_role("button", name="Try again").click()
    page.locator("body[data-settled='team-3']").wait_for()
    page.get_by_role("searchbox", name="Go to").fill("axis-")
    page.locator("body[data-settled='axis-']").wait_for()
    assert page.locator("body").get_attribute("data-opened") is None
    page.keyboard.press("Enter")
    page.locator("body[data-opened]").wait_for()


def test_enter_is_forgotten_when_more_is_typed(page: "Page") -> None:
    page.goto("/palette/")
    page.evaluate(OBSERVE)
    page.route("**/palette/?find=team-3", lambda route: None)  # no answer
    with page.expect_request("**/palette/?find=team-3"):
        page.keyboard.type("team-3")
        page.keyboard.press("Enter")
    page.get_by_role("searchbox", name="Go to").fill("axis-")
    page.locator("body[data-settled='axis-']").wait_for()
    assert page.locator("body").get_attribute("data-opened") is None


def test_arrows_move_and_typing_goes_on(quiet: "Page") -> None:
    quiet.goto("/")
    quiet.keyboard.press("Control+k")
    dialog = quiet.get_by_role("dialog", name="Go to")
    dialog.get_by_role("searchbox").fill("axis-")
    quiet.locator("#palette-found[data-found='axis-']").wait_for()
    quiet.keyboard.press("ArrowDown")
    quiet.keyboard.press("ArrowDown")
    assert quiet.evaluate("document.activeElement.textContent").split() == ["axis-1", "rejections"]
    quiet.keyboard.type("4")
    quiet.locator("#palette-found[data-found='axis-4']").wait_for()
    quiet.keyboard.press("ArrowDown")
    quiet.keyboard.press("Enter")
    quiet.wait_for_url("**/rejections/?axis=axis-4")


def test_the_button_opens_it_and_escape_or_a_click_beside_it_closes_it(quiet: "Page") -> None:
    quiet.goto("/rejections/")
    dialog = quiet.get_by_role("dialog", name="Go to")
    for close in (lambda: quiet.keyboard.press("Escape"), lambda: quiet.mouse.click(5, 700)):
        quiet.get_by_role("link", name="Go to").click()
        dialog.get_by_role("link", name="team-1").wait_for()
        close()
        dialog.wait_for(state="hidden")
    assert quiet.url.endswith("/rejections/")


def test_it_opens_while_single_keys_are_off_and_while_something_is_typed(quiet: "Page") -> None:
    quiet.goto("/rejections/")
    quiet.evaluate("localStorage.setItem('single-keys-off', '1')")
    quiet.reload()
    quiet.get_by_label("Filter").fill("axis:")
    quiet.keyboard.press("Control+k")
    quiet.get_by_role("dialog", name="Go to").get_by_role("link", name="team-1").wait_for()


def test_its_page_works_alike_and_without_a_script(browser: Any, live_server: Any, quiet: "Page") -> None:
    quiet.goto("/palette/")
    quiet.keyboard.type("no-2")
    quiet.keyboard.press("Enter")
    quiet.wait_for_url("**/entries/no-2")
    context = browser.new_context(base_url=live_server.url, java_script_enabled=False)
    page = context.new_page()
    page.goto("/rejections/")
    page.get_by_role("link", name="Go to").click()
    page.get_by_role("main").get_by_role("searchbox", name="Go to").fill("no-2")
    page.get_by_role("button", name="Find").click()
    page.get_by_role("main").get_by_role("link", name="no-2").click()
    page.get_by_role("heading", name="try 2").wait_for()
    context.close()


def test_a_palette_that_cannot_be_read_leads_to_its_page(page: "Page") -> None:
    page.goto("/rejections/")
    page.route(
        "**/palette/",
        lambda route: route.abort() if route.request.is_navigation_request() is False else route.continue_(),
    )
    page.keyboard.press("Control+k")
    page.wait_for_url("**/palette/")


def test_the_filter_box_completes_keys_and_names(quiet: "Page") -> None:
    quiet.goto("/rejections/")
    box = quiet.get_by_label("Filter")
    box.press_sequentially("status:rejected bl")
    offered = quiet.locator("#completions option")
    quiet.locator("#completions option[value='status:rejected blueprint:']").wait_for(state="attached")
    box.press_sequentially("ueprint:team-")
    quiet.locator("#completions option[value='status:rejected blueprint:team-4']").wait_for(state="attached")
    assert offered.count() == 5
    box.fill("status:rejected blueprint:team-4")
    quiet.keyboard.press("Enter")
    quiet.wait_for_url("**/rejections/?blueprint_id=team-4**")
