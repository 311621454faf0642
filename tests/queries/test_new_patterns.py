"""What is new in a period: its entries in lists and the API, its patterns on their page and on the overview."""

from typing import Any

import pytest
from django.test import Client

from enhancelog.domain import filters
from enhancelog.domain.errors import Invalid
from enhancelog.domain.times import DAY_MS
from enhancelog.queries import entries as listed
from enhancelog.queries.counts import Count, count
from tests.factories import make_entry, make_rejected
from tests.list_pages import box, shown
from tests.pages import Page, read
from tests.recording import record_all
from tests.strategies import NOW_MS

pytestmark = pytest.mark.django_db

TODAY = NOW_MS // DAY_MS * DAY_MS


@pytest.fixture(autouse=True)
def one_new_and_one_old(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.PUBLIC_READ = True
    for module in ("store.writing", "web.periods", "web.list_requests"):
        monkeypatch.setattr(f"enhancelog.{module}.now_ms", lambda: NOW_MS)
    record_all(
        [
            make_rejected("noop", issue_id="old", detail="old fault", ts_ms=TODAY - 40 * DAY_MS),
            make_rejected("noop", issue_id="again", detail="old fault", ts_ms=TODAY),
            make_rejected("noop", issue_id="new", detail="never said before", ts_ms=TODAY + 1),
            make_rejected("tone", issue_id="late", detail="of no time", ts_ms=-5),
            make_entry(issue_id="applied", ts_ms=TODAY + 2),
        ]
    )


def found(*pairs: tuple[str, str]) -> list[str]:
    wanted = filters.from_pairs(pairs, NOW_MS)
    rows = listed.page(wanted, "asc", 100).rows
    assert count(wanted, 5) == Count(len(rows))
    return [row[1] for row in rows]


@pytest.mark.parametrize(
    ("pairs", "ids"),
    [
        ([("is", "new"), ("period", "7d")], ["new"]),
        ([("not_is", "new"), ("period", "7d")], ["again", "applied"]),
        ([("is", "new"), ("since", "2020-01-01")], ["old", "again", "new"]),
        ([("is", "new"), ("since", "60d"), ("until", "20d")], ["old"]),
        ([("is", "new"), ("period", "yesterday")], []),
        ([("is", "new"), ("period", "7d"), ("axis", "tone")], []),
    ],
)
def test_new_is_what_was_first_seen_in_the_period(pairs: list[tuple[str, str]], ids: list[str]) -> None:
    assert found(*pairs) == ids


@pytest.mark.parametrize("name", ["is", "not_is"])
@pytest.mark.parametrize("more", [[], [("period", "all")], [("until", "today")]])
def test_without_a_beginning_nothing_is_new_and_that_is_said(name: str, more: list[tuple[str, str]]) -> None:
    with pytest.raises(Invalid, match=rf"^{name}: new needs a period: add period=7d"):
        filters.from_pairs([(name, "new"), *more], NOW_MS)


def patterns(page: Page, label: str = "") -> list[str]:
    panels = page.all("section", **({"aria_labelledby": label} if label else {}))
    found = [link for panel in panels for link in panel.all("a") if link.attributes["href"].startswith("/patterns/")]
    return [link.words for link in found if "?" not in link.attributes["href"]]


def test_lists_take_it_from_the_box() -> None:
    client = Client()
    page = read(client.get("/rejections/?q=is:new+since:7d", follow=True))
    assert (shown(page), box(page)) == (["new"], "is:new since:7d")
    assert [entry["issue_id"] for entry in client.get(f"/v1/enhance/log?is=new&since={TODAY}").json()] == ["new"]
    response = client.get(f"/v1/enhance/patterns?is=new&since={TODAY}")
    assert [pattern["template"] for pattern in response.json()] == ["never said before"]


def test_the_table_of_patterns_shows_new_or_old_ones_alone() -> None:
    client = Client()
    assert patterns(read(client.get("/patterns/?is=new&period=7d"))) == ["never said before"]
    assert patterns(read(client.get("/patterns/?not_is=new&period=7d"))) == ["old fault"]
    assert patterns(read(client.get("/patterns/?is=new&period=7d&text=never"))) == ["never said before"]


def test_the_overview_has_a_block_of_new_patterns_that_leads_to_all() -> None:
    client = Client()
    page = read(client.get("/?period=7d"))
    assert patterns(page, "new-patterns") == ["never said before"]
    (address,) = page.addresses("All new patterns")
    assert patterns(read(client.get(address))) == ["never said before"]
    for nothing_new in ("/?period=all", "/?period=yesterday"):
        assert "New patterns" not in read(client.get(nothing_new)).words
