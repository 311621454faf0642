"""Retry threads on pages: which attempt a row is, the attempts at one intent, and two runs compared."""

import pytest
from django.test import Client

from enhancelog import links
from enhancelog.queries.unfinished_attempts import SHOWN
from enhancelog.store import followed
from tests.factories import HASHES, make_entry, make_rejected
from tests.host.observed import report
from tests.pages import Page, read
from tests.recording import record, record_all

pytestmark = pytest.mark.django_db

START_MS = 1_700_000_000_000
ODD = "ops/デプロイ-3 %?#"


@pytest.fixture(autouse=True)
def public(settings):
    settings.PUBLIC_READ = True


def get(client: Client, path: str, status: int = 200, headers: dict[str, str] | None = None) -> Page:
    response = client.get(path, headers=headers)
    assert response.status_code == status, response.content
    return read(response)


def some_attempts() -> None:
    """Two rejections of one intent, then an applied run; and an intent tried once."""
    record(
        make_rejected("des", "tone", issue_id=ODD, ts_ms=START_MS, detail="no <id>"),
        make_rejected("noop", issue_id="second", ts_ms=START_MS + 1, ops=[{"op": "add", "path": "/a", "value": "one"}]),
        make_entry(issue_id="third", ts_ms=START_MS + 2, ops=[{"op": "add", "path": "/a", "value": "two"}]),
        make_entry(issue_id="alone", ts_ms=START_MS + 3, intent="another intent"),
    )


def attempts(page: Page) -> list[tuple[str, str]]:
    return [(link.words, link.attributes["href"]) for link in page.all("a", class_="thread")]


def test_rejected_rows_of_the_timeline_link_to_their_thread(client):
    some_attempts()
    assert attempts(get(client, "/blueprints/main")) == [
        ("attempt 2 of 3", "/entries/second?blueprint_id=main#attempts"),
        ("attempt 1 of 3", f"{links.entry(ODD)}?blueprint_id=main#attempts"),
    ]


def test_applied_version_opens_the_attempts_before_it(client):
    some_attempts()
    page = get(client, "/blueprints/main")
    (details,) = page.all("details", class_="tried")
    assert details.words == "after 2 rejections: des, tone and noopAttempts at this intent"
    (link,) = [each for each in details.inside if each.tag == "a"]
    assert link.attributes["href"] == "/entries/third?blueprint_id=main#attempts"
    (lazy,) = [each for each in details.inside if "hx-get" in each.attributes]
    fragment = get(client, lazy.attributes["hx-get"], headers={"HX-Request": "true"})
    assert [item.words.split(" compare")[0] for item in fragment.all("li")] == [
        "1. rejected 14 Nov 22:13 no <id>",
        "2. rejected 14 Nov 22:13 patch is no-op",
    ]
    assert not fragment.all("html")


def test_one_rejection_is_one(client):
    record(make_rejected("noop", issue_id="a", ts_ms=START_MS), make_entry(issue_id="b", ts_ms=START_MS + 1))
    assert "after 1 rejection: noop" in get(client, "/blueprints/main").words


def test_fragment_of_an_entry_without_attempts_before_says_so(client):
    some_attempts()
    for issue_id in ("alone", ODD):
        (said,) = get(client, links.entry(issue_id), headers={"HX-Request": "true"}).elements
        assert said.words == "No attempts before this one."


@pytest.mark.parametrize(("path", "count"), [("/rejections/", 2), ("/search/", 3), ("/search/?phrase=line", 3)])
def test_rows_of_lists_say_which_attempt_they_are(client, path, count):
    some_attempts()
    found = attempts(get(client, path))
    assert sorted(words for words, _ in found) == [f"attempt {number} of 3" for number in range(1, count + 1)]
    assert all(href.endswith("#attempts") for _, href in found)


def test_kept_row_tells_its_new_place(client):
    record(make_rejected("noop", issue_id="a", ts_ms=START_MS))
    assert attempts(get(client, "/rejections/")) == []
    record(make_rejected("noop", issue_id="b", ts_ms=START_MS + 1))
    assert [words for words, _ in attempts(get(client, "/rejections/"))] == ["attempt 2 of 2", "attempt 1 of 2"]


def test_later_page_does_not_see_attempts_that_came_meanwhile(client):
    record_all(make_rejected(issue_id=f"h-{n}", ts_ms=START_MS + n) for n in range(4))
    page = get(client, "/rejections/?page_size=2")
    following = page.all("a", id="further")[0].attributes["href"]
    record(make_rejected(issue_id="late", ts_ms=START_MS + 9))
    assert [words for words, _ in attempts(get(client, following))] == ["attempt 2 of 4", "attempt 1 of 4"]


