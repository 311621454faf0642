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


@pytest.fixture
def signed_in(page: "Page", live_server: Any) -> "Page":
    record_all(make_rejected("noop", issue_id=f"no-{n}", ts_ms=1_795_000_000_000 + n) for n in range(60))
    sign_in(page.context, staff(), live_server.url)
    return page


def open_editor(page: "Page") -> None:
    page.goto(STORY)
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


SERVER = "The server failed (503)."
NETWORK = "There was no answer: the connection or the server is down."


@pytest.mark.parametrize(("answer", "side"), [(unavailable, SERVER), (unreachable, NETWORK)])
def test_saving_that_fails_says_why_keeps_the_text_and_can_be_tried_again(
    signed_in: "Page", answer: Any, side: str
) -> None:
    open_editor(signed_in)
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
