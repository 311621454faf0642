"""Copy leads to the value everywhere: by the clipboard, by command where there is none, and by hand where both fail."""

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from tests.browser.signing_in import sign_in, staff
from tests.factories import make_rejected
from tests.recording import record

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

NO_CLIPBOARD = "Object.defineProperty(navigator, 'clipboard', { value: undefined });"
TURNING = "no-\u202e1"
NO_COMMAND = "document.execCommand = () => false;"


@pytest.fixture
def token(page: "Page", live_server: Any) -> "Page":
    """Not yet at the page of a new token."""
    sign_in(page.context, staff(), live_server.url)
    return page


def create(page: "Page") -> str:
    page.goto("/account/tokens")
    page.get_by_label("Name").fill("robot-1")
    page.get_by_label("read the log").check()
    page.get_by_role("button", name="Create token").click()
    page.get_by_role("heading", name="robot-1").wait_for()
    return page.locator("#secret").inner_text()


def pasted(page: "Page") -> str:
    """What is on the clipboard, as a text field gets it."""
    page.locator("header.top input[type=search]").focus()
    page.keyboard.press("Control+v")
    return page.locator("header.top input[type=search]").input_value()


@pytest.mark.parametrize("script", ["", NO_CLIPBOARD])
def test_a_token_is_copied_with_and_without_a_clipboard(token: "Page", script: str) -> None:
    token.add_init_script(script)
    secret = create(token)
    token.get_by_role("button", name="Copy").click()
    token.get_by_role("button", name="copied").wait_for()
    assert pasted(token) == secret
    token.get_by_role("button", name="Copy").wait_for()


def test_a_copy_that_fails_leaves_the_value_selected(token: "Page") -> None:
    token.add_init_script(NO_CLIPBOARD + NO_COMMAND)
    secret = create(token)
    token.get_by_role("button", name="Copy").click()
    token.get_by_role("alert").get_by_text("Copy the selected text yourself").wait_for()
    assert token.evaluate("getSelection().toString()") == secret
    token.keyboard.press("Control+c")
    assert pasted(token) == secret


def test_a_name_that_deceives_keeps_its_mark_after_it_was_copied(page: "Page", settings: Any) -> None:
    settings.PUBLIC_READ = True
    record(make_rejected("noop", issue_id=TURNING))
    page.goto(f"/entries/{quote(TURNING)}")
    button = page.locator(".crumb button")
    shown = button.inner_html()
    button.click()
    button.get_by_text("copied").wait_for()
    button.locator("bdi").wait_for()
    assert button.inner_html() == shown


@pytest.mark.parametrize("address", ["/axes/noop?period=all", "/patterns/"])
def test_a_prompt_is_copied_whole(page: "Page", settings: Any, address: str) -> None:
    settings.PUBLIC_READ = True
    record(make_rejected("noop", issue_id="a"))
    page.goto(address)
    if address == "/patterns/":
        page.locator(".patterns td a.name").click()
    page.get_by_role("link", name="Copy as prompt").click()
    page.get_by_role("link", name="copied").wait_for()
    shown = page.locator("#prompt").text_content() or ""
    assert "".join(pasted(page).split()) == "".join(shown.split()) != ""  # a text field has no line breaks
    assert not page.locator("details.prompt").evaluate("details => details.open")


def test_without_javascript_the_prompt_is_on_the_page(browser: Any, live_server: Any, settings: Any) -> None:
    settings.PUBLIC_READ = True
    record(make_rejected("noop", issue_id="a"))
    page = browser.new_page(java_script_enabled=False, base_url=live_server.url)
    page.goto("/axes/noop?period=all")
    page.get_by_role("link", name="Copy as prompt").click()
    page.locator("#prompt").wait_for(state="visible")
    page.close()