def test_entry_page_lists_the_attempts_at_its_intent(client):
    some_attempts()
    page = get(client, "/entries/second")
    (panel,) = page.all("section", id="attempts")
    items = [each for each in panel.inside if each.tag == "li"]
    assert [item.words for item in items] == [
        "1. rejected by des and toneno <id>14 Nov 22:13 · compare",
        "2. rejected by nooppatch is no-op14 Nov 22:13",
        "3. appliedAdds one sentence to the `writer` prompt.14 Nov 22:13 · compare",
    ]
    assert [item.attributes.get("aria-current") for item in items] == [None, "true", None]
    compare = [each.attributes["href"] for each in panel.inside if each.tag == "a" and "compare" in each.words.lower()]
    assert compare == [
        links.comparison("second", ODD),
        links.comparison("second", "third"),
        "/entries/second?compare=third",
    ]
    assert ", attempt 2 of 3" in page.words


def test_entry_that_is_alone_has_no_attempts(client):
    some_attempts()
    page = get(client, "/entries/alone")
    assert page.all("section", id="attempts") == []
    assert "attempt 1" not in page.words


def test_long_thread_shows_the_nearest_attempts_and_how_many_more(client):
    record_all(make_rejected(issue_id=f"h-{n}", ts_ms=START_MS + n) for n in range(70))
    page = get(client, "/entries/h-30")
    (panel,) = page.all("section", id="attempts")
    assert "5 earlier attempts not shown" in panel.words
    assert "14 later attempts not shown" in panel.words
    assert ", attempt 31 of 70" in page.words


def steps(page: Page) -> list[str]:
    (panel,) = page.all("section", id="attempts")
    return [each.words for each in panel.inside if each.tag == "li"]


def test_runs_that_never_finished_stand_among_the_attempts_without_a_number(client):
    some_attempts()
    intent = make_entry().intent
    report("later", ts_ms=START_MS + 1, intent=intent, cause="spawner", reason="no <memory>")
    report("waits", status="pending", reason="", intent=intent, not_before_ms=START_MS, not_after_ms=START_MS + 1)
    page = get(client, "/entries/second")
    assert steps(page) == [
        "1. rejected by des and toneno <id>14 Nov 22:13 · compare",
        "–not finished yetbetween 14 Nov 22:13 and 22:13",
        "2. rejected by nooppatch is no-op14 Nov 22:13",
        "–never finished: Spawner failedno <memory>14 Nov 22:13",
        "3. appliedAdds one sentence to the `writer` prompt.14 Nov 22:13 · compare",
    ]
    assert page.all("a", href="/unfinished/later")
    assert ", attempt 2 of 3" in page.words
    run = get(client, "/unfinished/later")
    assert steps(run) == [words.removesuffix(" · compare") for words in steps(page)]
    (current,) = [each for each in run.elements if each.tag == "li" and each.attributes.get("aria-current")]
    assert "never finished" in current.words


def test_an_intent_that_is_worded_otherwise_is_shown(client):
    some_attempts()
    intent = make_entry().intent
    record(make_rejected("noop", issue_id="again", ts_ms=START_MS + 1, intent=f"Again: {intent}"))
    report("dead", ts_ms=START_MS + 1, intent=f"{intent} (attempt <9>)", reason="")
    worded = [
        " ".join(words.partition("“")[2].partition("”")[0].split()) for words in steps(get(client, "/entries/third"))
    ]
    assert worded == ["", "", f"Again: {intent}", f"{intent} (attempt <9>)", ""]
    assert f"“{intent}”" in steps(get(client, "/entries/again"))[0]
    assert f"“{intent}”" in steps(get(client, "/unfinished/dead"))[0]


def test_an_entry_that_is_alone_has_the_runs_that_never_finished_beside_it(client):
    some_attempts()
    report("odd/1 ?", ts_ms=START_MS, intent="another intent")
    page = get(client, "/entries/alone")
    assert [words.partition("out of")[0] for words in steps(page)] == [
        "–never finished: Other",
        "1. appliedAdds one sentence to the `writer` prompt.14 Nov 22:13",
    ]
    assert page.all("a", href=links.unfinished_run("odd/1 ?"))
    assert "attempt 1" not in page.words


def test_a_page_that_was_sent_before_is_sent_again_when_a_run_at_its_intent_changed(client):
    some_attempts()
    report("moved", ts_ms=START_MS, intent="another intent")
    client.get("/entries/second")  # from now on with a cookie
    etag = client.get("/entries/second")["ETag"]
    assert client.get("/entries/second", headers={"If-None-Match": etag}).status_code == 304
    report("moved", ts_ms=START_MS, intent=make_entry().intent)
    assert client.get("/entries/second", headers={"If-None-Match": etag}).status_code == 200


