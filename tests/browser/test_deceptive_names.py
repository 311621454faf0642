"""A name turns nothing around but itself."""

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from enhancelog.domain.times import now_ms
from tests.factories import make_rejected
from tests.recording import record

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

TURNING = "ax\u2069\u202etone"  # ends an isolation, then turns the direction

LEFT_OF = """(around, words) => {
    const walker = document.createTreeWalker(around, NodeFilter.SHOW_TEXT);
    for (let node; (node = walker.nextNode()); ) {
        const at = node.data.indexOf(words);
        if (at < 0) continue;
        const range = document.createRange();
        range.setStart(node, at);
        range.setEnd(node, at + words.length);
        return range.getBoundingClientRect().left;
    }
}"""


def left_of(around: "Locator", words: str) -> float:
    return float(around.evaluate(LEFT_OF, words))


@pytest.fixture(autouse=True)
def log(transactional_db: None, settings: Any) -> None:
    settings.PUBLIC_READ = True
    common: dict[str, Any] = {"intent": "cite the line", "prev_hash": "a" * 64}
    record(
        *(
            make_rejected(TURNING, issue_id=f"no-{n}", blueprint_id=TURNING, ts_ms=now_ms() - 2 + n, **common)
            for n in range(2)
        )
    )


def test_what_stands_behind_a_name_stays_behind_it(page: "Page", live_server: Any) -> None:
    page.goto(f"/rejections/?axis={quote(TURNING)}")
    facet = page.locator(".facet a[aria-current]")
    assert left_of(facet, "ax") < left_of(facet, "×") < left_of(facet, "2")
    row = page.locator("[data-row]").first
    assert left_of(row, "ax") < left_of(row, "patch is no-op")
    page.goto("/entries/no-1")
    lead = page.locator(".lead")
    assert left_of(lead, "by ") < left_of(lead, "ax") < left_of(lead, " UTC") < left_of(lead, "attempt 2 of 2")
    crumb = page.locator(".crumb")
    assert left_of(crumb, "ax") < left_of(crumb, "no-1")
    attempt = page.locator("#attempts li").first
    assert left_of(attempt, "1. rejected by") < left_of(attempt, "ax")


def test_the_badge_of_a_name_says_more_on_focus(page: "Page", live_server: Any) -> None:
    page.goto("/blueprints/")
    link = page.locator("[data-row] a").first
    more = link.get_by_text("U+2069 pop directional isolate")
    hidden = more.bounding_box()
    assert hidden is not None
    assert hidden["width"] <= 1
    page.keyboard.press("Shift")
    link.focus()
    shown = more.bounding_box()
    assert shown is not None
    assert shown["width"] > 50


@pytest.mark.parametrize("turning", ["\u202e", "\u2067\u202e", "\u2069\u202e", "\u2066\u2066\u2069\u202e"])
def test_what_stands_behind_a_text_stays_behind_it(page: "Page", live_server: Any, turning: str) -> None:
    wish, detail = f"wish {turning}abc", f"{turning}cba {'x' * 2_000}"
    record(
        *(
            make_rejected("tone", issue_id=f"text-{n}", detail=detail, intent=wish, ts_ms=now_ms() - 9 + n)
            for n in range(2)
        )
    )
    page.goto("/rejections/?axis=tone")
    row = page.locator("[data-row]").last
    assert left_of(row, "wish") < left_of(row, "attempt 1 of 2")
    page.goto("/search/?phrase=wish")
    row = page.locator("[data-row]").last
    assert left_of(row, "wish") < left_of(row, "attempt 1 of 2")
    page.goto("/entries/text-1")
    more = page.locator(".verdicts summary .link")
    assert left_of(more, "show") < left_of(more, "all")
