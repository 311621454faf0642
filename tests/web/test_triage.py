"""The inbox: which patterns wait, in which order, and what a decision about one does."""

from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from enhancelog import links
from enhancelog.domain.origin import Origin
from enhancelog.domain.pattern_states import StateEdit
from enhancelog.domain.times import DAY_MS, now_ms
from enhancelog.models import StateChange, Template
from enhancelog.queries.pattern_states import states_of
from enhancelog.store import pattern_states
from tests.counted import counted_links, rows_behind
from tests.factories import make_entry, make_rejected
from tests.pages import Page, read
from tests.recording import record_all

pytestmark = pytest.mark.django_db

BOB = Origin("user", "bob", "page")
OTHER = "the sky is blue today, isn't it?"


@pytest.fixture(autouse=True)
def anybody_reads(settings: Any) -> None:
    settings.PUBLIC_READ = True


@pytest.fixture
def ada() -> Client:
    return staff("ada")


def staff(name: str) -> Client:
    client = Client()
    client.force_login(User.objects.create_user(name, is_staff=True))
    return client


numbers: Iterator[int] = iter(range(10_000))


def denied(axis: str, times: int, ts_ms: int | None = None, **said: Any) -> Template:
    """The pattern of an axis that denied as many runs."""
    at = now_ms() - 60_000 if ts_ms is None else ts_ms
    record_all(make_rejected(axis, issue_id=f"h-{next(numbers)}", ts_ms=at + n, **said) for n in range(times))
    return Template.objects.get(axis=axis)


def decide(pattern: Template, state: Any = "acknowledged", *, days_ago: int = 0, **said: Any) -> int:
    with patch("enhancelog.store.state_rows.now_ms", lambda: now_ms() - days_ago * DAY_MS):
        return pattern_states.change(pattern.key, StateEdit(state=state, **said), BOB)


def page(client: Client, **parameters: Any) -> Page:
    response = client.get("/triage/", parameters)
    assert response.status_code == 200
    return read(response)


def shown(found: Page) -> str | None:
    """The axis of the pattern on the page."""
    headings = found.all("h2", id="pattern")
    if not headings:
        return None
    key = headings[0].all("a")[0].attributes["href"].rpartition("/")[2]
    return str(Template.objects.get(key=key).axis)


def order(client: Client) -> list[str]:
    found: list[str] = []
    while (axis := shown(page(client, skip=len(found)))) is not None:
        found.append(axis)
    return found


def fields(found: Page) -> dict[str, str]:
    form = found.all("form", aria_label="Decide")[0]
    return {each.attributes["name"]: each.attributes["value"] for each in form.all("input", type="hidden")}


def state_of(pattern: Template) -> Any:
    return states_of([pattern.pk])[pattern.pk]


def sent(client: Client, found: Page, **said: str) -> Any:
    return client.post("/triage/", fields(found) | said)


def conflict() -> Template:
    """Of two patterns that were joined, the one that stayed. Only one of them was fixed."""
    leader = denied("mixed", 1, detail="alpha beta gamma")
    record_all(
        [make_rejected("mixed", issue_id="other", ts_ms=now_ms() - 1, detail="the sky is blue today, isn't it?")]
    )
    other = Template.objects.exclude(pk=leader.pk).get(axis="mixed")
    assert other.pattern_id == other.pk
    decide(other, "fixed")
    Template.objects.filter(pk=other.pk).update(pattern=leader.pk, home=leader.pk)
    return leader


def test_the_worst_comes_first(ada: Client) -> None:
    denied("often", 3)
    denied("seldom", 1)
    decide(denied("back", 1, now_ms() - 5 * DAY_MS), "fixed", days_ago=1)
    denied_again("back", 1)
    conflict()
    rising("grows")
    assert order(ada) == ["mixed", "back", "often", "seldom", "grows"]
    assert "5 left" in page(ada).words


@pytest.mark.parametrize(
    ("state", "said"),
    [("acknowledged", {}), ("expected", {}), ("expected", {"most_a_day": 9}), ("fixed", {})],
)
def test_what_is_decided_does_not_wait(ada: Client, state: str, said: dict[str, int]) -> None:
    decide(denied("noop", 3), state, **said)
    assert order(ada) == []
    assert "Nothing waits for a decision" in page(ada).words


