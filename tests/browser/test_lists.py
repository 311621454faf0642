"""What every list offers: new entries are told and never move it, keys, menus, saving it, and the colours."""

from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import expect

from enhancelog.accounts import saved_views
from enhancelog.models import Session
from tests.factories import make_entry, make_rejected
from tests.recording import record, record_all

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Request

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

NOOP = "/rejections/?axis=noop"
EVERY_S = range(15, 18)
TURN = """() => new Promise((go) => {
    const line = new MessageChannel();
    line.port1.onmessage = go;
    line.port2.postMessage(0);
})"""
"""What the page had in hand is done; its timers stand still."""


@pytest.fixture
def ada(page: "Page", live_server: Any) -> User:
    """Signed in in the browser, with a log to look at."""
    record_all(
        make_rejected("noop", issue_id=f"no-{n}", ts_ms=1_795_000_000_000 + n, intent=f"try {n}") for n in range(60)
    )
    user = User.objects.create_user("ada", password="correct horse")
    client = Client()
    client.force_login(user)
    name = settings.SESSION_COOKIE_NAME
    page.context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": live_server.url}])
    return user


def test_a_time_tells_the_readers_own_time_to_who_points_at_it(browser: "Browser", live_server: Any, ada: User):
    context = browser.new_context(base_url=live_server.url, locale="en-GB", timezone_id="Asia/Tokyo")
    client = Client()
    client.force_login(ada)
    name = settings.SESSION_COOKIE_NAME
    context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": live_server.url}])
    page = context.new_page()
    page.goto(NOOP)
    time = page.locator("tbody time").first
    assert time.get_attribute("title") == "2026-11-18 11:06:40 UTC"
    time.hover()
    assert time.get_attribute("title") == "2026-11-18 11:06:40 UTC\n18 Nov 2026, 20:06:40 GMT+9"
    context.close()


REAL_MS = 30
"""After each step of the page's clock, so that a request which it started is heard of before the next step."""


class Polls:
    """The requests of a page that ask for what is new, while its clock stands still but for what it is wound on."""

    def __init__(self, page: "Page") -> None:
        self.page = page
        self.asked: list[Request] = []
        page.on("request", lambda request: self.asked.append(request) if "after=" in request.url else None)
        page.clock.install(time=0)
        page.clock.pause_at(1)

    def after_s(self, limit_s: int = 60, step_s: int = 1) -> int | None:
        """In how many seconds the next one comes, and is answered; ``None`` if none does."""
        before = len(self.asked)
        for waited_s in range(0, limit_s + 1, step_s):
            self.page.evaluate(TURN)
            if len(self.asked) > before:
                self.status()
                return waited_s
            self.page.clock.run_for(step_s * 1_000)
            self.page.wait_for_timeout(REAL_MS)
        return None

    def at_once(self) -> int | None:
        """The status of a first one that the clock need not be wound on for; ``None`` if none is under way."""
        for _ in range(1_000):
            if self.asked:
                return self.status()
            self.page.evaluate(TURN)
        return None

    def status(self) -> int:
        """Of the last answer, which the page has seen."""
        answer = self.asked[-1].response()
        assert answer is not None
        self.page.evaluate(TURN)
        return answer.status


@pytest.fixture
def polls(page: "Page") -> Polls:
    return Polls(page)


def test_new_entries_are_told_without_moving_the_list(quiet: "Page", ada: User, polls: Polls) -> None:
    quiet.goto(NOOP)
    quiet.evaluate("scrollTo(0, 300)")
    first = quiet.locator("[data-row]").first
    shown, place = first.inner_text(), first.bounding_box()
    new = make_rejected("noop", issue_id="new", ts_ms=1_795_000_000_099, intent="the new one")
    record(new, make_rejected("des", issue_id="other"), make_entry(issue_id="fine"))
    assert polls.after_s() in EVERY_S
    pill = quiet.get_by_role("link", name="1 new")
    pill.wait_for()
    assert quiet.get_by_role("status").filter(has=pill).count() == 1
    assert (first.inner_text(), first.bounding_box()) == (shown, place)
    assert polls.after_s() is not None
    assert polls.status() == 304
    pill.click()
    quiet.locator("[data-row]", has_text="the new one").wait_for()
    assert quiet.url.endswith(NOOP)
    assert quiet.evaluate("scrollY") == 0
    assert not quiet.locator("[data-new-entries]").is_visible()


