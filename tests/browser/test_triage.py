"""The inbox by keys alone, and by forms without scripts."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from playwright.sync_api import expect
from standardwebhooks import Webhook

from enhancelog.domain.times import now_ms
from enhancelog.models import StateChange, Template
from enhancelog.queries.pattern_states import states_of
from tests.alerts.making import evaluate, make_rule
from tests.alerts.outboxes import run_until_idle
from tests.alerts.receivers import Receiver, receiving
from tests.browser.signing_in import sign_in, staff
from tests.factories import make_rejected
from tests.recording import record, record_all

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PATTERNS = 10


@pytest.fixture(autouse=True)
def log(live_server: Any, settings: Any) -> None:
    settings.PUBLIC_READ = True
    at = now_ms() - 60_000
    record_all(
        make_rejected(f"axis-{n}", issue_id=f"h-{n}-{again}", ts_ms=at + n, detail=f"reason {'xyz'[n % 3]}")
        for n in range(PATTERNS)
        for again in range(PATTERNS - n)
    )


@pytest.fixture
def inbox(quiet: "Page", live_server: Any) -> "Page":
    sign_in(quiet.context, staff(), live_server.url)
    quiet.goto("/triage/")
    return quiet


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    settings.WEBHOOK_ALLOW = frozenset({("127.0.0.1", None)})
    with receiving() as server:
        yield server


class Keys:
    """Presses keys, counts them, and waits for the page they lead to."""

    def __init__(self, page: "Page") -> None:
        self.page = page
        self.pressed = 0

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
            self.pressed += 1

    def leads_to(self, key: str, axis: str | None) -> None:
        self.press(key)
        if axis is None:
            self.page.get_by_text("Nothing waits for a decision").wait_for()
        else:
            self.shows(axis)

    def shows(self, axis: str) -> None:
        self.page.locator("article .lead .ax", has_text=axis).wait_for()


def states() -> dict[str, str]:
    found = {row.axis: row.pk for row in Template.objects.all()}
    held = states_of(found.values())
    return {axis: held[pk].state for axis, pk in found.items()}


def test_ten_patterns_one_undone_and_one_returned_by_keys_alone(inbox: "Page", receiver: Receiver) -> None:
    alert = make_rule("pattern.returned", url=receiver.url)
    keys = Keys(inbox)
    keys.shows("axis-0")
    expect(inbox.get_by_text("10 left")).to_be_visible()
    for at in range(4):
        keys.leads_to("aef"[at % 3], f"axis-{at + 1}")
    keys.leads_to("u", "axis-3")
    expect(inbox.get_by_text("Undone.")).to_be_visible()
    keys.press("2")
    keys.leads_to("f", "axis-4")
    for at in range(4, PATTERNS):
        keys.leads_to("a", f"axis-{at + 1}" if at + 1 < PATTERNS else None)
    assert keys.pressed <= 30
    said = {"axis-0": "acknowledged", "axis-1": "expected", "axis-2": "fixed", "axis-3": "fixed"}
    assert states() == {f"axis-{n}": said.get(f"axis-{n}", "acknowledged") for n in range(PATTERNS)}
    assert StateChange.objects.order_by("-pk").filter(axis="axis-3").values_list("cause", flat=True)[0] == "verifier"
    record(make_rejected("axis-2", issue_id="again", ts_ms=now_ms() + 1_000, detail="reason z"))
    inbox.goto("/triage/")
    keys.shows("axis-2")
    expect(inbox.get_by_text("after being fixed on")).to_be_visible()
    expect(inbox.get_by_text("1 left")).to_be_visible()
    evaluate()
    run_until_idle()
    (received,) = receiver.received
    assert Webhook(alert.secret).verify(received.body, received.headers) == received.json
    assert (received.json["type"], received.json["data"]["axis"]) == ("pattern.returned", "axis-2")
    inbox.goto(received.json["data"]["url"].removeprefix(settings.PUBLIC_URL))
    expect(inbox.get_by_role("heading", level=1)).to_contain_text("reason")


def test_keys_move_without_deciding(inbox: "Page") -> None:
    keys = Keys(inbox)
    steps = "j axis-1, j axis-2, k axis-1, a axis-2, k axis-0, u axis-1"
    for key, axis in (step.split() for step in steps.split(", ")):
        keys.leads_to(key, axis)
    assert set(states().values()) == {"new"}


def test_a_note_is_typed_and_escape_leaves_it(inbox: "Page") -> None:
    keys = Keys(inbox)
    keys.press("n")
    inbox.keyboard.type("a fine note, u know")
    keys.press("Escape")
    keys.leads_to("f", "axis-1")
    (made,) = StateChange.objects.all()
    assert (made.axis, made.state, made.note) == ("axis-0", "fixed", "a fine note, u know")


def test_a_key_that_is_held_decides_once(inbox: "Page") -> None:
    inbox.keyboard.down("a")
    for _ in range(5):
        inbox.keyboard.down("a")
    inbox.keyboard.up("a")
    Keys(inbox).shows("axis-1")
    assert StateChange.objects.count() == 1


def test_the_keys_are_listed_and_can_be_switched_off(inbox: "Page") -> None:
    inbox.keyboard.press("?")
    dialog = inbox.get_by_role("dialog", name="Keys")
    for words in ("acknowledge", "expected", "fixed", "cause: verifier too strict", "write a note"):
        assert dialog.get_by_text(words, exact=True).is_visible()
    dialog.get_by_role("checkbox").uncheck()
    inbox.keyboard.press("Escape")
    for key in ("a", "1", "n", "j", "f"):
        inbox.keyboard.press(key)
    assert inbox.evaluate("document.activeElement.closest('form') === null")
    inbox.reload()
    Keys(inbox).shows("axis-0")
    assert not StateChange.objects.exists()


def test_the_same_by_forms_without_scripts(browser: "Browser", live_server: Any) -> None:
    context = browser.new_context(java_script_enabled=False, base_url=live_server.url)
    sign_in(context, staff(), live_server.url)
    page = context.new_page()
    keys = Keys(page)
    page.goto("/triage/")
    page.get_by_label("verifier too strict").check()
    page.get_by_label("Note").fill("it is right")
    page.get_by_label("up to").fill("50")
    page.get_by_role("button", name="Expected").click()
    keys.shows("axis-1")
    page.get_by_role("button", name="Undo").click()
    keys.shows("axis-0")
    page.get_by_role("link", name="Next").click()
    keys.shows("axis-1")
    page.get_by_role("link", name="Previous").click()
    keys.shows("axis-0")
    page.get_by_role("button", name="Acknowledge").click()
    keys.shows("axis-1")
    context.close()
    first, *_ = StateChange.objects.order_by("pk")
    assert (first.state, first.cause, first.note, first.most_a_day) == ("expected", "verifier", "it is right", 50)
    assert states()["axis-0"] == "acknowledged"
