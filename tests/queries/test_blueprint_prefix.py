"""A prefix of Blueprints: the same everywhere, and an index leads to the few."""

from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test import Client

from enhancelog.domain import filters
from enhancelog.models import StatusTally
from enhancelog.queries import entries as listed
from enhancelog.queries import phrases, prepared, reach
from enhancelog.queries.blueprint_ids import blueprints_of
from enhancelog.queries.counts import Count, count
from tests.factories import make_entry, make_rejected
from tests.list_pages import box, shown
from tests.pages import read
from tests.recording import record_all

pytestmark = pytest.mark.django_db

NAMES = ["team-a", "team-b", "team-*", "team_c", "Team-a", "tea", "", "team-\U0010ffff", "team.", "日本"]


@pytest.fixture(autouse=True)
def one_rejection_of_each(settings) -> None:
    settings.PUBLIC_READ = True
    record_all(
        make_rejected(issue_id=f"h-{at}", blueprint_id=name, ts_ms=1_795_000_000_000 + at)
        for at, name in enumerate(NAMES)
    )


def named(*pairs: tuple[str, str]) -> list[str]:
    wanted = filters.from_pairs(pairs, 0)
    rows = listed.page(wanted, "asc", 100).rows
    assert count(wanted, len(NAMES)) == Count(len(rows))
    return [row[2] for row in rows]


@pytest.mark.parametrize("prefix", ["team-", "team", "t", "", "team-\U0010ffff", "日", "T", "%", "_", "team-*", "x"])
@pytest.mark.parametrize("few", [0, 500])
def test_a_prefix_means_what_python_means(monkeypatch: pytest.MonkeyPatch, prefix: str, few: int) -> None:
    monkeypatch.setattr(phrases, "FEW", few)
    assert named(("blueprint_prefix", prefix)) == [name for name in NAMES if name.startswith(prefix)]
    assert named(("not_blueprint_prefix", prefix)) == [name for name in NAMES if not name.startswith(prefix)]


def test_several_are_or_and_an_id_narrows_them() -> None:
    assert named(("blueprint_prefix", "team-a"), ("blueprint_prefix", "日")) == ["team-a", "日本"]
    assert named(("blueprint_prefix", "team-"), ("blueprint_id", "team-b")) == ["team-b"]
    assert named(("blueprint_prefix", "team-"), ("blueprint_id", "tea")) == []
    assert named(("blueprint_prefix", "team-"), ("axis", "noop"), ("blueprint_id", "team-b")) == ["team-b"]


@pytest.mark.parametrize("prefix", ["\0", "team-\0", "\n", "x" * 600])
def test_the_beginning_of_no_id_matches_nothing(prefix: str) -> None:
    assert named(("blueprint_prefix", prefix)) == []
    assert len(named(("not_blueprint_prefix", prefix))) == len(NAMES)


def test_few_entries_are_found_beyond_the_rows_in_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "MOST_ROWS", 3)
    monkeypatch.setattr(prepared, "_kept", {})
    wanted = filters.from_pairs([("blueprint_prefix", "team-a")], 0)
    page = listed.page(wanted, "desc", 10)
    assert ([row[0] for row in page.rows], page.stopped) == ([1], False)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="the plan says it the same way each time on SQLite alone")
def test_tallies_are_read_by_a_range_of_their_index() -> None:
    rows = StatusTally.objects.filter(blueprints_of(filters.from_pairs([("blueprint_prefix", "team-")], 0)))
    assert "(blueprint_id>? AND blueprint_id<?)" in rows.explain()


def test_lists_patterns_and_the_api_take_it() -> None:
    client = Client()
    query = urlencode({"blueprint_prefix": "team-"})
    page = read(client.get(f"/rejections/?{query}"))
    assert shown(page) == ["h-7", "h-2", "h-1", "h-0"]
    assert box(page) == "blueprint:team-*"
    assert [entry["issue_id"] for entry in client.get(f"/v1/enhance/log?{query}").json()] == [
        "h-0",
        "h-1",
        "h-2",
        "h-7",
    ]
    assert [pattern["count"] for pattern in client.get(f"/v1/enhance/patterns?{query}").json()] == [4]
    table = read(client.get(f"/patterns/?{query}&period=all"))
    assert [link.words for link in table.all("a") if f"{query}&pattern=" in link.attributes["href"]] == ["4"]


def test_runs_of_other_blueprints_are_not_counted_for_a_prefix() -> None:
    record_all(
        [make_entry(issue_id="applied", blueprint_id="team-a"), make_entry(issue_id="other", blueprint_id="tea")]
    )
    page = read(Client().get("/patterns/?blueprint_prefix=team-&period=all"))
    assert "80 %" in page.words
