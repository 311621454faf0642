"""A request that fails says so, on whose side, and can be tried again."""

from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from content.store import open_store
from enhancelog.domain.origin import Origin
from tests.browser.signing_in import sign_in, staff
from tests.factories import make_rejected
from tests.recording import record_all

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page, Route

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

STORY = "/content/stories/S-1"
EDITOR = "/content/edit/story/S-1"


@pytest.fixture
def signed_in(page: "Page", live_server: Any) -> "Page":
    record_all(make_rejected("noop", issue_id=f"no-{n}", ts_ms=1_795_000_000_000 + n) for n in range(60))
    sign_in(page.context, staff(), live_server.url)
    return page


def open_editor(page: "Page", start: str = STORY) -> None:
    page.goto(start)
    if start == STORY:
        page.locator("summary", has_text="kinds not set").click()
        page.get_by_role("link", name="Add Story").click()
    page.get_by_role("textbox", name="Story").wait_for()


def unavailable(route: "Route") -> None:
    route.fulfill(status=503, body="")


def unreachable(route: "Route") -> None:
    route.abort()


def posts(answer: Any) -> Any:
    return lambda route: answer(route) if route.request.method == "POST" else route.continue_()


def failure(page: "Page") -> "Locator":
    return page.get_by_role("alert")


TYPED = """form => [...form.elements].filter((field) => field.type !== "hidden").map((field) => field.value)"""
SERVER = "The server failed (503)."
NETWORK = "There was no answer: the connection or the server is down."


@pytest.mark.parametrize("start", [STORY, EDITOR])
@pytest.mark.parametrize(("answer", "side"), [(unavailable, SERVER), (unreachable, NETWORK)])
def test_saving_that_fails_says_why_keeps_the_text_and_can_be_tried_again(
    signed_in: "Page", answer: Any, side: str, start: str
) -> None:
    open_editor(signed_in, start)
    signed_in.get_by_role("textbox", name="Story").fill("my text")
    signed_in.route("**/content/edit/**", posts(answer))
    signed_in.get_by_role("button", name="Save").click()
    failure(signed_in).get_by_text(side).wait_for()
    assert failure(signed_in).get_by_text("“Save” failed.").is_visible()
    assert signed_in.get_by_role("textbox", name="Story").input_value() == "my text"
    signed_in.unroute("**/content/edit/**")
    failure(signed_in).get_by_role("button", name="Try again").click()
    signed_in.locator(".prose").get_by_text("my text").wait_for()
    assert failure(signed_in).count() == 0
    item = open_store(Origin("user", "ada", "web")).read("S-1", "story")
    assert item is not None
    assert item.value == "my text"


def test_every_form_of_a_page_stays_as_it_was_typed(signed_in: "Page") -> None:
    for path, button in (
        ("/account/tokens", "Create token"),
        ("/account/views", "Save"),
        ("/account/password", "Change password"),
    ):
        signed_in.goto(path)
        form = signed_in.get_by_role("main").locator("form", has=signed_in.get_by_role("button", name=button))
        for field in form.get_by_role("textbox").all():
            field.fill("typed")
        typed = form.evaluate(TYPED)
        signed_in.route(f"**{path}", posts(unreachable))
        form.get_by_role("button", name=button).click()
        failure(signed_in).get_by_text(NETWORK).wait_for()
        assert form.evaluate(TYPED) == typed


def test_a_form_that_is_refused_is_shown_again_in_its_page(signed_in: "Page") -> None:
    signed_in.goto("/account/views")
    for address, then in (("/nothing/", ".field-error"), ("/rejections/?axis=noop", "h1")):
        signed_in.get_by_label("Name", exact=True).fill("my list")
        signed_in.get_by_label("Address").fill(address)
        signed_in.get_by_role("button", name="Save").click()
        signed_in.get_by_role("main").locator(then).first.wait_for()
        signed_in.get_by_role("button", name="Keys").wait_for()
    signed_in.wait_for_url("**/rejections/?axis=noop")
    assert signed_in.get_by_text("List saved as my list.").is_visible()


def test_what_answers_in_the_place_of_the_server_is_not_shown(signed_in: "Page") -> None:
    open_editor(signed_in, EDITOR)
    signed_in.get_by_role("textbox", name="Story").fill("my text")
    signed_in.route("**/content/edit/**", posts(lambda route: route.fulfill(body="<h1>Log in to this Wi-Fi</h1>")))
    signed_in.get_by_role("button", name="Save").click()
    failure(signed_in).get_by_text("Something else answered in the server's place.").wait_for()
    assert signed_in.get_by_role("textbox", name="Story").input_value() == "my text"