def test_looking_for_new_entries_can_be_paused_for_good(quiet: "Page", ada: User, polls: Polls) -> None:
    quiet.goto("/blueprints/main")
    live = quiet.get_by_role("button", name="Live")
    live.click()
    assert live.get_attribute("aria-pressed") == "false"
    assert polls.after_s() is None
    quiet.goto("/search/")
    assert polls.after_s() is None
    record(make_entry(issue_id="newer"))
    live.click()
    quiet.get_by_role("link", name="1 new").wait_for()


def test_a_browser_that_stores_nothing_offers_the_same(quiet: "Page", ada: User, polls: Polls) -> None:
    quiet.add_init_script("""for (const name of ["localStorage", "sessionStorage"]) {
        Object.defineProperty(window, name, { get() { throw new DOMException("Denied", "SecurityError"); } });
    }""")
    quiet.goto("/search/")
    live = quiet.get_by_role("button", name="Live")
    live.click()
    assert live.get_attribute("aria-pressed") == "false"
    quiet.keyboard.press("?")
    quiet.get_by_label("Use keys without Ctrl").uncheck()
    quiet.get_by_role("button", name="Close").click()
    quiet.keyboard.press("?")
    assert not quiet.get_by_role("dialog").is_visible()


def test_nobody_asks_while_nobody_looks(quiet: "Page", ada: User, polls: Polls) -> None:
    quiet.goto("/search/")
    for hidden in (True, False):
        quiet.evaluate(
            """hidden => { Object.defineProperty(document, "hidden", {value: hidden, configurable: true});
            document.dispatchEvent(new Event("visibilitychange")); }""",
            hidden,
        )
        if hidden:
            assert polls.after_s() is None
        else:
            assert polls.at_once() == 200
            assert polls.after_s() in EVERY_S
        assert len(polls.asked) == (0 if hidden else 2)


def test_a_server_that_fails_is_asked_less_and_less(page: "Page", ada: User, polls: Polls) -> None:
    page.route("**/search/?after=*", lambda route: route.fulfill(status=503))
    page.goto("/search/")
    for expected_s in (15, 30, 60, 120, 240, 300):
        waited_s = polls.after_s(600, step_s=5) or 0
        assert expected_s <= waited_s <= expected_s + 10


def test_who_is_signed_out_is_asked_no_more(quiet: "Page", ada: User, polls: Polls) -> None:
    quiet.goto("/search/")
    Session.objects.all().delete()
    assert polls.after_s() in EVERY_S
    assert polls.after_s() is None
    assert quiet.url.endswith("/search/")
    quiet.get_by_role("button", name="Not live: signed out").click()
    quiet.wait_for_url("**/account/sign-in?next=/search/")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda route: route.fulfill(status=500), "Not live: server error"),
        (lambda route: route.fulfill(status=429), "Not live: server busy"),
        (lambda route: route.fulfill(status=403), "Not live: refused"),
        (lambda route: route.abort(), "Not live: no answer"),
    ],
)
def test_a_list_that_is_not_live_says_why(page: "Page", ada: User, polls: Polls, answer: Any, said: str) -> None:
    page.route("**/search/?after=*", answer)
    page.goto("/search/")
    live = page.get_by_role("button", name="Live", exact=True)
    assert live.get_attribute("aria-pressed") == "true"
    page.clock.run_for(EVERY_S.stop * 1_000)
    dead = page.get_by_role("button", name=said)
    dead.wait_for()
    assert dead.get_attribute("aria-pressed") == "false"
    page.unroute("**/search/?after=*")
    dead.click()
    live.wait_for()
    assert live.get_attribute("aria-pressed") == "true"


