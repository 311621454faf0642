"""The page of one entry."""

import pytest
from django.test import Client

from content.store import open_store
from enhancelog.domain.origin import Origin
from enhancelog.links import entry
from enhancelog.queries.patterns.of_entry import alike
from tests import limited
from tests.factories import HASHES, make_entry, make_rejected
from tests.pages import Element, Page, read
from tests.recording import record, record_all

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def public(settings):
    settings.PUBLIC_READ = True


def get(client: Client, path: str = "/entries/h-1") -> Page:
    response = client.get(path)
    assert response.status_code == 200, response.content
    return read(response)


def panels(page: Page, title: str) -> list[Element]:
    """The panels with this heading: one or none."""
    return [panel for panel in page.all("section") if [each.words for each in inside(panel, "h2")] == [title]]


def inside(element: Element, tag: str, class_: str | None = None) -> list[Element]:
    found = [each for each in element.inside if each.tag == tag]
    return [each for each in found if class_ is None or class_ in each.attributes.get("class", "").split()]


def verdicts(page: Page) -> list[tuple[str, str]]:
    """Status and axis of each verdict that the page lists."""
    (panel,) = panels(page, "Verdicts")
    return [(row.attributes["class"], inside(row, "bdi")[0].words) for row in inside(panel, "li")]


def titles(page: Page) -> list[str]:
    return [heading.words for heading in page.all("h1")]


def left_out(panel: Element) -> tuple[str, str]:
    """The sentence that says how many are left out, and the link to all of them."""
    (link,) = [each for each in inside(panel, "a") if each.words == "JSON"]
    return panel.words[panel.words.index("and ") :], link.attributes["href"]


def neighbours(page: Page) -> dict[str, str]:
    found = [each for each in page.all("a") if each.attributes.get("rel") in ("prev", "next")]
    return {each.attributes["rel"]: each.attributes["href"] for each in found}


def test_denials_come_before_passes(client):
    record(make_rejected("noop", "tone"))
    page = get(client)
    assert verdicts(page) == [("deny", "noop"), ("deny", "tone"), ("pass", "des")]
    assert "2 of 3 axes denied" in page.words
    assert "by noop and tone, " in page.words


def test_not_judged_is_not_passed(client):
    record(make_entry(verdicts=[]))
    (panel,) = panels(get(client), "Verdicts")
    assert panel.words == "Verdictsnot judged No axis judged this run, which does not mean that it passed."


def test_short_intent_is_the_title_alone(client):
    record(make_entry(intent="cite the line"))
    page = get(client)
    assert titles(page) == ["cite the line"]
    assert not panels(page, "Intent")


def test_long_intent_is_shown_in_full_and_folded(client):
    intent = "\n\ncite the line\n" + "and more. " * 2_000 + "The end."
    record(make_entry(intent=intent))
    page = get(client)
    assert titles(page) == ["cite the line"]
    (fold,) = inside(panels(page, "Intent")[0], "details", "fold")
    assert inside(fold, "summary")[0].words == "cite the line show all"
    assert inside(fold, "div")[0].text == intent


def test_rationale_is_markdown_without_its_dangers(client):
    record(make_entry(rationale='Adds **one** <script>alert(1)</script> [x](javascript:alert(1)) <a hx-get="/x">y</a>'))
    (panel,) = panels(get(client), "Rationale")
    assert [each.words for each in inside(panel, "strong")] == ["one"]
    assert not inside(panel, "script")
    assert not inside(panel, "a")
    assert "<script>alert(1)</script>" in panel.words


def test_reasons_are_shown_only_where_they_differ(client):
    record(make_rejected("noop"), make_rejected("noop", issue_id="h-2", reasons=["noop: something else"]))
    assert not panels(get(client), "Reasons")
    (panel,) = panels(get(client, "/entries/h-2"), "Reasons")
    assert [each.words for each in inside(panel, "li")] == ["noop: something else"]


def test_badges_are_explained_in_words(client):
    record(make_entry(verdicts=[{"axis": "noop", "status": "deny", "detail": ""}], new_hash=""))
    page = get(client)
    (notes,) = panels(page, "Notes")
    assert "An axis denied this run, yet it is recorded as applied." in notes.words
    assert "The run is recorded as applied, but the hash after it is empty." in notes.words
    assert "no reason given" in panels(page, "Verdicts")[0].words
    assert "despite noop" in page.words


