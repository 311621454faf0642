"""The page of one entry."""

import re

import pytest
from django.test import Client

from content.store import open_store
from enhancelog.domain.origin import Origin
from enhancelog.links import entry
from enhancelog.queries.patterns.of_entry import alike
from tests import limited
from tests.factories import HASHES, make_entry, make_rejected
from tests.recording import record, record_all

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def public(settings):
    settings.PUBLIC_READ = True


def get(client: Client, path: str = "/entries/h-1") -> str:
    response = client.get(path)
    assert response.status_code == 200, response.content
    return response.content.decode()


def neighbours(html: str) -> dict[str, str]:
    found = re.findall(r'<a class="btn" rel="(prev|next)" href="([^"]*)"', html)
    return {rel: url.replace("&amp;", "&") for rel, url in found}


def test_denials_come_before_passes(client):
    record(make_rejected("noop", "tone"))
    page = get(client)
    said = re.findall(r'<li class="(deny|pass)"><span class="who">.*?<bdi>(.*?)</bdi>', page)
    assert said == [("deny", "noop"), ("deny", "tone"), ("pass", "des")]
    assert "2 of 3 axes denied" in page
    assert "by noop and tone, " in page


def test_not_judged_is_not_passed(client):
    record(make_entry(verdicts=[]))
    page = get(client)
    assert "No axis judged this run. Not judged is not passed." in page
    assert "not judged" in page


def test_short_intent_is_the_title_alone(client):
    record(make_entry(intent="cite the line"))
    page = get(client)
    assert '<h1 dir="auto">cite the line</h1>' in page
    assert "<h2>Intent</h2>" not in page


def test_long_intent_is_shown_in_full_and_folded(client):
    intent = "\n\ncite the line\n" + "and more. " * 2_000 + "The end."
    record(make_entry(intent=intent))
    page = get(client)
    assert '<h1 dir="auto">cite the line</h1>' in page
    assert "The end." in page
    assert '<details class="fold"><summary dir="auto">cite the line' in page


def test_rationale_is_markdown_without_its_dangers(client):
    record(make_entry(rationale='Adds **one** <script>alert(1)</script> [x](javascript:alert(1)) <a hx-get="/x">y</a>'))
    page = get(client)
    assert "<strong>one</strong>" in page
    assert "<script>alert" not in page
    assert 'href="javascript:' not in page
    assert '<a hx-get="/x">' not in page


def test_reasons_are_shown_only_where_they_differ(client):
    record(make_rejected("noop"), make_rejected("noop", issue_id="h-2", reasons=["noop: something else"]))
    assert "<h2>Reasons</h2>" not in get(client)
    page = get(client, "/entries/h-2")
    assert "<h2>Reasons</h2>" in page
    assert "noop: something else" in page


def test_badges_are_explained_in_words(client):
    record(make_entry(verdicts=[{"axis": "noop", "status": "deny", "detail": ""}], new_hash=""))
    page = get(client)
    assert "An axis denied this run, yet it is recorded as applied." in page
    assert "The run is recorded as applied, but the hash after it is empty." in page
    assert "no reason given" in page
    assert "in spite of noop" in page


def test_gap_is_said(client):
    record(make_entry(), make_entry(issue_id="h-2", prev_hash=HASHES[7], ts_ms=1_795_000_000_001))
    assert "was not written by the entry before" in get(client, "/entries/h-2")
    assert "was not written by the entry before" not in get(client)


def test_hashes_copy_and_position_is_told(client):
    record_all(make_entry(issue_id=f"h-{n}") for n in range(3))
    page = get(client)
    assert f'data-copy="{HASHES[0]}"' in page
    assert f'data-copy="{HASHES[1]}"' in page
    assert 'data-copy="h-1"' in page
    assert "2 of 3" in page
    assert "command <code>tests</code>" in page


def test_raw_leads_to_the_api(client):
    record(make_entry(issue_id="a/b ?"))
    assert 'href="/v1/enhance/log/a%2Fb%20%3F">Raw' in get(client, entry("a/b ?"))


