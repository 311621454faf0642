"""Nothing typed is lost: not when the session ends, not when somebody leaves, not without JavaScript."""

from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User

from content.store import open_store
from enhancelog.domain.origin import Origin
from enhancelog.models import SavedView
from tests.browser.signing_in import fill_in_password, sign_in, sign_out_elsewhere, staff
from tests.conftest import TIMEOUT_MS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Dialog, Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

EDITOR = "/content/edit/story/S-1"
STORY = "/content/stories/S-1"
TYPED = "words typed\n\nfor an hour"


@pytest.fixture
def ada(page: "Page", live_server: Any) -> User:
    user = staff()
    sign_in(page.context, user, live_server.url)
    return user


def saved() -> str | None:
    item = open_store(Origin("user", "ada", "web")).read("S-1", "story")
    return item.value if item else None


def editor(page: "Page") -> Any:
    return page.get_by_role("textbox", name="Story")


@pytest.mark.parametrize("start", [EDITOR, STORY])
def test_what_was_typed_is_kept_when_the_session_ends(page: "Page", ada: User, start: str) -> None:
    page.goto(start)
    if start == STORY:
        page.locator("summary", has_text="kinds not set").click()
        page.get_by_role("link", name="Add Story").click()
    editor(page).fill(TYPED)
    sign_out_elsewhere(page)
    page.get_by_role("alert").get_by_text("You are no longer signed in here.").wait_for()
    assert not page.get_by_role("heading").first.is_visible()
    page.get_by_role("button", name="Save").click()
    fill_in_password(page)
    page.get_by_text("You are signed in as ada.").wait_for()
    assert page.get_by_label("Text").input_value() == TYPED
    assert saved() is None
    page.get_by_role("button", name="Send again").click()
    page.wait_for_url(f"**{STORY}*")
    assert saved() == TYPED


def test_a_form_is_kept_without_javascript(browser: "Browser", live_server: Any, db: None) -> None:
    context = browser.new_context(base_url=live_server.url, java_script_enabled=False)
    context.set_default_timeout(TIMEOUT_MS)
    sign_in(context, staff(), live_server.url)
    page = context.new_page()
    page.goto("/account/views?url=/rejections/")
    page.get_by_label("Name").fill("Mine")
    page.get_by_label("Share with everybody").check()
    sign_out_elsewhere(page)
    page.get_by_role("button", name="Save").click()
    assert page.get_by_label("Name", exact=True).input_value() == "Mine"
    fill_in_password(page)
    page.get_by_role("button", name="Send again").click()
    page.wait_for_url("**/rejections/")
    assert SavedView.objects.values_list("name", "shared").get() == ("Mine", True)
    context.close()


def test_an_older_tab_goes_on_after_signing_in_anew(page: "Page", ada: User) -> None:
    page.goto(EDITOR)
    editor(page).fill(TYPED)
    sign_out_elsewhere(page)
    other = page.context.new_page()
    other.goto("/account/sign-in")
    fill_in_password(other)
    other.wait_for_url(lambda url: "sign-in" not in url)
    page.get_by_role("heading", name="Add story").wait_for()
    page.get_by_role("button", name="Save").click()
    page.get_by_text("for an hour").and_(page.locator(".prose p")).wait_for()
    assert saved() == TYPED


def test_an_older_tab_does_not_write_for_somebody_else(page: "Page", ada: User) -> None:
    staff("eve")
    page.goto(EDITOR)
    editor(page).fill(TYPED)
    sign_out_elsewhere(page)
    other = page.context.new_page()
    other.goto("/account/sign-in")
    fill_in_password(other, "eve")
    other.wait_for_url(lambda url: "sign-in" not in url)
    page.get_by_role("button", name="Save").click()
    page.get_by_role("heading", name="This form is out of date").wait_for()
    assert page.get_by_label("Text").input_value() == TYPED
    assert saved() is None


def test_leaving_with_unsaved_text_asks(page: "Page", ada: User) -> None:
    asked: list[str] = []

    def stay(dialog: "Dialog") -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.goto(STORY)
    page.locator("summary", has_text="kinds not set").click()
    page.get_by_role("link", name="Add Story").click()
    page.on("dialog", stay)
    editor(page).fill(TYPED)
    page.get_by_role("link", name="Rejections").click()
    page.get_by_role("button", name="Sign out").click()
    assert asked == ["beforeunload"] * 2
    page.get_by_role("link", name="Cancel").click()
    assert asked[2:] == ["confirm"]
    assert editor(page).input_value() == TYPED
    page.get_by_role("button", name="Save").click()
    page.locator(".prose").get_by_text("for an hour").wait_for()
    page.get_by_role("link", name="Rejections").click()
    page.wait_for_url("**/rejections/")
    assert len(asked) == 3


def test_leaving_an_unchanged_form_asks_nothing(page: "Page", ada: User) -> None:
    asked: list[str] = []

    def leave(dialog: "Dialog") -> None:
        asked.append(dialog.type)
        dialog.accept()

    page.on("dialog", leave)
    for path in (EDITOR, "/account/tokens", "/account/password", "/account/views"):
        page.goto(path)
        page.get_by_role("textbox").last.focus()
        page.get_by_role("link", name="Matrix").click()
        page.wait_for_url("**/matrix/")
    page.goto(EDITOR)
    editor(page).fill(TYPED)
    editor(page).fill("")
    page.get_by_role("link", name="Matrix").click()
    page.wait_for_url("**/matrix/")
    assert asked == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1440])
def test_the_kept_form_is_accessible_and_fits(
    browser: "Browser", live_server: Any, db: None, scheme: Any, width: int
) -> None:
    context = browser.new_context(
        base_url=live_server.url, color_scheme=scheme, viewport={"width": width, "height": 800}
    )
    sign_in(context, staff(), live_server.url)
    page = context.new_page()
    page.goto(EDITOR)
    editor(page).fill("w" * 500)
    sign_out_elsewhere(page)
    page.get_by_role("button", name="Save").press("Enter")
    page.get_by_role("heading", name="Sign in to go on").wait_for()
    for step in (lambda: None, lambda: fill_in_password(page)):
        step()
        page.get_by_label("Text").wait_for()
        violations = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
        assert [each["id"] for each in violations] == []
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    context.close()


def test_a_page_that_comes_back_no_longer_sends_the_button_that_was_pressed(page: "Page", ada: User) -> None:
    page.goto("/account/views")
    sent = page.evaluate(
        """() => {
            HTMLFormElement.prototype.submit = () => {};
            const form = document.querySelector("[data-theme-form]");
            const sent = () => new FormData(form).getAll("theme").length;
            sendAsPage(form, form.elements.theme[0]);
            const before = sent();
            dispatchEvent(new Event("pageshow"));
            return [before, sent()];
        }"""
    )
    assert sent == [1, 0]