def test_a_form_that_leads_back_to_its_page_shows_what_it_changed(signed_in: "Page") -> None:
    open_store(Origin("user", "ada", "web")).write("S-1", "story", "# One")
    signed_in.goto("/entries/no-3")
    signed_in.get_by_text("Link a work item").click()
    signed_in.get_by_label("Work item").fill("S-1")
    signed_in.get_by_role("button", name="Link").click()
    signed_in.locator("#work-item").get_by_role("link", name="S-1").wait_for()


@pytest.mark.parametrize(
    ("path", "asked", "act", "then"),
    [
        ("/rejections/", "**/rejections/?*cursor*", "#further", "[data-row] >> nth=59"),
        ("/", "**/?period=30d", "#period-30d", "#period-30d[aria-current=true]"),
        ("/rejections/", "**/account/views", "summary >> text=Views", "text=No saved view yet"),
    ],
)
@pytest.mark.parametrize(("answer", "side"), [(unavailable, SERVER), (unreachable, NETWORK)])
def test_every_request_of_a_page_can_be_tried_again(
    signed_in: "Page", path: str, asked: str, act: str, then: str, answer: Any, side: str
) -> None:
    signed_in.goto(path)
    signed_in.route(asked, answer)
    signed_in.locator(act).click()
    failure(signed_in).get_by_text(side).wait_for()
    signed_in.unroute(asked)
    failure(signed_in).get_by_role("button", name="Try again").click()
    signed_in.locator(then).wait_for()
    assert failure(signed_in).count() == 0


def test_what_the_server_says_is_told(signed_in: "Page") -> None:
    open_editor(signed_in)
    signed_in.get_by_role("textbox", name="Story").fill("my text")
    signed_in.evaluate("document.querySelector('[name=version]').value = 'x'")
    signed_in.get_by_role("button", name="Save").click()
    failure(signed_in).get_by_text("The server refused the request (400).").wait_for()
    assert "version: must be a whole number" in failure(signed_in).inner_text()


def test_an_answer_that_never_comes_is_told(signed_in: "Page") -> None:
    open_editor(signed_in)
    signed_in.evaluate("htmx.config.timeout = 200")
    signed_in.route("**/content/edit/**", lambda route: None)
    signed_in.get_by_role("textbox", name="Story").fill("my text")
    signed_in.get_by_role("button", name="Save").click()
    failure(signed_in).get_by_text("The server took too long to answer.").wait_for()


@pytest.mark.parametrize(("answer", "side"), [(unavailable, SERVER), (unreachable, NETWORK)])
def test_colors_that_were_not_kept_are_not_shown(signed_in: "Page", answer: Any, side: str) -> None:
    signed_in.goto("/rejections/")
    signed_in.route("**/account/theme", answer)
    signed_in.get_by_role("button", name="Dark").click()
    failure(signed_in).get_by_text(side).wait_for()
    assert signed_in.locator("html").get_attribute("data-theme") is None
    assert signed_in.get_by_role("button", name="System").get_attribute("aria-pressed") == "true"
    signed_in.unroute("**/account/theme")
    with signed_in.expect_response("**/account/theme"):
        failure(signed_in).get_by_role("button", name="Try again").click()
    assert signed_in.locator("html").get_attribute("data-theme") == "dark"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1440])
def test_the_failure_is_accessible_and_fits(signed_in: "Page", scheme: Any, width: int) -> None:
    signed_in.emulate_media(color_scheme=scheme)
    signed_in.set_viewport_size({"width": width, "height": 800})
    signed_in.goto("/rejections/")
    signed_in.route("**/rejections/?*cursor*", unavailable)
    signed_in.locator("#further").click()
    failure(signed_in).wait_for()
    violations = Axe().run(signed_in, options={"resultTypes": ["violations"]}).response["violations"]
    assert [each["id"] for each in violations] == []
    box = failure(signed_in).bounding_box()
    assert box is not None
    assert 0 <= box["x"] <= box["x"] + box["width"] <= width
    failure(signed_in).get_by_role("button", name="Dismiss").click()
    assert failure(signed_in).count() == 0