def test_what_is_expected_for_good_never_returns(ada: Client) -> None:
    decide(denied("noop", 1), "expected", days_ago=3)
    denied_again("noop", 30)
    assert order(ada) == []


def test_what_is_expected_returns_on_a_day_with_too_many(ada: Client) -> None:
    pattern = denied("noop", 1, now_ms() - 5 * DAY_MS)
    decide(pattern, "expected", most_a_day=2, days_ago=3)
    denied_again("noop", 3)
    assert order(ada) == ["noop"]
    assert "more than 2 denials on" in page(ada).words


def test_what_is_fixed_returns_and_says_when_and_who_fixed_it(ada: Client) -> None:
    decide(denied("noop", 1, now_ms() - 5 * DAY_MS), "fixed", days_ago=3)
    assert order(ada) == []
    denied_again("noop", 1)
    assert order(ada) == ["noop"]
    found = page(ada).words
    assert "returned denied" in found
    assert "after being fixed on" in found
    assert "by bob" in found


def rising(axis: str, *, now: int = 20, before: int = 2, days_ago: int = 9) -> Template:
    """Twenty-five runs in each of two weeks."""
    today = now_ms() // DAY_MS * DAY_MS
    for start, number in ((today - 8 * DAY_MS, before), (today, now)):
        denied_again(axis, number, start)
        passed = [make_entry(issue_id=f"h-{next(numbers)}", ts_ms=start + n) for n in range(25 - number)]
        record_all(passed)
    pattern = Template.objects.get(axis=axis)
    decide(pattern, days_ago=days_ago)
    return pattern


@pytest.mark.parametrize(
    ("now", "before", "days_ago", "is_rising"),
    [(20, 2, 9, True), (20, 2, 1, False), (6, 5, 9, False), (2, 20, 9, False)],
)
def test_what_was_acknowledged_before_a_week_that_is_clearly_worse_is_rising(
    ada: Client, now: int, before: int, days_ago: int, is_rising: bool
) -> None:
    rising("noop", now=now, before=before, days_ago=days_ago)
    assert order(ada) == (["noop"] if is_rising else [])
    assert not is_rising or "80 % of the runs in the last 7 days" in page(ada).words


def test_a_few_runs_do_not_rise(ada: Client) -> None:
    decide(denied("noop", 19), days_ago=9)
    assert order(ada) == []


def denied_again(axis: str, times: int, start_ms: int | None = None) -> None:
    at = now_ms() - 60_000 if start_ms is None else start_ms
    record_all(make_rejected(axis, issue_id=f"h-{next(numbers)}", ts_ms=at + n) for n in range(times))


def test_a_pattern_that_rejected_nothing_for_long_does_not_wait(ada: Client) -> None:
    denied("old", 3, now_ms() - 40 * DAY_MS)
    denied("noop", 1)
    assert order(ada) == ["noop"]


def test_the_window_ends_with_the_newest_run(ada: Client) -> None:
    denied("old", 3, now_ms() - 400 * DAY_MS)
    assert order(ada) == ["old"]


def test_five_examples_and_what_to_decide_by(ada: Client) -> None:
    denied("noop", 7, intent="cite the file")
    record_all([make_entry(issue_id="passed", ts_ms=now_ms(), intent="cite the file", rationale="one more sentence")])
    found = page(ada)
    examples = [link.attributes["href"] for link in found.all("a") if "pattern=" in link.attributes.get("href", "")]
    assert len([each for each in examples if each.startswith("/entries/")]) == 5
    for words in ("cite the file", "patch is no-op", "What came next", "one more sentence", "7 of 8"):
        assert words in found.words
    assert links.entry("passed") in {link.attributes.get("href") for link in found.all("a")}


def test_every_number_is_that_of_the_rows_behind_it(ada: Client) -> None:
    denied("noop", 3)
    denied("noop", 2, now_ms() - 8 * DAY_MS)
    denied("tone", 2, now_ms() - 20 * DAY_MS)
    record_all([make_entry(issue_id="passed", ts_ms=now_ms())])
    for skip in range(2):
        counted = list(counted_links(page(ada, skip=skip)))
        assert len(counted) > 4
        for url, number in counted:
            assert rows_behind(url) == number, url


