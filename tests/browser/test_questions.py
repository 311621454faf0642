"""What people come with is answered within two clicks from the overview: one function a question, one page for all."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from blake3 import blake3

from enhancelog.domain.records import Entry
from enhancelog.domain.times import DAY_MS, now_ms
from tests.factories import HASHES, make_entry, make_rejected
from tests.recording import record

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

MOST = 2
"""Clicks from the overview to an answer."""

INTENT = "quote the failing test"
"""Tried three times in ``main``, then applied."""


class Reader:
    """Begins at the overview and counts clicks."""

    def __init__(self, page: "Page") -> None:
        self.page = page
        self.clicks = 0
        page.goto("/")

    def click(self, link: "Locator") -> None:
        self.clicks += 1
        link.click()
        self.page.wait_for_load_state()

    def link(self, name: str, within: str = "main") -> "Locator":
        return self.page.locator(within).get_by_role("link", name=name, exact=True).first

    def rows(self) -> list[str]:
        return self.page.locator("[data-row]").all_inner_texts()

    def each_row(self) -> "list[Locator]":
        return self.page.locator("[data-row]").all()

    def row(self, heading: str) -> "Locator":
        """The row with this text in its heading."""
        return self.page.locator("[data-row]", has=self.page.locator("th", has_text=heading))


def seeded() -> list[Entry]:
    """This week: ``noop`` denies most of all, ``release-notes`` is in most trouble, one entry of ``main`` has a gap."""
    now = now_ms()
    yesterday = now // DAY_MS * DAY_MS - 1
    entries = [
        make_entry(issue_id="seed", prev_hash=HASHES[0], new_hash=HASHES[1], ts_ms=now - 6 * DAY_MS),
        make_entry(issue_id="after a gap", prev_hash=HASHES[5], new_hash=HASHES[6], ts_ms=now - 5 * DAY_MS),
    ]
    for at in range(3):
        entries.append(_rejected(f"noop {at}", "main", yesterday - at, "noop"))
        entries.append(_rejected(f"refs {at}", "release-notes", now - at, "agent-ref"))
    entries.append(_rejected("both", "release-notes", yesterday, "noop", "agent-ref"))
    entries.append(_rejected("noop this week", "release-notes", now - 4 * DAY_MS, "noop"))
    entries.append(_rejected("noop last week", "release-notes", now - 10 * DAY_MS, "noop"))
    entries.append(make_entry(issue_id="fine", blueprint_id="main", intent=INTENT, prev_hash=HASHES[6], ts_ms=now))
    return entries


def _rejected(issue_id: str, blueprint_id: str, ts_ms: int, *axes: str) -> Entry:
    head, intent = (HASHES[6], INTENT) if blueprint_id == "main" else (HASHES[0], issue_id)
    return make_rejected(
        *axes, issue_id=issue_id, blueprint_id=blueprint_id, intent=intent, prev_hash=head, ts_ms=ts_ms
    )


def what_denies_most_this_week_and_is_it_new(reader: Reader) -> None:
    first, second = (reader.page.locator(".denies [data-row]").nth(at) for at in range(2))
    assert first.inner_text().split("\n")[:1] == ["noop"]
    assert not first.get_by_text("new").is_visible()
    assert second.get_by_text("new").is_visible()
    number = first.locator(".num a").first
    assert number.inner_text() == "5"
    reader.click(number)
    assert len(reader.rows()) == 5
    assert all("patch is no-op" in row for row in reader.rows())


def since_when(reader: Reader) -> None:
    reader.click(reader.page.locator(".denies [data-row]").first.get_by_role("link", name="patch is no-op"))
    first = reader.page.locator(".head time").first.get_attribute("datetime")
    assert datetime.fromisoformat(first or "").date() == (datetime.now(UTC) - timedelta(days=10)).date()


def what_was_tried_next(reader: Reader) -> None:
    reader.click(reader.page.locator(".denies [data-row]").first.get_by_role("link", name="patch is no-op"))
    reader.click(reader.page.locator(".of-pattern [data-row]", has_text=INTENT).last.get_by_role("link").first)
    following = reader.page.locator("#attempts li[aria-current] + li")
    assert following.inner_text().startswith("2. rejected by noop")


def what_finally_passed(reader: Reader) -> None:
    reader.click(reader.page.locator(".denies [data-row]").first.get_by_role("link", name="patch is no-op"))
    passed = reader.page.locator("section", has=reader.page.get_by_role("heading", name="What was applied instead"))
    reader.click(passed.get_by_role("link", name=INTENT).first)
    assert reader.page.url.endswith("/entries/fine")


def which_blueprint_suffers_most(reader: Reader) -> None:
    first = reader.page.locator(".rates [data-row]").first
    assert first.inner_text().split() == ["release-notes", "5", "/", "5", "100", "%", "few", "runs", "agent-ref"]
    reader.click(first.get_by_role("link", name="release-notes"))
    assert len(reader.rows()) == 5


def what_else_is_denied_with_it(reader: Reader) -> None:
    reader.click(reader.link("Matrix", within="nav"))
    reader.click(reader.link("Axes together"))
    reader.page.wait_for_selector("#table-together[aria-current]")
    row = reader.page.locator(".matrix [data-row]", has_text="noop").first
    assert row.locator("td").all_inner_texts() == ["–", "20 % 1/5 few", "80 % 4/5 few"]


def where_an_axis_denies(reader: Reader) -> None:
    reader.click(reader.link("Axis × Blueprint"))
    row = reader.page.locator(".matrix [data-row]", has_text="main").first
    assert row.locator("td").first.inner_text() == "50 % 3/6 few"
    reader.click(row.locator("td a").first)
    assert len(reader.rows()) == 3


def the_exact_rows_behind_a_bar(reader: Reader) -> None:
    bar = reader.page.locator(".stacked a:has(.bar-r)").last
    assert (bar.locator("title").text_content() or "").endswith(": 1 applied, 3 rejected")
    reader.click(bar)
    assert len(reader.rows()) == 3


def yesterdays_rejections_of_one_axis(reader: Reader) -> None:
    strip = reader.page.locator(".days > a", has_text="noop").locator("xpath=following-sibling::*[1]")
    reader.click(strip.locator("a").last)
    assert len(reader.rows()) == 4
    assert all("patch is no-op" in row for row in reader.rows())


def the_entries_with_a_gap_before_them(reader: Reader) -> None:
    reader.click(reader.link("Entries after a gap"))
    assert len(reader.rows()) == 1


QUESTIONS: list[Callable[[Reader], None]] = [
    what_denies_most_this_week_and_is_it_new,
    since_when,
    what_was_tried_next,
    what_finally_passed,
    which_blueprint_suffers_most,
    what_else_is_denied_with_it,
    where_an_axis_denies,
    the_exact_rows_behind_a_bar,
    yesterdays_rejections_of_one_axis,
    the_entries_with_a_gap_before_them,
]


def test_every_question_is_answered_in_two_clicks(page: "Page", settings: Any) -> None:
    settings.PUBLIC_READ = True
    record(*seeded())
    for question in QUESTIONS:
        reader = Reader(page)
        question(reader)
        assert reader.clicks <= MOST, question.__name__


AXES = ("noop", "agent-ref", "tone", "budget")
"""Each judges every run that is to be changed."""


def to_change() -> list[Entry]:
    """Nothing was denied last week. This week ``agent-ref`` denied all of ``triage``, and ``noop`` much of ``main``."""
    now = now_ms()
    entries = [_judged(f"calm {at}", ["triage", "main"][at % 2], now - 10 * DAY_MS - at) for at in range(50)]
    for at in range(25):
        with_tone = ("tone",) if at < 5 else ()
        entries.append(_judged(f"refs {at}", "triage", now - DAY_MS - at, "agent-ref", *with_tone))
        entries.append(_judged(f"retried {at}", "main", now - 2 * DAY_MS - at, "noop"))
        entries.append(_judged(f"retried {at}", "main", now - DAY_MS - at))
    entries += [_judged(f"at first {at}", "main", now - DAY_MS - at) for at in range(10)]
    entries.append(_judged("same", "main", now - 2 * DAY_MS, "budget", candidate_hash="c" * 64))
    entries.append(_judged("same", "main", now - DAY_MS, new_hash="c" * 64))
    return entries


def _judged(intent: str, blueprint_id: str, ts_ms: int, *denied: str, **changes: Any) -> Entry:
    """One run by all of ``AXES``; only the rationales of applied ones say why."""
    run = f"{intent}, {'denied' if denied else 'applied'}"
    fields: dict[str, Any] = {
        "issue_id": run,
        "blueprint_id": blueprint_id,
        "intent": intent,
        "rationale": run if denied else f"{run}: {'because it helps ' * 10}",
        "prev_hash": blake3(f"before {run}".encode()).hexdigest(),
        "new_hash": "" if denied else blake3(f"after {run}".encode()).hexdigest(),
        "status": "rejected" if denied else "applied",
        "verdicts": [
            {"axis": axis, "status": "deny" if axis in denied else "pass", "detail": f"said by {axis}"} for axis in AXES
        ],
        "reasons": [f"{axis}: said by {axis}" for axis in denied],
        "ts_ms": ts_ms,
    }
    return make_entry(**fields | changes)


def which_denial_is_never_followed_by_a_fix(reader: Reader) -> None:
    reader.click(reader.link("Axes", within="nav"))
    applied_next = {row.locator("th").inner_text(): row.locator("td").nth(3).inner_text() for row in reader.each_row()}
    assert applied_next == {"noop": "25", "agent-ref": "0", "tone": "0", "budget": "1"}
    reader.click(reader.row("agent-ref").locator("td a").last)
    assert len(reader.rows()) == 25
    assert all("agent-ref" in row for row in reader.rows())


def which_verifier_could_go(reader: Reader) -> None:
    reader.click(reader.link("Axes", within="nav"))
    assert [row.locator("th").inner_text() for row in reader.each_row() if "may go" in row.inner_text()] == ["tone"]
    assert "may go: agent-ref denied all the same runs" in reader.row("tone").inner_text()


def what_would_have_passed_without_it(reader: Reader) -> None:
    reader.click(reader.page.locator(".days > a", has_text="agent-ref"))
    reader.click(reader.link("What if…"))
    answer = reader.page.get_by_role("region", name="What would have passed").locator("p").first.inner_text()
    assert answer == "20 of 51 rejected runs had nothing against them but agent-ref: 39 %."
    assert [row.split()[0] for row in reader.rows() if row.split()[1] != "0"] == ["triage"]


def what_is_different_about_the_rejected(reader: Reader) -> None:
    reader.click(reader.page.locator(".kpi", has_text="Rejected").get_by_role("link").first)
    reader.click(reader.link("What is different about these?"))
    short = " ".join(reader.row("Rationale under 120 characters").inner_text().split())
    assert short.startswith("Rationale under 120 characters 100 % 51 of 51 0 % 0 of 36 ")


def which_verifier_contradicts_itself(reader: Reader) -> None:
    reader.click(reader.link("Steadiness", within="nav"))
    table = reader.page.get_by_role("region", name="Axes", exact=True).locator("[data-row]")
    assert [" ".join(row.split()) for row in table.all_inner_texts()] == [
        "budget 1 of 1 100 % too few 0 1",
        *(f"{axis} 0 of 1 0 % too few 0 0" for axis in sorted(AXES) if axis != "budget"),
    ]


def how_many_attempts_does_an_intent_take_here(reader: Reader) -> None:
    reader.click(reader.link("Funnel", within="nav"))
    attempts = reader.page.get_by_role("region", name="Attempts").locator("tbody tr").all_inner_texts()
    assert [row.split() for row in attempts[:3]] == [["first", "10", "25"], ["second", "26", "0"], ["third", "0", "0"]]
    main = " ".join(reader.row("main").inner_text().split())
    assert main.startswith("main 36 10 of 36 28 % 26 0 1 to 2 d")


def which_blueprint_is_getting_worse(reader: Reader) -> None:
    reader.click(reader.link("Getting worse"))
    first = " ".join(reader.page.locator("[data-row]").first.inner_text().split())
    assert first.startswith("triage 25 25 100 % ▲ +100 points")


CHANGES: list[Callable[[Reader], None]] = [
    which_denial_is_never_followed_by_a_fix,
    which_verifier_could_go,
    what_would_have_passed_without_it,
    what_is_different_about_the_rejected,
    which_verifier_contradicts_itself,
    how_many_attempts_does_an_intent_take_here,
    which_blueprint_is_getting_worse,
]


def test_what_to_change_is_found_in_two_clicks(page: "Page", settings: Any) -> None:
    settings.PUBLIC_READ = True
    record(*to_change())
    for question in CHANGES:
        reader = Reader(page)
        question(reader)
        assert reader.clicks <= MOST, question.__name__


def secrets_switched_on() -> list[Entry]:
    """Two days ago ``secrets`` began to judge; the day before, most runs were rejected."""
    midnight = now_ms() // DAY_MS * DAY_MS
    verdicts = [{"axis": axis, "status": "pass", "detail": ""} for axis in ("noop", "secrets")]
    before = [make_rejected("noop", issue_id=f"b{at}", ts_ms=midnight - 3 * DAY_MS + at) for at in range(25)]
    after = [make_entry(issue_id=f"a{at}", ts_ms=midnight - 2 * DAY_MS + at, verdicts=verdicts) for at in range(25)]
    return [*before, *after]


def test_did_switching_on_an_axis_help(page: "Page", settings: Any) -> None:
    settings.PUBLIC_READ = True
    record(*secrets_switched_on())
    reader = Reader(page)
    reader.click(reader.link("Markers", within="nav"))
    reader.click(reader.link("secrets started"))
    assert reader.clicks <= MOST
    rejected = reader.row("Rejected runs").inner_text()
    assert " ".join(rejected.split()) == "Rejected runs 25 of 25 100 % 0 of 25 0 % better −100 points"
    reader.page.goto("/?period=7d")
    assert reader.page.locator(".stacked .tick").count() == 1
    reader.click(reader.link("secrets started"))
    assert "secrets started" in reader.page.locator("h1").inner_text()
