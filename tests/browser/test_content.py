"""A person and an agent at one story: edit, conflict, resolve, look at the difference, restore."""

from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User

from content.store import open_store
from enhancelog.domain.origin import Origin
from tests.conftest import TIMEOUT_MS

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Locator, Page

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
    page.get_by_role("textbox", name="name").fill("ada")
    page.get_by_label("Password").fill("correct horse")
    page.get_by_role("main").get_by_role("button").click()
    page.wait_for_url("**/content/")


def kind(page: "Page", name: str) -> "Locator":
    """The kind's row on the story's page, or the form in its place."""
    return page.locator(f"#kind-{name}")


def link(page: "Page", name: str) -> "Locator":
    return page.get_by_role("link", name=name, exact=True)


def button(page: "Page", name: str) -> "Locator":
    return page.get_by_role("button", name=name, exact=True)


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
    link(page, "STORY-214").click()
    link(page, "Edit Story").click()
    page.get_by_role("textbox", name="Story").fill(
        "# Notes\n\nThe editor drops the section on breaking changes.\n\nKeep it."
    )
    button(page, "Save").click()
    kind(page, "story").get_by_text("breaking changes").wait_for()
    assert page.url.endswith(STORY)
    page.locator("#changes").get_by_text("ada").wait_for()

    link(page, "Edit Story").click()
    page.get_by_role("textbox", name="Story").wait_for()
    agent_writes("story", "# Notes\n\nThe editor drops the section on breaking changes.\n\nKeep it, always.")
    mine = "# Release notes\n\nThe editor drops the section on breaking changes.\n\nKeep it."
    page.get_by_role("textbox", name="Story").fill(mine)
    button(page, "Save").click()
    page.get_by_role("alert").get_by_text("was changed while you were editing it").wait_for()
    assert kind(page, "story").get_by_role("insertion").all_inner_texts() == ["Keep it, always.", "# Release notes"]
    merged = "# Release notes\n\nThe editor drops the section on breaking changes.\n\nKeep it, always."
    assert page.get_by_role("textbox", name="Story").input_value() == merged
    button(page, "Save the merged text").click()
    kind(page, "story").get_by_role("heading", name="Release notes").wait_for()
    assert value_of("story") == merged

    link(page, "History of Story").click()
    page.get_by_role("heading", name="Version 4").wait_for()
    assert page.locator("#version-4").get_by_role("insertion").all_inner_texts() == ["# Release notes"]
    assert page.locator("#version-2").get_by_role("deletion").all_inner_texts() == ["The editor drops a section."]
    button(page, "Restore version 1").click()
    page.get_by_role("heading", name="Version 5").wait_for()
    assert page.get_by_text("Version 1 was restored as version 5").is_visible()
    assert value_of("story") == "# Notes\n\nThe editor drops a section.\n\nKeep it."
    assert refused == []


def test_counter_switch_and_take_in_place(page: "Page", refused: list[str]):
    agent_writes("commit_recovery_pending", "1")
    agent_writes("merge_success", "")
    agent_writes("commit_recovery_forced_exit", "exit 1")
    sign_in(page)
    page.goto(STORY)
    assert button(page, "One less: Respawns without progress").is_disabled()
    more = button(page, "One more: Respawns without progress")
    more.press("Enter")
    kind(page, "commit_recovery_pending").get_by_text("2", exact=True).wait_for()
    assert more.evaluate("button => button === document.activeElement")
    page.get_by_role("switch", name="Merged").click()
    kind(page, "merge_success").get_by_text("not set").wait_for()
    link(page, "Take Forced exit…").click()
    button(page, "Take Forced exit").click()
    kind(page, "commit_recovery_forced_exit").get_by_text("not set").wait_for()
    assert page.get_by_text("1 of 14 kinds set").is_visible()
    page.get_by_text("kinds not set").click()
    page.get_by_role("switch", name="Merge fixup").click()
    page.get_by_role("switch", name="Merge fixup", checked=True).wait_for()
    assert value_of("merge_fixup_pending") == ""
    assert [value_of("merge_success"), value_of("commit_recovery_forced_exit")] == [None, None]
    assert refused == []


@pytest.fixture
def plain(browser: Any, live_server: Any) -> "Any":
    """A page in a browser without JavaScript."""
    context: BrowserContext = browser.new_context(base_url=live_server.url, java_script_enabled=False)
    context.set_default_timeout(TIMEOUT_MS)
    yield context.new_page()
    context.close()


def test_everything_works_without_script(plain: "Page"):
    agent_writes("story", "one")
    agent_writes("abort_respawn_count", "1")
    sign_in(plain)
    plain.goto(STORY)
    button(plain, "One more: Abort respawns").click()
    kind(plain, "abort_respawn_count").get_by_text("2", exact=True).wait_for()
    link(plain, "Edit Story").click()
    plain.wait_for_url("**/content/edit/story/STORY-214")
    agent_writes("story", "theirs")
    plain.get_by_role("textbox", name="Story").fill("mine")
    button(plain, "Save").click()
    button(plain, "Save this over theirs").click()
    kind(plain, "story").get_by_text("mine").wait_for()
    link(plain, "History of Story").click()
    button(plain, "Restore version 2").click()
    plain.get_by_role("heading", name="Version 4").wait_for()
    assert value_of("story") == "theirs"


def test_what_was_removed_is_back_after_undo(page: "Page", refused: list[str]):
    agent_writes("story", "one")
    agent_writes("commit_recovery_forced_exit", "exit 1")
    sign_in(page)
    page.goto(STORY)
    link(page, "Edit Story").click()
    link(page, "Remove…").click()
    link(page, "Cancel").click()
    link(page, "Edit Story").click()
    link(page, "Remove…").click()
    button(page, "Remove Story").click()
    kind(page, "story").get_by_text("Story removed.").wait_for()
    assert value_of("story") is None
    button(page, "Undo: Story").click()
    kind(page, "story").get_by_text("one", exact=True).wait_for()
    link(page, "Take Forced exit…").click()
    button(page, "Take Forced exit").click()
    button(page, "Undo: Forced exit").click()
    link(page, "Take Forced exit…").wait_for()
    assert [value_of("story"), value_of("commit_recovery_forced_exit")] == ["one", "exit 1"]
    page.goto("/content/edit/story/STORY-214")  # the form as a page of its own, with script
    link(page, "Remove…").click()
    button(page, "Remove Story").click()
    page.get_by_text("Story removed.").wait_for()
    button(page, "Undo: Story").click()
    link(page, "Edit Story").wait_for()
    assert value_of("story") == "one"
    assert refused == []


def test_a_work_item_is_created_from_the_list_without_script(plain: "Page"):
    sign_in(plain)
    plain.get_by_text("New work item").click()
    plain.get_by_role("textbox", name="Id", exact=True).fill("a:b")
    button(plain, "Continue").click()
    plain.get_by_role("alert").get_by_text("must not contain").wait_for()
    plain.get_by_role("textbox", name="Id", exact=True).fill("STORY-214")
    plain.get_by_role("combobox", name="First kind").select_option("Gate output")
    button(plain, "Continue").click()
    plain.get_by_role("textbox", name="Gate output").fill("FAILED")
    button(plain, "Save").click()
    kind(plain, "gate_output").get_by_text("FAILED").wait_for()
    assert value_of("gate_output") == "FAILED"
    plain.goto("/content/new?story_id=STORY-214&kind=story")
    assert plain.get_by_role("alert").inner_text() == "STORY-214 already exists."