def test_gap_is_said(client):
    record(make_entry(), make_entry(issue_id="h-2", prev_hash=HASHES[7], ts_ms=1_795_000_000_001))
    (notes,) = panels(get(client, "/entries/h-2"), "Notes")
    assert f"gap No earlier entry produced {HASHES[7][:10]}…. " in notes.words
    assert not panels(get(client), "Notes")


def test_hashes_copy_and_position_is_told(client):
    record_all(make_entry(issue_id=f"h-{n}") for n in range(3))
    page = get(client)
    copied = [each.attributes["data-copy"] for each in page.all("button") if "data-copy" in each.attributes]
    assert copied == ["h-1", HASHES[0], HASHES[0], HASHES[1]]  # the second is that before the gap
    facts = [each.words for each in inside(panels(page, "Version")[0], "dd")]
    assert facts[2] == "command tests"
    assert facts[-2] == "2 of 3"


def test_the_json_button_leads_to_the_api(client):
    record(make_entry(issue_id="a/b ?"))
    (button,) = [each for each in get(client, entry("a/b ?")).all("a") if each.words == "JSON"]
    assert button.attributes["href"] == "/v1/enhance/log/a%2Fb%20%3F"


def test_ops_not_recorded_is_said(client):
    record(make_entry(), make_entry(issue_id="h-2", ops=[]))
    assert panels(get(client), "Patch")[0].words == "Patch Operations were not recorded."
    assert panels(get(client, "/entries/h-2"), "Patch")[0].words == "Patch0 operationsJSON An empty patch."


def test_patch_is_listed(client):
    ops = [
        {"op": "replace", "path": "/agents/2/prompt", "value": "First.\nSecond <b>."},
        {"op": "move", "from": "/a", "path": "/b"},
        {"op": "add", "path": "", "value": {"z": 1.50, "a": 12345678901234567890}},
    ]
    record(make_entry(ops=ops, bump="minor"))
    (panel,) = panels(get(client), "Patch")
    assert "3 operations, bump minor" in panel.words
    first, moved, whole = inside(panel, "div", "op")
    assert [each.text for each in inside(first, "ins")] == ["First.", "Second <b>."]
    assert moved.words == "move/a → /b"
    assert "(the whole document)" in whole.words
    assert "12345678901234567890" in whole.words


def test_long_values_of_a_patch_start_folded(client):
    record(make_entry(ops=[{"op": "add", "path": "/a", "value": "one\n" * 50}]))
    (fold,) = inside(panels(get(client), "Patch")[0], "details")
    assert inside(fold, "summary")[0].words == "one show 51 lines"
    assert len(inside(fold, "ins")) == 51


def test_a_value_that_is_cut_says_where_the_rest_is(client):
    record(make_entry(issue_id="a/b", ops=[{"op": "add", "path": "/a", "value": "x" * 50_000}]))
    (panel,) = panels(get(client, entry("a/b")), "Patch")
    assert "… the rest is in the JSON" in panel.words
    assert inside(panel, "a")[-1].attributes["href"] == "/v1/enhance/log/a%2Fb"
    assert inside(panel, "a")[-1].attributes["download"] == "a/b.json"


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
    (back,) = page.all("a", title="Back to the list")
    assert back.attributes["href"] == "/search/?status=rejected&axis=noop"
    assert back.words == "in status:rejected axis:noop"
    page = get(client, "/entries/c?blueprint_id=main&axis=noop")
    assert neighbours(page) == {"next": "/entries/a?blueprint_id=main&axis=noop"}
    (back,) = page.all("a", title="Back to the list")
    assert back.attributes["href"] == "/blueprints/main?axis=noop"


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
    response = client.get("/entries/h-1?since=tomorrow")
    assert response.status_code == 400
    assert "since" in [code.words for code in read(response).all("code")]


@pytest.mark.parametrize("path", ["/entries/nobody", "/entries/..%2F..", "/entries/" + "x" * 600, "/entries/a%00b"])
def test_unknown_entry_is_404_with_a_way_on(client, path):
    response = client.get(path)
    assert response.status_code == 404
    (search,) = [link for link in read(response).all("a") if link.words == "Search for it"]
    assert search.attributes["href"].startswith("/search/?text=")