def test_what_hosts_and_agents_wrote_of_unfinished_runs_is_text(client):
    some_attempts()
    evil = "<xss-tag>" * 1000
    for number in range(30):
        report(f"{number}<xss-tag>", ts_ms=START_MS + 1, intent=make_entry().intent, reason=evil)
    response = client.get("/entries/second")
    page = read(response)
    assert not page.all("xss-tag")
    assert len(steps(page)) == 3 + SHOWN
    assert "More runs at this intent never finished; the newest are shown." in page.words
    assert len(response.content) < 60_000


# Two runs compared


def test_comparison_shows_the_earlier_first_whichever_was_asked_for(client):
    some_attempts()
    one, other = get(client, links.comparison("second", "third")), get(client, links.comparison("third", "second"))
    for page in (one, other):
        titles = [section.words for section in page.elements if section.attributes.get("class") == "panel side"]
        assert ["second" in titles[0], "third" in titles[1]] == [True, True]
        assert ["attempt 2" in titles[0], "attempt 3" in titles[1]] == [True, True]
    assert one.words == other.words


def test_comparison_marks_what_differs(client):
    some_attempts()
    page = get(client, links.comparison("second", "third"))
    assert [(each.tag, each.words) for each in page.elements if each.tag in ("ins", "del", "mark")] == [
        ("del", "one"),
        ("ins", "two"),
    ]
    assert page.words.count("The same in both.") == 2
    rows = [row.words for row in page.all("tr")]
    assert rows[1:] == [
        "noopdeny patch is no-oppass patch produces new hash",
        "despass okpass blueprint shape ok (id/flow/agents present)",
    ]


def test_comparison_says_where_nothing_was_judged_or_recorded(client):
    record(
        make_entry(issue_id="a", verdicts=[], ts_ms=START_MS), make_rejected("tone", issue_id="b", ts_ms=START_MS + 1)
    )
    page = get(client, links.comparison("a", "b"))
    assert "tonenot judgeddeny" in page.words
    assert "Operations were not recorded for either." in page.words
    record(make_entry(issue_id="c", ops=[]))
    assert "not recorded for the first" in get(client, links.comparison("a", "c")).words


def test_comparison_with_itself_is_the_entry(client):
    some_attempts()
    assert client.get(links.comparison(ODD, ODD))["Location"] == links.entry(ODD)


@pytest.mark.parametrize("other", ["nobody", "..", "a\0b", "x" * 600])
def test_comparison_with_an_unknown_entry_is_404(client, other):
    some_attempts()
    assert "No such entry" in get(client, links.comparison("second", other), 404).words


def test_comparison_escapes_what_agents_wrote(client):
    evil = "<script>alert(1)</script> {}"
    record(
        *(
            make_rejected("x", issue_id=f"{n}<b>", intent=evil.format(n), rationale=evil.format(n), detail=evil)
            for n in (1, 2)
        )
    )
    page = get(client, links.comparison("1<b>", "2<b>"))
    assert not [script for script in page.all("script") if script.text]
    assert [each.text for each in page.all("del")] == [evil.format(1)] * 2
    assert [each.text for each in page.all("ins")] == [evil.format(2)] * 2
    assert [each.text for each in page.all("mark")] == ["1", "2"] * 2


def test_comparison_of_huge_entries_is_bounded(client):
    texts = ["\n".join(f"{word} {n}" for n in range(30_000)) for word in ("a", "b")]
    verdicts = [{"axis": f"axis-{n}", "status": "pass", "detail": ""} for n in range(300)]
    for number, text in enumerate(texts):
        record(make_entry(issue_id=f"h-{number}", intent=text, rationale=text, verdicts=verdicts))
    response = client.get(links.comparison("h-0", "h-1"))
    assert "and 200 more axes" in read(response).words
    assert "Too many changes" in read(response).words
    assert len(response.content) < 200_000


def test_comparison_asks_a_fixed_number_of_questions(client, django_assert_num_queries):
    some_attempts()
    with django_assert_num_queries(6):  # three of them for the validator
        get(client, links.comparison("second", "third"))


def test_patch_shows_what_was_there_in_the_document_kept_before_it(client):
    record(make_entry(ops=[{"op": "replace", "path": "/text", "value": "be brief"}]))
    assert get(client, "/entries/h-1").all("del") == []
    followed.keep_document("main", HASHES[0], '{"text": "be short"}', "host")
    page = get(client, "/entries/h-1")
    assert [each.words for each in page.all("del")] == ["be short"]
    assert [each.words for each in page.all("mark")] == ["short", "brief"]


def test_denied_pointer_is_marked_with_the_axis_that_named_it(client):
    ops = [{"op": "add", "path": "/a", "value": 1}, {"op": "add", "path": "/b", "value": 1}]
    record(make_rejected("secrets", detail="possible credential at /b line 2", ops=ops))
    (hit,) = [each for each in get(client, "/entries/h-1").all("div") if each.attributes.get("class") == "op hit"]
    assert hit.words == "add/b secrets deny1"
