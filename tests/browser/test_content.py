"""A person and an agent at one story: edit, conflict, resolve, look at the difference, restore."""

from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User

from content.store import open_store
from enhancelog.domain.origin import Origin

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

AGENT = Origin("token", "agent-7", "api")
STORY = "/content/stories/STORY-214"


def agent_writes(kind: str, value: str) -> None:
    open_store(AGENT).write("STORY-214", kind, value)


def value_of(kind: str) -> str | None:
    item = open_store(AGENT).read("STORY-214", kind)
    return item.value if item else None


def sign_in(page: "Page") -> None:
    User.objects.create_user("ada", password="correct horse", is_staff=True)
    page.goto("/account/sign-in?next=/content/")
    page.fill("[name=username]", "ada")
    page.fill("[name=password]", "correct horse")
    page.click("main button")
    page.wait_for_url("**/content/")


@pytest.fixture
def refused(page: "Page") -> list[str]:
    """What the browser complained about; the CSP speaks here."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    return said


def test_edit_conflict_resolve_diff_restore(page: "Page", refused: list[str]):
    agent_writes("story", "# Notes\n\nThe editor drops a section.\n\nKeep it.")
    sign_in(page)
    page.click("text=STORY-214")
    page.click("[aria-label='Edit Story']")
    page.fill("#kind-story textarea", "# Notes\n\nThe editor drops the section on breaking changes.\n\nKeep it.")
    page.click("#kind-story >> text=Save")
    page.wait_for_selector("#kind-story .prose >> text=breaking changes")
    assert page.url.endswith(STORY)
    page.wait_for_selector("#changes >> text=ada")

    page.click("[aria-label='Edit Story']")
    page.wait_for_selector("#kind-story textarea")
    agent_writes("story", "# Notes\n\nThe editor drops the section on breaking changes.\n\nKeep it, always.")
    page.fill(
        "#kind-story textarea", "# Release notes\n\nThe editor drops the section on breaking changes.\n\nKeep it."
    )
    page.click("#kind-story >> text=Save")
    page.wait_for_selector(".conflict >> text=was changed while you edited it")
    assert page.locator(".versions ins").all_inner_texts() == ["Keep it, always.", "# Release notes"]
    merged = "# Release notes\n\nThe editor drops the section on breaking changes.\n\nKeep it, always."
    page.fill(".conflict textarea", merged)
    page.click("text=Save this over theirs")
    page.wait_for_selector("#kind-story .prose >> text=Release notes")
    assert value_of("story") == merged

    page.click("[aria-label='History of Story']")
    page.wait_for_selector("#version-4")
    assert page.locator("#version-4 ins").all_inner_texts() == ["# Release notes"]
    assert page.locator("#version-2 del").all_inner_texts() == ["The editor drops a section."]
    page.click("[aria-label='Restore version 1']")
    page.wait_for_selector("#version-5")
    assert "Version 1 is restored as version 5" in page.inner_text(".messages")
    assert value_of("story") == "# Notes\n\nThe editor drops a section.\n\nKeep it."
    assert refused == []


def test_counter_switch_and_take_in_place(page: "Page", refused: list[str]):
    agent_writes("commit_recovery_pending", "1")
    agent_writes("merge_success", "")
    agent_writes("commit_recovery_forced_exit", "exit 1")
    sign_in(page)
    page.goto(STORY)
    assert page.is_disabled("#less-commit_recovery_pending")
    page.focus("#more-commit_recovery_pending")
    page.keyboard.press("Enter")
    page.wait_for_selector("#kind-commit_recovery_pending output:text('2')")
    assert page.evaluate("document.activeElement.id") == "more-commit_recovery_pending"
    page.click("#kind-merge_success [role=switch]")
    page.wait_for_selector("#kind-merge_success >> text=not set")
    page.click("[aria-label='Take Forced exit']")
    page.wait_for_selector("#kind-commit_recovery_forced_exit >> text=not set")
    assert "1 of 14 kinds set" in page.inner_text("#story-head")
    page.click(".unset summary")
    page.click("#kind-merge_fixup_pending [role=switch]")
    page.wait_for_selector("#kind-merge_fixup_pending [aria-checked=true]")
    assert value_of("merge_fixup_pending") == ""
    assert [value_of("merge_success"), value_of("commit_recovery_forced_exit")] == [None, None]
    assert refused == []


@pytest.fixture
def plain(browser: Any, live_server: Any) -> "Any":
    """A page in a browser without JavaScript."""
    context: BrowserContext = browser.new_context(base_url=live_server.url, java_script_enabled=False)
    context.set_default_timeout(10_000)
    yield context.new_page()
    context.close()


def test_everything_works_without_script(plain: "Page"):
    agent_writes("story", "one")
    agent_writes("abort_respawn_count", "1")
    sign_in(plain)
    plain.goto(STORY)
    plain.click("#more-abort_respawn_count")
    plain.wait_for_selector("#kind-abort_respawn_count output:text('2')")
    plain.click("[aria-label='Edit Story']")
    plain.wait_for_url("**/content/edit/story/STORY-214")
    agent_writes("story", "theirs")
    plain.fill("textarea", "mine")
    plain.click("text=Save")
    plain.wait_for_selector(".conflict")
    plain.click("text=Save this over theirs")
    plain.wait_for_selector("#kind-story .prose >> text=mine")
    plain.click("[aria-label='History of Story']")
    plain.click("[aria-label='Restore version 2']")
    plain.wait_for_selector("#version-4")
    assert value_of("story") == "theirs"