def test_a_decision_leads_to_the_next_and_can_be_undone(ada: Client) -> None:
    first, second, third = denied("a", 3), denied("b", 2), denied("c", 1)
    response = sent(ada, page(ada, skip=1), state="expected", cause="issue", note="by design", most_a_day="5")
    after = read(ada.get(response["Location"]))
    assert shown(after) == "c"
    assert "Expected up to 5 a day (cause: wording of the issue)" in after.words
    state = state_of(second)
    assert (state.state, state.cause, state.note, state.most_a_day) == ("expected", "issue", "by design", 5)
    assert state.changed_by == "ada"
    undo = after.all("form", action="/triage/undo")[0]
    back = ada.post("/triage/undo", {each.attributes["name"]: each.attributes["value"] for each in undo.all("input")})
    assert shown(read(ada.get(back["Location"]))) == "b"
    assert state_of(second).state == "new"
    assert {state_of(each).state for each in (first, third)} == {"new"}


def test_a_limit_is_only_of_what_is_expected(ada: Client) -> None:
    pattern = denied("noop", 1)
    assert sent(ada, page(ada), state="fixed", most_a_day="5").status_code == 302
    assert state_of(pattern).most_a_day is None


def test_the_second_of_two_people_sees_what_the_first_did(ada: Client) -> None:
    pattern = denied("noop", 1)
    seen = page(ada)
    decide(pattern, "fixed")
    response = sent(ada, seen, state="expected", note="mine")
    assert response.status_code == 409
    found = read(response)
    assert "somebody decided in the meantime" in found.words
    assert "Fixed, by bob" in found.words
    assert found.all("textarea")[0].text.strip() == "mine"
    assert state_of(pattern).state == "fixed"
    assert sent(ada, found, state="expected").status_code == 302
    assert state_of(pattern).state == "expected"


def test_a_key_pressed_twice_decides_once(ada: Client) -> None:
    pattern = denied("noop", 1)
    seen = page(ada)
    first, again = (sent(ada, seen, state="fixed")["Location"] for _ in range(2))
    assert first == again
    assert StateChange.objects.count() == 1
    assert state_of(pattern).state == "fixed"


def test_a_pattern_that_was_merged_in_the_meantime_is_shown_and_not_changed(ada: Client) -> None:
    leader = denied("noop", 1, detail="alpha beta gamma")
    record_all([make_rejected("noop", issue_id="other", ts_ms=now_ms(), detail=OTHER)])
    other = Template.objects.exclude(pk=leader.pk).get(axis="noop")
    seen = page(ada, pattern=other.key)
    staff("eve").post(links.change_pattern("merge", leader.key), {"pattern": other.key})
    response = sent(ada, seen, state="fixed")
    assert response.status_code == 409
    assert "joined to another one" in read(response).words
    assert not StateChange.objects.exists()


def test_a_conflict_says_what_was_decided_and_a_decision_ends_it(ada: Client) -> None:
    pattern = conflict()
    found = page(ada)
    assert "Fixed: 1 template, by bob" in found.words
    assert sent(ada, found, state="acknowledged").status_code == 302
    assert order(ada) == []
    assert state_of(pattern).state == "acknowledged"


def test_readers_see_it_without_buttons() -> None:
    denied("noop", 1)
    for client in (Client(), signed_in("eve")):
        found = page(client)
        assert shown(found) == "noop"
        assert not found.all("form", aria_label="Decide")


def signed_in(name: str) -> Client:
    client = Client()
    client.force_login(User.objects.create_user(name))
    return client


