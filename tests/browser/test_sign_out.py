"""After sign-out no page that was made for the user can be looked at, by Back or in another tab."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.signing_in import fill_in_password, sign_in, sign_out_elsewhere, staff
from tests.conftest import CHROMIUM_FLAGS, TIMEOUT_MS, find_chromium
from tests.factories import make_rejected
from tests.recording import record

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(params=["memory", "disk"])
def kept_in(request: pytest.FixtureRequest) -> str:
    """Where the browser keeps the pages that were left: in the back/forward cache or as files."""
    return str(request.param)


@pytest.fixture
def private(kept_in: str, browser: "Browser", live_server: Any) -> "Iterator[Page]":
    """A signed-in browser. Playwright switches the back/forward cache off."""
    record(make_rejected("noop", issue_id="no-1", intent="a private intent"))
    switch = ["--disable-back-forward-cache"] if kept_in == "memory" else []
    launched = browser.browser_type.launch(
        executable_path=find_chromium(), args=CHROMIUM_FLAGS, ignore_default_args=switch
    )
    context = launched.new_context(base_url=live_server.url)
    context.set_default_timeout(TIMEOUT_MS)
    sign_in(context, staff(), live_server.url)
    yield context.new_page()
    launched.close()


def test_back_after_sign_out_leads_to_sign_in(private: "Page") -> None:
    private.goto("/entries/no-1")
    private.goto("/rejections/")
    private.get_by_role("button", name="Sign out").click()
    private.wait_for_url("**/account/sign-in")
    for back in ("**/account/sign-in?next=/rejections/", "**/account/sign-in?next=/entries/no-1"):
        private.evaluate("history.back()")
        private.wait_for_url(back)
        assert not private.get_by_text("a private intent").count()


def test_back_while_signed_in_shows_the_page_as_it_was(private: "Page", kept_in: str) -> None:
    private.goto("/rejections/")
    private.evaluate("window.kept = true")
    private.goto("/matrix/")
    private.evaluate("history.back()")
    private.get_by_role("heading", name="Rejections").wait_for()
    private.get_by_text("a private intent").wait_for()
    assert private.evaluate("window.kept === true") == (kept_in == "memory")


def test_sign_out_reaches_every_tab_and_signing_in_again_too(private: "Page") -> None:
    private.goto("/rejections/")
    sign_out_elsewhere(private)
    private.wait_for_url("**/account/sign-in?next=/rejections/")
    other = private.context.new_page()
    other.goto("/account/sign-in")
    fill_in_password(other)
    private.wait_for_url("**/rejections/")
    private.get_by_text("a private intent").wait_for()


def test_a_page_of_somebody_else_goes_blank(private: "Page", live_server: Any) -> None:
    private.goto("/account/tokens")
    private.evaluate("window.kept = true")
    sign_in(private.context, staff("eve"), live_server.url)
    other = private.context.new_page()
    other.goto("/")
    private.get_by_role("link", name="eve").wait_for()
    assert private.evaluate("window.kept === undefined")


def test_a_page_that_needs_no_sign_in_stays(private: "Page", settings: Any) -> None:
    settings.PUBLIC_READ = True
    private.context.clear_cookies()
    private.goto("/rejections/")
    private.evaluate("window.kept = true")
    other = private.context.new_page()
    other.goto("/account/sign-in")
    fill_in_password(other)
    other.wait_for_url(lambda url: "sign-in" not in url)
    assert private.evaluate("window.kept")