def test_ops_not_recorded_is_said(client):
    record(make_entry(), make_entry(issue_id="h-2", ops=[]))
    assert "Operations were not recorded." in get(client)
    page = get(client, "/entries/h-2")
    assert "0 operations" in page
    assert "An empty patch." in page


def test_patch_is_listed(client):
    ops = [
        {"op": "replace", "path": "/agents/2/prompt", "value": "First.\nSecond <b>."},
        {"op": "move", "from": "/a", "path": "/b"},
        {"op": "add", "path": "", "value": {"z": 1.50, "a": 12345678901234567890}},
    ]
    record(make_entry(ops=ops, bump="minor"))
    page = get(client)
    assert "3 operations, bump <code>minor</code>" in page
    assert "<ins>First.</ins><ins>Second &lt;b&gt;.</ins>" in page
    assert "/a → /b" in page
    assert "(the whole document)" in page
    assert "12345678901234567890" in page


def test_newer_and_older_keep_to_the_filter(client):
    record(
        make_rejected("noop", issue_id="a", ts_ms=1),
        make_rejected("tone", issue_id="b", ts_ms=2),
        make_rejected("noop", issue_id="c", ts_ms=3),
        make_entry(issue_id="d", ts_ms=4),
        make_rejected("noop", issue_id="e", ts_ms=5, blueprint_id="other"),
    )
    assert neighbours(get(client, "/entries/c")) == {"prev": "/entries/d", "next": "/entries/b"}
    page = get(client, "/entries/c?status=rejected&axis=noop")
    assert neighbours(page) == {
        "prev": "/entries/e?status=rejected&axis=noop",
        "next": "/entries/a?status=rejected&axis=noop",
    }
    assert 'href="/search/?status=rejected&amp;axis=noop" title="Back to the list">in status:rejected axis:noop' in page
    page = get(client, "/entries/c?blueprint_id=main&axis=noop")
    assert neighbours(page) == {"next": "/entries/a?blueprint_id=main&axis=noop"}
    assert 'href="/blueprints/main?axis=noop" title="Back to the list"' in page


def test_neighbours_within_the_empty_blueprint(client):
    record(
        make_entry(issue_id="a", blueprint_id="", ts_ms=1),
        make_entry(issue_id="b", ts_ms=2),
        make_entry(issue_id="c", blueprint_id="", ts_ms=3),
    )
    assert neighbours(get(client, "/entries/c?blueprint_id=")) == {"next": "/entries/a?blueprint_id="}


def test_entry_outside_the_filter_still_has_neighbours(client):
    record(
        make_rejected(issue_id="a", ts_ms=1), make_entry(issue_id="b", ts_ms=2), make_rejected(issue_id="c", ts_ms=3)
    )
    page = get(client, "/entries/b?status=rejected")
    assert neighbours(page) == {"prev": "/entries/c?status=rejected", "next": "/entries/a?status=rejected"}


def test_bad_filter_is_400_naming_it(client):
    record(make_entry())
    response = client.get("/entries/h-1?since=yesterday")
    assert response.status_code == 400
    assert b"<code>since</code>" in response.content


@pytest.mark.parametrize("path", ["/entries/nobody", "/entries/..%2F..", "/entries/" + "x" * 600, "/entries/a%00b"])
def test_unknown_entry_is_404_with_a_way_on(client, path):
    response = client.get(path)
    assert response.status_code == 404
    assert b"/search/?text=" in response.content


def test_large_entry_is_bounded(client):
    ops = [{"op": "add", "path": f"/{n}", "value": "x" * 3_000} for n in range(300)]
    record(make_entry(ops=ops, verdicts=[]))
    page = get(client)
    assert len(page) < 200_000
    assert "more; the <a" in page


def test_a_hundred_verdicts_are_all_shown(client):
    record(make_rejected(*(f"axis-{n}" for n in range(100))))
    page = get(client)
    assert page.count('<li class="deny">') == 100
    assert "by axis-0, axis-1, axis-2, axis-3, axis-4 and 95 more" in page


