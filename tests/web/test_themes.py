"""The page of an axis's themes, the facet, and what lists say of the filter."""

import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.test import Client

from enhancelog import links
from enhancelog.domain.times import DAY_MS, HOUR_MS
from enhancelog.models import ThemeLabel, ThemeWording
from enhancelog.queries.charts import Window
from enhancelog.queries.themes.listing import Listing, listing
from enhancelog.store import theme_counting, theme_derivation
from enhancelog.store.database import last_position
from tests import list_pages
from tests.factories import make_entry, make_rejected
from tests.pages import Page, read
from tests.prose import DETAILS, append, denied, prose_from_the_second_denial
from tests.recording import record, record_all
from tests.strategies import NOW_MS

pytestmark = pytest.mark.django_db

AXIS = "critic"


@pytest.fixture(autouse=True)
def anybody_reads_and_the_clock_stands_still(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.PUBLIC_READ = True
    for module in ("store.writing", "web.periods", "web.list_requests"):
        monkeypatch.setattr(f"enhancelog.{module}.now_ms", lambda: NOW_MS)


@pytest.fixture
def log() -> None:
    record_all(denied(DETAILS))


def themes(client: Client, axis: str = AXIS, **parameters: str) -> Page:
    response = client.get(links.themes(axis), parameters)
    assert response.status_code == 200
    return read(response)


def rejections(client: Client, *pairs: tuple[str, str]) -> Page:
    response = client.get(links.rejections(pairs))
    assert response.status_code == 200
    return read(response)


def in_all_time() -> Listing:
    return listing(AXIS, Window(), last_position(), NOW_MS + 1)


def rows(page: Page) -> list[tuple[str, str, str]]:
    """Words, denials and share; of rare ones, too."""
    found = []
    for row in page.all("tr", data_row=""):
        words, _, number, share, _ = (cell.words for cell in row.all("td"))
        found.append((words, number, share))
    return found


def test_an_axis_has_its_themes_with_denials_share_and_newest(client: Client, log: None) -> None:
    page = themes(client, period="all")
    found = in_all_time()
    assert [row[:2] for row in rows(page)] == [
        (", ".join(each.words), str(each.denials)) for each in (*found.themes, *found.rare)
    ]
    top = found.themes[0]
    assert rows(page)[0][2] == f"{round(100 * top.denials / len(DETAILS))} %"
    assert f"{len(DETAILS)} denials by this axis, grouped by shared words, not by meaning" in page.words
    assert "docs/grouping.md" in page.words
    assert top.newest is not None
    addresses = [link.attributes["href"] for link in page.all("a")]
    assert any(urlsplit(each).path == links.entry(top.newest.issue_id) for each in addresses)
    for each in found.themes:
        (address, *same) = page.addresses(", ".join(each.words))
        assert same == []
        assert list_pages.summary(read(client.get(address))).startswith(f"{each.denials} entr")
    assert "still to come" not in page.words


@pytest.mark.parametrize("period", ["24h", "7d", "30d"])
def test_numbers_of_a_period_are_those_of_the_lists(client: Client, log: None, period: str) -> None:
    page = themes(client, period=period)
    shared = 0
    for words, number, _ in rows(page):
        (address, *_) = page.addresses(words)
        assert list_pages.summary(read(client.get(address))).startswith(f"{number} entr")
        shared += int(number) if int(number) >= 3 else 0
    (total,) = [text for text in page.words.split(". ") if "by this axis" in text]
    denials = int(total.split()[0])
    assert f"{denials - shared} denial" in page.words if denials > shared else "share no theme" not in page.words


def test_rare_themes_are_folded(client: Client, log: None) -> None:
    page = themes(client, period="24h")
    (folded,) = page.all("details", class_="rare")
    numbers = [row.all("td")[2].words for row in folded.all("tr", data_row="")]
    assert numbers
    assert set(numbers) <= {"1", "2"}
    assert f"{len(numbers)} rare theme" in folded.words
    assert "no theme: of themes with fewer than 3 denials in this period" in page.words


def test_few_denials_are_marked(client: Client, log: None) -> None:
    page = themes(client, period="12h")
    assert rows(page)
    assert all("few denials" in share for _, _, share in rows(page))
    assert not any("few denials" in share for _, _, share in rows(themes(client, period="all")))


def test_the_axis_leads_to_its_themes_only_if_it_is_prose(client: Client, log: None) -> None:
    record_all(make_rejected("noop", issue_id=f"noop {at}", ts_ms=NOW_MS) for at in range(3))
    prose, other = (read(client.get(links.axis(axis))) for axis in (AXIS, "noop"))
    (address,) = prose.addresses("Themes")
    assert urlsplit(address).path == links.themes(AXIS)
    assert other.addresses("Themes") == []
    assert rows(read(client.get(address)))


def test_other_axes_say_why_they_have_none(client: Client) -> None:
    record_all(make_rejected("noop", issue_id=f"noop {at}", ts_ms=NOW_MS) for at in range(100))
    record_all(denied(DETAILS[:99]))
    record(make_entry(issue_id="fine", ts_ms=NOW_MS))
    page = themes(client, "noop", period="7d")
    assert "not prose" in page.words
    (address,) = page.addresses("Patterns of this axis")
    assert ("axis", "noop") in parse_qsl(urlsplit(address).query)
    assert client.get(address).status_code == 200
    assert "has denied 99 runs" in themes(client).words
    assert "from 100 on" in themes(client).words


def test_an_axis_beyond_those_that_have_themes_says_so(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(theme_counting, "MOST_PROSE", 1)
    with prose_from_the_second_denial():
        record_all([*denied(DETAILS[:20]), *denied(DETAILS[:20], "late")])
    page = themes(client, "late")
    assert "denials of this axis are prose, but" in page.words
    assert "not prose" not in page.words
    assert page.addresses("Patterns of this axis")
    assert "has denied 0 runs" in themes(client, "des").words
    assert client.get(links.themes("nobody")).status_code == 404


def test_what_is_to_come_is_said(client: Client, log: None) -> None:
    end = last_position()
    append(*denied(DETAILS, prefix="late", ts_ms=NOW_MS))
    page = themes(client, period="all")
    assert f"Themes up to #{end}; {len(DETAILS)} entries are still to come." in page.words
    assert f"{len(DETAILS)} denials by this axis" in page.words
    append(*denied(DETAILS[:1], "new", prefix="new", ts_ms=NOW_MS))
    assert "Nothing is derived yet" in themes(client, "new").words
    theme_derivation.settle()
    assert f"{2 * len(DETAILS)} denials by this axis" in themes(client, period="all").words


def test_a_period_without_denials_says_so(client: Client, log: None) -> None:
    record(make_entry(issue_id="later", ts_ms=NOW_MS + 12 * HOUR_MS))
    record(make_entry(issue_id="earlier", ts_ms=NOW_MS - 40 * DAY_MS))
    page = themes(client, period="1m")
    assert "denied no run in this period" in page.words or rows(page)


def test_without_words_there_is_no_theme(client: Client, log: None) -> None:
    record_all(denied(["17", "", "!"], prefix="wordless", ts_ms=NOW_MS))
    assert "3 denials share no theme" in themes(client, period="all").words


def test_a_new_page_is_sent_when_themes_changed(client: Client, log: None) -> None:
    url = links.themes(AXIS, [("period", "all")])
    client.get(url)  # a first visit sets the cookie of forms
    etag = client.get(url)["ETag"]
    assert client.get(url, headers={"If-None-Match": etag}).status_code == 304
    append(*denied(DETAILS[:5], prefix="late", ts_ms=NOW_MS))
    before = client.get(url)["ETag"]
    theme_derivation.settle()
    assert client.get(url, headers={"If-None-Match": before}).status_code == 200


@pytest.mark.parametrize("axis", ["<b>ops</b>/デプロイ %?#", "a:1", "critic/themes", "x" * 512, '"quoted" \\'])
def test_any_axis_has_a_page_a_facet_and_links_that_lead_back(client: Client, axis: str) -> None:
    hostile = ["<script>alert(1)</script> promise the customer a refund"] * 4
    with prose_from_the_second_denial():
        record_all(denied([*DETAILS[:10], *hostile], axis, ts_ms=NOW_MS))
    page = themes(client, axis, period="all")
    assert page.all("script", src="") == []
    words, number, _ = rows(page)[0]
    (address, *_) = page.addresses(words)
    listed = read(client.get(address))
    assert list_pages.summary(listed).startswith(f"{number} entr")
    chips = [link.words for link in listed.all("a", class_="tag mono")]
    assert any(words in chip for chip in chips)
    facet = rejections(client, ("axis", axis)).addresses(f"{words}{number}")
    assert facet
    assert list_pages.summary(read(client.get(facet[0]))).startswith(f"{number} entr")


def test_labels_are_text(client: Client, log: None) -> None:
    theme = in_all_time().themes[0].id.number
    words = "<i>x</i> \"'><b> ‮evil &amp; " + "y" * 500
    ThemeLabel.objects.filter(axis=AXIS, theme=theme).update(words=words)
    shown = ", ".join(words.split(" "))
    for page in (
        themes(client, period="all"),
        rejections(client, ("theme", f"{AXIS}:{theme}")),
        rejections(client, ("axis", AXIS)),
    ):
        assert page.all("i") == []
        assert shown in " ".join(page.words.split())


def test_the_facet_leads_to_the_theme_and_back(client: Client, log: None) -> None:
    page = rejections(client, ("axis", AXIS))
    top = in_all_time().themes[0]
    (address,) = page.addresses(f"{', '.join(top.words)}{top.denials}")
    narrowed = read(client.get(address))
    assert list_pages.summary(narrowed).startswith(f"{top.denials} entr")
    (facet,) = narrowed.all("div", id="facet-theme")
    (link,) = facet.all("a")
    assert link.attributes["aria-current"] == "true"
    back = read(client.get(link.attributes["href"]))
    assert list_pages.summary(back) == list_pages.summary(page)
    for other in (rejections(client), rejections(client, ("axis", "noop"))):
        assert other.all("div", id="facet-theme") == []


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_a_list_feed_and_export_have_the_same_entries(client: Client, log: None, order: str) -> None:
    theme = str(in_all_time().themes[0].id)
    page = rejections(client, ("theme", theme), ("order", order), ("page_size", "1000"))
    exported = client.get("/v1/enhance/log", {"theme": theme, "order": order, "format": "ndjson"})
    lines = b"".join(exported) if exported.streaming else exported.content
    ids = [json.loads(line)["issue_id"] for line in lines.splitlines()]
    assert len(ids) == len(list_pages.positions(page)) == in_all_time().themes[0].denials
    feed = client.get(links.rejections([("theme", theme), ("format", "atom")]))
    assert feed.status_code == 200
    assert feed.content.decode().count("<entry>") == min(50, len(ids))


def test_an_unknown_theme_is_named(client: Client, log: None) -> None:
    gone = in_all_time().themes[0].id
    ThemeWording.objects.filter(axis=AXIS, theme=gone.number).update(theme=None)
    for theme in (f"{AXIS}:9999", "noop:1", str(gone)):
        page = rejections(client, ("theme", theme))
        assert f"{theme} is no theme, or none any more." in page.words
    assert "is no theme" not in rejections(client, ("theme", str(in_all_time().themes[0].id)), ("axis", "noop")).words


@pytest.mark.parametrize("value", ["tone", "tone:", ":1", "tone:x", "tone:01", "t:-1", "t:1 ", "t:1000000000", "t:١"])
def test_a_malformed_theme_names_field_value_and_fix(client: Client, value: str) -> None:
    record(make_entry())
    for path, name in (("/rejections/", "theme"), ("/v1/enhance/log", "not_theme"), ("/search/", "not_theme")):
        response = client.get(path, {name: value})
        assert response.status_code == 400
        text = response.content.decode()
        assert "as in tone:7" in text
        assert name in text
        assert value.strip() in text


def test_the_filter_box_takes_a_theme(client: Client, log: None) -> None:
    theme = str(in_all_time().themes[0].id)
    response = client.get("/rejections/", {"q": f'theme:{theme} -theme:"a b:1"'})
    assert response.status_code == 302
    assert parse_qsl(urlsplit(response["Location"]).query) == [("theme", theme), ("not_theme", "a b:1")]
    page = read(client.get(response["Location"]))
    (field,) = page.all("input", name="q")
    assert field.attributes["value"] == f'theme:{theme} -theme:"a b:1"'