def test_keys_walk_every_list_and_what_was_loaded_later(quiet: "Page", ada: User) -> None:
    saved_views.make(ada, "Noop", NOOP)
    for path in ("/", "/blueprints/", "/blueprints/main", "/rejections/", "/search/", "/account/views"):
        quiet.goto(path)
        quiet.keyboard.press("j")
        assert quiet.evaluate("document.activeElement.closest('[data-row]') === document.querySelector('[data-row]')")
    quiet.goto("/rejections/")
    quiet.locator("#further").focus()
    quiet.keyboard.press("Enter")
    quiet.locator("[data-row]").nth(59).wait_for()
    assert quiet.evaluate("document.activeElement.id") == "further"
    quiet.evaluate("document.querySelectorAll('[data-row] a')[98].focus()")
    quiet.keyboard.press("j")
    quiet.keyboard.press("j")
    assert quiet.evaluate("document.activeElement.closest('[data-row]').innerText").startswith("noop")
    quiet.keyboard.press("Enter")
    quiet.wait_for_url("**/entries/no-*")


def test_the_menu_of_views_is_filled_when_it_opens_and_closes_by_key(quiet: "Page", ada: User) -> None:
    saved_views.make(ada, "My noops", NOOP)
    quiet.goto("/search/")
    summary = quiet.locator("summary", has_text="Views")
    summary.focus()
    quiet.keyboard.press("Enter")
    link = quiet.get_by_role("link", name="My noops")
    link.wait_for()
    quiet.keyboard.press("Tab")
    assert quiet.evaluate("document.activeElement.textContent") == "My noops"
    quiet.keyboard.press("Escape")
    assert not link.is_visible()
    assert quiet.evaluate("document.activeElement.textContent") == "Views"
    quiet.keyboard.press("Enter")
    quiet.locator("h1").click()
    assert not link.is_visible()


def test_the_colours_change_in_place_and_stay(quiet: "Page", ada: User) -> None:
    quiet.emulate_media(color_scheme="light")
    quiet.goto("/rejections/")
    quiet.evaluate("window.same = true")
    light = quiet.evaluate("getComputedStyle(document.body).backgroundColor")
    with quiet.expect_response("**/account/theme"):
        quiet.get_by_role("button", name="Dark").click()
    assert quiet.evaluate("window.same")
    assert quiet.evaluate("getComputedStyle(document.body).backgroundColor") != light
    quiet.goto("/")
    assert quiet.locator("html").get_attribute("data-theme") == "dark"
    assert quiet.get_by_role("button", name="Dark").get_attribute("aria-pressed") == "true"


def test_on_paper_folded_texts_are_whole_and_nothing_is_left_to_press(quiet: "Page", ada: User) -> None:
    end = "the very end of it"
    record(
        make_rejected("noop", issue_id="long", detail="x " * 2_000 + end, rationale="[a link](https://example.org/)")
    )
    quiet.goto("/entries/long")
    assert not quiet.get_by_text(end).is_visible()
    quiet.emulate_media(media="print")
    assert quiet.get_by_text(end).is_visible()
    assert not any(each.is_visible() for each in quiet.locator("header.top, footer, .actions, form").all())
    after = quiet.evaluate("getComputedStyle(document.querySelector('.prose a'), '::after').content")
    assert "https://example.org/" in after


def test_a_list_is_saved_and_the_colours_chosen_without_javascript(
    browser: "Browser", live_server: Any, ada: User, page: "Page"
) -> None:
    context = browser.new_context(
        base_url=live_server.url, java_script_enabled=False, storage_state=page.context.storage_state()
    )
    plain = context.new_page()
    plain.goto(NOOP)
    plain.locator("summary", has_text="Views").click()
    plain.get_by_role("link", name="Save this view").click()
    plain.get_by_label("Name", exact=True).fill("Noops")
    plain.get_by_role("button", name="Save").click()
    plain.wait_for_url(f"**{NOOP}")
    expect(plain.get_by_text("List saved as Noops.")).to_be_visible()
    plain.get_by_role("button", name="Dark").click()
    expect(plain.locator("html")).to_have_attribute("data-theme", "dark")
    plain.wait_for_url(f"**{NOOP}")
    plain.locator("summary", has_text="Export").click()
    assert plain.get_by_role("link", name="CSV").is_visible()
    context.close()