def test_work_item_of_the_same_id_stands_beside_the_entry(client, settings):
    record(make_entry())
    assert 'id="work-item"' not in get(client)
    open_store(Origin("command", "tests", "tests")).write("h-1", "gate_output", "one failure")
    page = get(client)
    assert 'id="work-item"' in page
    assert "current value" in page
    assert "not what it held when this entry was written" in page


@pytest.mark.parametrize("number", [1, 200])
def test_statements_do_not_grow_with_the_log(client, django_assert_num_queries, number):
    record_all(make_rejected(*(f"axis-{m}" for m in range(number)), issue_id=f"h-{n}") for n in range(number))
    with django_assert_num_queries(10):  # two of them for the work item
        get(client, "/entries/h-0?status=rejected")


def many(number: int, status: str = "deny") -> list[dict[str, str]]:
    return [{"axis": f"a{n}", "status": status, "detail": f"d{n}"} for n in range(number)]


def test_of_many_verdicts_a_page_shows_a_hundred(client):
    record(
        make_entry(
            verdicts=[*many(300, "pass"), {"axis": "last", "status": "deny", "detail": "no"}],
            status="rejected",
            new_hash="",
            reasons=["last: no"],
        )
    )
    page = get(client)
    assert page.count('<span class="who">') == 100
    assert "<bdi>last</bdi>" in page
    assert 'and 201 more; the <a class="link" href="/v1/enhance/log/h-1">JSON</a> has them all' in page
    assert "1 of 301 axes denied" in page


def test_of_many_reasons_a_page_shows_a_hundred(client):
    record(make_rejected("noop", reasons=[f"reason {n}" for n in range(1_234)]))
    page = get(client)
    assert page.count('<li class="reason"') == 100
    assert 'and 1,134 more; the <a class="link" href="/v1/enhance/log/h-1">JSON</a> has them all' in page


def test_lists_show_a_few_denials_and_how_many_more(client):
    record(make_entry(verdicts=many(1_000), status="rejected", new_hash="", reasons=[]))
    for path in ("/rejections/", "/search/", "/blueprints/main"):
        page = get(client, path)
        assert page.count("<bdi>a") <= 30, path
        assert "and 994 more" in page, path


def test_two_entries_with_many_verdicts_are_compared_at_a_bounded_price(client):
    """Each verdict is read once: with every axis looking at all of them this takes minutes."""
    limited.assert_ends(
        """
import django
django.setup()
from tests.factories import make_entry
from enhancelog.web.pages.comparison import _judged
said = [{"axis": f"a{n}", "status": "deny", "detail": ""} for n in range(20_000)]
judged, left_out = _judged(make_entry(verdicts=said), make_entry(verdicts=said[::-1]))
assert (len(judged), left_out) == (100, 19_900), (len(judged), left_out)
""",
        cpu_s=10,
    )


def test_a_comparison_says_how_many_axes_it_leaves_out(client):
    record(make_entry(verdicts=many(150)))
    record(make_entry(issue_id="h-2", verdicts=[*many(149), {"axis": "a149", "status": "pass", "detail": ""}]))
    page = get(client, "/entries/h-1?compare=h-2")
    assert page.count('<th scope="row" class="mono">') == 100
    assert "and 50 more axes" in page
    assert 'href="/v1/enhance/log/h-2"' in page
    assert "<bdi>a149</bdi>" in page


def test_patterns_are_counted_for_the_denials_that_the_page_shows_alone(client, monkeypatch):
    monkeypatch.setattr("enhancelog.projections.patterns.details.MOST_AXES", 500)
    record(make_entry(verdicts=many(500), status="rejected", new_hash=""))
    record(make_entry(issue_id="h-2", verdicts=many(500), status="rejected", new_hash=""))
    assert get(client).count(" more like this") == 100
    assert sorted(alike(1, {"a0", "a499", "absent"})) == ["a0", "a499"]