def test_large_entry_is_bounded(client):
    ops = [{"op": "add", "path": f"/{n}", "value": "x" * 3_000} for n in range(300)]
    record(make_entry(ops=ops, verdicts=[]))
    response = client.get("/entries/h-1")
    assert len(response.content) < 200_000
    (panel,) = panels(read(response), "Patch")
    assert "and 286 more; the JSON has them all" in panel.words


def test_a_hundred_verdicts_are_all_shown(client):
    record(make_rejected(*(f"axis-{n}" for n in range(100))))
    page = get(client)
    assert len([axis for status, axis in verdicts(page) if status == "deny"]) == 100
    assert "by axis-0, axis-1, axis-2, axis-3, axis-4 and 95 more" in page.words


def test_work_item_of_the_same_id_stands_beside_the_entry(client, settings):
    record(make_entry())
    assert not get(client).all("section", id="work-item")
    open_store(Origin("command", "tests", "tests")).write("h-1", "gate_output", "one failure")
    (panel,) = get(client).all("section", id="work-item")
    assert "current value" in panel.words
    assert "not its content when this entry was recorded" in panel.words


@pytest.mark.parametrize("number", [1, 200])
def test_statements_do_not_grow_with_the_log(client, django_assert_num_queries, number):
    record_all(make_rejected(*(f"axis-{m}" for m in range(number)), issue_id=f"h-{n}") for n in range(number))
    # Two for the work item, three for what its host says, one each for flips, notes and reviews, two for the receipt
    with django_assert_num_queries(18):
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
    shown = verdicts(page)
    assert len(shown) == 100
    assert shown[0] == ("deny", "last")
    (panel,) = panels(page, "Verdicts")
    assert left_out(panel) == ("and 201 more; the JSON has them all", "/v1/enhance/log/h-1")
    assert "1 of 301 axes denied" in panel.words


def test_of_many_reasons_a_page_shows_a_hundred(client):
    record(make_rejected("noop", reasons=[f"reason {n}" for n in range(1_234)]))
    (panel,) = panels(get(client), "Reasons")
    assert len(inside(panel, "li")) == 100
    assert left_out(panel) == ("and 1,134 more; the JSON has them all", "/v1/enhance/log/h-1")


def test_lists_show_a_few_denials_and_how_many_more(client):
    record(make_entry(verdicts=many(1_000), status="rejected", new_hash="", reasons=[]))
    for path in ("/rejections/", "/search/", "/blueprints/main"):
        page = get(client, path)
        assert len(page.all("bdi")) <= 30, path
        assert "and 994 more" in page.words, path


def test_two_entries_with_many_verdicts_are_compared_at_a_bounded_price(client):
    """Each verdict is read once: with every axis looking at all of them this takes minutes."""
    limited.assert_ends(
        """
import django
django.setup()
from tests.factories import make_entry
from enhancelog.web.pages.comparison import _axis_rows
said = [{"axis": f"a{n}", "status": "deny", "detail": ""} for n in range(20_000)]
rows, left_out = _axis_rows(make_entry(verdicts=said), make_entry(verdicts=said[::-1]))
assert (len(rows), left_out) == (100, 19_900), (len(rows), left_out)
""",
        cpu_s=10,
    )


def test_a_comparison_says_how_many_axes_it_leaves_out(client):
    record(make_entry(verdicts=many(150)))
    record(make_entry(issue_id="h-2", verdicts=[*many(149), {"axis": "a149", "status": "pass", "detail": ""}]))
    page = get(client, "/entries/h-1?compare=h-2")
    axes = [heading.words for heading in page.all("th", scope="row")]
    assert len(axes) == 100
    assert axes[0] == "a149"
    (panel,) = panels(page, "Verdicts")
    assert "and 50 more axes: JSON of the first, JSON of the second" in panel.words
    assert [link.attributes["href"] for link in inside(panel, "a")] == ["/v1/enhance/log/h-1", "/v1/enhance/log/h-2"]


def test_patterns_are_counted_for_the_denials_that_the_page_shows_alone(client, monkeypatch):
    monkeypatch.setattr("enhancelog.projections.patterns.details.MOST_AXES", 500)
    record(make_entry(verdicts=many(500), status="rejected", new_hash=""))
    record(make_entry(issue_id="h-2", verdicts=many(500), status="rejected", new_hash=""))
    (panel,) = panels(get(client), "Verdicts")
    assert [link.words for link in inside(panel, "a") if "like this" in link.words] == ["1 more like this"] * 100
    assert sorted(alike(1, {"a0", "a499", "absent"})) == ["a0", "a499"]
