"""Notes by keyboard alone, and without JavaScript."""

from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User

from enhancelog.domain.times import now_ms
from enhancelog.models import Note
from tests.browser.console import heard
from tests.browser.test_every_page import opened
from tests.factories import make_entry
from tests.recording import record

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def ada(transactional_db: None, settings: Any) -> User:
    settings.PUBLIC_READ = True
    record(make_entry(issue_id="h-1", blueprint_id="", ts_ms=now_ms()))
    return User.objects.create_user("ada", is_staff=True)


def reached(page: "Page", wanted: "Locator") -> None:
    """Tabs on until it has the focus."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if wanted.evaluate("element => element === document.activeElement"):
            return
    pytest.fail(f"the keyboard does not reach {wanted}")


def worked_through(page: "Page", address: str) -> None:
    """A note is added, edited and withdrawn, with keys alone."""
    from playwright.sync_api import expect

    page.goto(address)
    reached(page, page.get_by_text("Add a note", exact=True))
    page.keyboard.press("Enter")
    reached(page, page.get_by_label("Note", exact=True))
    page.keyboard.type("**worth** knowing, @ada")
    reached(page, page.get_by_role("button", name="Add the note"))
    page.keyboard.press("Enter")
    expect(page.locator(".remark strong")).to_have_text("worth")
    expect(page.locator(".remark .mention")).to_have_text("@ada")
    assert page.url.endswith(f"#note-{Note.objects.get().pk}")
    reached(page, page.get_by_role("link", name="Edit…"))
    page.keyboard.press("Enter")
    expect(page.get_by_label("Note", exact=True)).to_have_value("**worth** knowing, @ada")
    reached(page, page.get_by_label("Note", exact=True))
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.type("changed")
    reached(page, page.get_by_role("button", name="Save"))
    page.keyboard.press("Enter")
    expect(page.locator(".remark .prose")).to_have_text("changed")
    reached(page, page.get_by_role("link", name="Withdraw…"))
    page.keyboard.press("Enter")
    reached(page, page.get_by_role("button", name="Withdraw"))
    page.keyboard.press("Enter")
    expect(page.locator(".remark")).to_contain_text("was withdrawn by")
    expect(page.locator(".remark")).not_to_contain_text("changed")


@pytest.mark.parametrize("script", [True, False], ids=["with scripts", "without"])
@pytest.mark.parametrize("address", ["/entries/h-1", "/blueprints/?blueprint_id="])
def test_a_note_is_added_edited_and_withdrawn_by_keyboard(
    browser: "Browser", live_server: Any, ada: User, script: bool, address: str
) -> None:
    context = opened(browser, live_server.url, ada, java_script_enabled=script)
    page = context.new_page()
    said = heard(page) if script else []
    worked_through(page, address)
    assert said == []
    context.close()


def test_of_two_editors_the_second_keeps_the_text(browser: "Browser", live_server: Any, ada: User) -> None:
    from playwright.sync_api import expect

    context = opened(browser, live_server.url, ada)
    first, second = context.new_page(), context.new_page()
    first.goto("/entries/h-1")
    first.get_by_text("Add a note", exact=True).click()
    first.get_by_label("Note", exact=True).fill("one")
    first.get_by_role("button", name="Add the note").click()
    expect(first.locator(".remark .prose")).to_have_text("one")
    for page in (first, second):
        page.goto(f"/notes/edit/{Note.objects.get().pk}")
        page.get_by_label("Note", exact=True).fill("first" if page == first else "second")
    first.get_by_role("button", name="Save").click()
    expect(first.locator(".remark .prose")).to_have_text("first")
    second.get_by_role("button", name="Save").click()
    expect(second.get_by_role("alert").first).to_contain_text("was changed while you were editing")
    expect(second.get_by_label("Note", exact=True)).to_have_value("second")
    second.get_by_role("button", name="Save this over version 2").click()
    expect(second.locator(".remark .prose")).to_have_text("second")
    context.close()