@pytest.mark.parametrize("path", ["/triage/", "/triage/undo"])
def test_only_staff_decide(path: str) -> None:
    pattern = denied("noop", 1)
    given = {"pattern": pattern.key, "seen": "0", "state": "fixed", "change": "1"}
    assert Client().post(path, given).status_code == 401
    assert signed_in("eve").post(path, given).status_code == 403
    assert not StateChange.objects.exists()


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"state": "odd"}, "odd"),
        ({"state": "new"}, "new"),
        ({"cause": "odd"}, "odd"),
        ({"seen": "-1"}, "greater than or equal to 0"),
        ({"seen": ""}, "required"),
        ({"most_a_day": "0", "state": "expected"}, "greater than or equal to 1"),
        ({"note": "x" * 4_001}, "at most 4000 characters"),
    ],
)
def test_what_cannot_be_saved_is_named(ada: Client, said: dict[str, str], words: str) -> None:
    denied("noop", 1)
    response = sent(ada, page(ada), **{"state": "fixed"} | said)
    assert response.status_code == 400
    assert words in read(response).words
    assert not StateChange.objects.exists()


@pytest.mark.parametrize(
    ("parameters", "status"),
    [({"skip": "-1"}, 400), ({"skip": "x"}, 400), ({"pattern": "x"}, 404), ({"pattern": "0" * 16}, 404)],
)
def test_an_address_that_leads_nowhere(ada: Client, parameters: dict[str, str], status: int) -> None:
    assert ada.get("/triage/", parameters).status_code == status


@pytest.mark.parametrize("change", ["", "x", "-1", "9" * 30, "٣"])
def test_an_undo_of_no_change(ada: Client, change: str) -> None:
    assert ada.post("/triage/undo", {"pattern": denied("noop", 1).key, "change": change}).status_code == 400


def test_an_undo_that_comes_too_late_changes_nothing(ada: Client) -> None:
    pattern = denied("noop", 1)
    first = decide(pattern)
    decide(pattern, "fixed")
    response = ada.post("/triage/undo", {"pattern": pattern.key, "change": str(first)})
    assert "Not undone: somebody has changed this pattern since." in read(ada.get(response["Location"])).words
    assert state_of(pattern).state == "fixed"


def test_only_the_readers_own_decision_is_told(ada: Client) -> None:
    change = decide(denied("noop", 1))
    assert not page(ada, done=change).all("form", action="/triage/undo")
    assert not page(ada, done="9" * 40).all("form", action="/triage/undo")
    assert not page(Client(), done=change).all("form", action="/triage/undo")


def test_past_the_end_it_leads_back(ada: Client) -> None:
    denied("noop", 1)
    found = page(ada, skip=7)
    assert shown(found) is None
    assert found.addresses("Back to the first") == ["/triage/"]
    assert [link.attributes["href"] for link in found.all("a", rel="prev")] == ["/triage/"]


def test_a_pattern_that_does_not_wait_can_still_be_decided(ada: Client) -> None:
    pattern = denied("noop", 1)
    decide(pattern, "acknowledged", cause="prompt")
    found = page(ada, pattern=pattern.key)
    denied("tone", 1)
    assert [link.attributes["href"] for link in page(ada, pattern=pattern.key).all("a", rel="next")] == ["/triage/"]
    assert "It does not wait: Acknowledged (cause: patch-writer’s prompt)" in found.words
    assert sent(ada, found, state="fixed", cause="prompt").status_code == 302
    assert state_of(pattern).state == "fixed"


def test_an_empty_log(ada: Client) -> None:
    assert "Nothing is logged yet" in page(ada).words


def test_more_than_can_be_gone_through(ada: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("enhancelog.queries.triage.MOST", 2)
    for axis in ("a", "b", "c"):
        denied(axis, 1)
    assert "2+ left" in page(ada).words
    assert len(order(ada)) == 2


def test_the_number_of_statements_is_fixed(ada: Client, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    for axis in "abc":
        decide(denied(axis, 1), days_ago=1)
    denied("new", 1)
    page(ada)
    with django_assert_max_num_queries(40) as few:
        page(ada)
    for at in range(20):
        denied(f"n{at}", 1)
        decide(denied(f"m{at}", 1), days_ago=1)
    with django_assert_max_num_queries(len(few)):
        page(ada)


def test_links_between_the_patterns_and_the_inbox(ada: Client) -> None:
    pattern = denied("noop", 1)
    assert "/triage/" in read(ada.get("/patterns/")).addresses("Triage")
    assert links.pattern(pattern.key) in {link.attributes.get("href") for link in page(ada).all("a")}
