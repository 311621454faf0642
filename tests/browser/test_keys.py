"""Keys on their own: they move, go to pages, leave the box, and can be switched off. Back keeps the row."""

from typing import TYPE_CHECKING, Any

import pytest

from content.store import open_store
from enhancelog.domain.origin import Origin
from tests.factories import make_rejected
from tests.recording import record_all

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

NOON = 1_795_000_000_000
FOCUSED = "document.activeElement.textContent"


@pytest.fixture(autouse=True)
def log(live_server: Any, settings: Any) -> None:
    settings.PUBLIC_READ = True
    record_all(make_rejected("noop", issue_id=f"no-{n}", ts_ms=NOON + n, intent=f"try {n}") for n in range(8))


@pytest.mark.parametrize("path", ["/rejections/", "/search/", "/blueprints/main", "/patterns/"])
def test_escape_leaves_the_box_and_keeps_what_was_typed(quiet: "Page", path: str) -> None:
    quiet.goto(path)
    for box in (quiet.get_by_label("Filter"), quiet.get_by_role("searchbox", name="Search")):
        box.fill("ju")
        quiet.keyboard.press("Escape")
        assert box.input_value() == "ju"
        quiet.keyboard.press("j")
        assert box.input_value() == "ju"
        assert quiet.evaluate("document.activeElement.closest('[data-row]') !== null")


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("o", "/"),
        ("r", "/rejections/"),
        ("p", "/patterns/"),
        ("m", "/matrix/"),
        ("b", "/blueprints/"),
        ("c", "/content/"),
        ("s", "/search/"),
    ],
)
def test_g_and_a_letter_go_to_a_page(quiet: "Page", key: str, path: str) -> None:
    quiet.goto("/entries/no-3")
    quiet.keyboard.press("g")
    quiet.keyboard.press(key)
    quiet.wait_for_url(f"**{path}")


def test_a_letter_goes_nowhere_without_g_or_long_after_it(quiet: "Page") -> None:
    quiet.clock.install(time=0)
    quiet.goto("/rejections/")
    quiet.keyboard.press("m")
    quiet.keyboard.press("g")
    quiet.clock.run_for(2_000)
    quiet.keyboard.press("m")
    quiet.keyboard.press("g")
    quiet.keyboard.press("x")
    quiet.keyboard.press("m")
    assert quiet.url.endswith("/rejections/")


def test_j_and_k_move_between_entries_even_where_an_entry_has_rows_of_its_own(quiet: "Page") -> None:
    open_store(Origin("token", "agent-7", "api")).write("no-3", "story", "# One")
    quiet.goto("/entries/no-3?axis=noop")
    quiet.keyboard.press("j")
    quiet.get_by_role("heading", name="try 2").wait_for()
    for at in (3, 4):
        quiet.keyboard.press("k")
        quiet.get_by_role("heading", name=f"try {at}").wait_for()
    assert quiet.url.endswith("/entries/no-4?axis=noop")


@pytest.mark.parametrize("path", ["/rejections/", "/search/", "/blueprints/main", "/"])
def test_back_keeps_the_row(quiet: "Page", path: str) -> None:
    quiet.goto(path)
    quiet.keyboard.press("j")
    quiet.keyboard.press("j")
    row = quiet.evaluate(FOCUSED)
    quiet.keyboard.press("Enter")
    quiet.wait_for_url(lambda url: not url.endswith(path))
    quiet.go_back()
    quiet.wait_for_function(f"{FOCUSED} === {row!r}")
    quiet.keyboard.press("k")
    assert quiet.evaluate("document.activeElement.closest('[data-row]') !== null")


def test_back_finds_the_row_again_that_was_loaded_later(quiet: "Page") -> None:
    record_all(make_rejected("noop", issue_id=f"late-{n}", ts_ms=NOON - n, intent=f"late {n}") for n in range(1, 120))
    for path in ("/rejections/", "/blueprints/main", "/search/"):
        quiet.goto(path)
        for last in (100, 127):
            quiet.locator("#further").click()
            quiet.locator("[data-row]").nth(last - 1).wait_for()
        row = quiet.locator("[data-row]").nth(120)
        opened = row.get_attribute("id")
        row.get_by_role("link").first.click()
        quiet.wait_for_url("**/entries/*")
        quiet.go_back()
        quiet.locator(f"[id='{opened}'] a:focus").wait_for()
        assert quiet.evaluate("document.activeElement.getBoundingClientRect().bottom <= innerHeight")


def test_keys_are_switched_off_and_on_and_stay_so(quiet: "Page") -> None:
    quiet.goto("/rejections/")
    quiet.keyboard.press("?")
    dialog = quiet.get_by_role("dialog", name="Keys")
    assert dialog.get_by_text("Overview").is_visible()
    dialog.get_by_role("checkbox").uncheck()
    quiet.keyboard.press("Escape")
    quiet.reload()
    for key in ("j", "/", "?", "g", "m"):
        quiet.keyboard.press(key)
        assert quiet.evaluate("document.activeElement === document.body"), key
    assert not dialog.is_visible()
    quiet.get_by_role("button", name="Keys").click()
    dialog.get_by_role("checkbox").check()
    quiet.keyboard.press("Escape")
    quiet.reload()
    quiet.keyboard.press("j")
    assert quiet.evaluate("document.activeElement.closest('[data-row]') !== null")
