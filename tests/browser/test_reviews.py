"""A queue of 20 denials is reviewed by keyboard alone, and without scripts; an entry's denial on its page."""

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from enhancelog.domain.records import Verdict
from enhancelog.models import Review
from tests.browser.signing_in import sign_in, staff
from tests.factories import make_entry, make_rejected
from tests.recording import record_all
from tests.strategies import NOW_MS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

KEYS = ("r", "w", "x")
TWO = (Verdict("noop", "deny", "no change"), Verdict("schema", "deny", "no agents"), Verdict("size", "pass", ""))
VERDICTS = {"r": "right", "w": "wrong", "x": "unclear"}


@pytest.fixture(autouse=True)
def log(live_server: Any, settings: Any) -> None:
    settings.PUBLIC_READ = True
    record_all(make_rejected("noop", issue_id=f"no-{n}", ts_ms=NOW_MS - n, detail=f"no {n}") for n in range(30))


def left(page: "Page", number: int) -> None:
    expect(page.get_by_text(f"{number} left", exact=True)).to_be_visible()


def test_a_queue_by_keyboard_alone(quiet: "Page", live_server: Any) -> None:
    sign_in(quiet.context, staff(), live_server.url)
    quiet.goto("/triage/reviews/?axis=noop&seed=random")
    seen = set()
    for number in range(20, 0, -1):
        left(quiet, number)
        seen.add(quiet.locator("h1 + .lead a").first.inner_text())
        quiet.keyboard.press(KEYS[number % 3])
    left(quiet, 0)
    assert len(seen) == 20
    said = Counter(Review.objects.filter(seed__isnull=False).values_list("verdict", flat=True))
    assert said == Counter(VERDICTS[KEYS[number % 3]] for number in range(20, 0, -1))


def test_back_and_forth_with_a_reason(quiet: "Page", live_server: Any) -> None:
    sign_in(quiet.context, staff(), live_server.url)
    quiet.goto("/triage/reviews/?axis=noop&seed=4")
    left(quiet, 20)
    quiet.keyboard.press("w")
    left(quiet, 19)
    quiet.keyboard.press("k")
    pressed = quiet.get_by_role("button", name="Wrong")
    expect(pressed).to_have_attribute("aria-pressed", "true")
    quiet.get_by_role("textbox", name="Reason").fill("wrxjk")  # a reason is typed, not pressed
    for _ in range(3):
        quiet.keyboard.press("Tab")
    quiet.keyboard.press("Enter")
    quiet.wait_for_url(lambda url: "/triage/reviews/?" in url)
    left(quiet, 19)
    quiet.keyboard.press("?")
    expect(quiet.get_by_role("dialog").get_by_text("the denial was wrong")).to_be_visible()
    assert Review.objects.values_list("verdict", "reason").get() == ("unclear", "wrxjk")


def test_a_queue_without_scripts(browser: "Browser", live_server: Any) -> None:
    context = browser.new_context(java_script_enabled=False, base_url=live_server.url)
    sign_in(context, staff(), live_server.url)
    page = context.new_page()
    page.goto("/triage/reviews/?axis=noop&seed=random")
    for number in range(20, 0, -1):
        left(page, number)
        page.get_by_role("button", name=("Right", "Wrong", "Unclear")[number % 3]).click()
    left(page, 0)
    assert Review.objects.filter(seed__isnull=False).count() == 20
    context.close()


def test_a_denial_on_the_page_of_its_entry(quiet: "Page", live_server: Any) -> None:
    sign_in(quiet.context, staff(), live_server.url)
    quiet.goto("/entries/no-3")
    quiet.get_by_text("Was it right?").click()
    quiet.get_by_role("textbox", name="Reason").fill("it changes a line")
    quiet.get_by_role("button", name="Wrong").click()
    expect(quiet.get_by_role("status")).to_have_text("Wrong: your review of noop is saved.")
    expect(quiet.get_by_text("Reviewed: 1 wrong")).to_be_visible()
    expect(quiet.get_by_role("button", name="Wrong")).to_be_focused()
    assert Review.objects.values_list("verdict", "reason", "seed").get() == ("wrong", "it changes a line", None)


def test_without_scripts_the_page_says_that_the_review_is_saved(browser: "Browser", live_server: Any) -> None:
    context = browser.new_context(java_script_enabled=False, base_url=live_server.url)
    sign_in(context, staff(), live_server.url)
    page = context.new_page()
    page.goto("/entries/no-3")
    page.get_by_text("Was it right?").click()
    page.get_by_role("button", name="Unclear").click()
    expect(page.get_by_text("Your review is saved.")).to_be_visible()
    expect(page.get_by_text("Reviewed: 1 unclear")).to_be_visible()
    context.close()


def test_keys_on_the_page_of_an_entry_review_the_denial_with_the_focus(quiet: "Page", live_server: Any) -> None:
    record_all([make_entry(issue_id="two", status="rejected", verdicts=TWO)])
    sign_in(quiet.context, staff(), live_server.url)
    quiet.goto("/entries/two")
    first, second = quiet.locator(".verdicts li.deny").all()
    expect(first.locator(".meant")).to_be_visible()
    expect(second.locator(".meant")).to_be_hidden()
    quiet.keyboard.press("r")
    expect(quiet.get_by_role("status")).to_have_text("Right: your review of noop is saved.")
    expect(first.locator("summary")).to_have_text(re.compile("Reviewed: 1 right"))
    expect(first.locator("summary")).to_be_focused()
    second.get_by_role("link").first.focus()
    expect(first.locator(".meant")).to_be_hidden()
    expect(second.locator(".meant")).to_be_visible()
    quiet.keyboard.press("w")
    expect(quiet.get_by_role("status")).to_have_text("Wrong: your review of schema is saved.")
    expect(second.locator("summary")).to_have_text(re.compile("Reviewed: 1 wrong"))
    quiet.keyboard.press("x")
    expect(second.locator("summary")).to_have_text(re.compile("Reviewed: 1 unclear"))
    assert dict(Review.objects.values_list("axis", "verdict")) == {"noop": "right", "schema": "unclear"}


def test_keys_on_the_page_of_an_entry_do_nothing_while_somebody_types(quiet: "Page", live_server: Any) -> None:
    sign_in(quiet.context, staff(), live_server.url)
    quiet.goto("/entries/no-3")
    for key in ("Control+x", "Alt+w", "Meta+x", "Shift+R"):
        quiet.keyboard.press(key)
    quiet.get_by_text("Was it right?").click()
    reason = quiet.get_by_role("textbox", name="Reason")
    reason.press_sequentially("rwx")
    assert reason.input_value() == "rwx"
    assert not Review.objects.exists()
    quiet.keyboard.press("Escape")
    quiet.keyboard.press("?")
    dialog = quiet.get_by_role("dialog", name="Keys")
    for verdict in ("right", "wrong", "unclear"):
        expect(dialog.get_by_text(f"the denial was {verdict}")).to_have_count(1)
    dialog.get_by_role("checkbox").uncheck()
    quiet.keyboard.press("Escape")
    quiet.keyboard.press("r")
    quiet.reload()
    assert not Review.objects.exists()


def test_readers_have_no_keys_to_review_with(quiet: "Page") -> None:
    quiet.goto("/entries/no-3")
    quiet.keyboard.press("r")
    quiet.keyboard.press("?")
    expect(quiet.get_by_role("dialog", name="Keys").get_by_text("the denial was")).to_have_count(0)
    expect(quiet.get_by_text("Was it right?")).to_have_count(0)
    assert not Review.objects.exists()
