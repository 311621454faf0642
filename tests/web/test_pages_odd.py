"""Odd ids, absurd times and hostile texts, through every page."""

from collections.abc import Iterable
from urllib.parse import urldefrag

import pytest
from django.test import Client

from enhancelog import links
from tests import list_pages
from tests.factories import make_entry, make_rejected
from tests.list_pages import box, rows
from tests.pages import Page, read
from tests.recording import record

pytestmark = pytest.mark.django_db

ODD_IDS = [
    "/",
    "//a//",
    "a/b",
    "a/../b",
    "./a",
    "%",
    "%2F",
    "100 %",
    "a?b",
    "a#b",
    " a b ",
    "a&b=c",
    "a;b",
    "日本",
    "日" * 170,
    "x" * 512,
    "\u202eabc",
    "😀",
    '"quoted"',
    "'",
    "<script>alert(1)</script>",
    "{{ 7 }}",
    "-",
    "a\u2028b",
    "+",
]
TIMES = [0, -1, 1, 2**63 - 1, -(2**63)]
HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(1)><a hx-get=/x hx-trigger=load>z</a> &amp; "
    "{{ 7919*7919 }} \u202e x"
)


@pytest.fixture(autouse=True)
def public(settings):
    settings.PUBLIC_READ = True


def links_in(pages: Iterable[Page], start: str) -> set[str]:
    """What links of the pages lead to that starts so and goes on, without the part of the page."""
    found = {urldefrag(each.attributes.get("href", "")).url for page in pages for each in page.elements}
    return {url for url in found if url.startswith(start)} - {start}


def neighbours(pages: Iterable[Page]) -> list[str]:
    """Of pages of entries: which neighbours they link."""
    return [link.attributes["rel"] for page in pages for link in page.all("a") if "rel" in link.attributes]


def walk(client: Client, *paths: str) -> list[Page]:
    """Every path answers 200."""
    pages = []
    for path in paths:
        response = client.get(path)
        assert response.status_code == 200, (path, response.status_code)
        pages.append(read(response))
    return pages


@pytest.mark.parametrize("odd", ODD_IDS)
def test_odd_ids_go_through_every_page(client, odd):
    record(
        make_rejected(odd, issue_id=odd, blueprint_id=odd, ts_ms=2),
        make_rejected(odd, issue_id=f"{odd[:120]} before", blueprint_id=odd, ts_ms=1),
    )
    lists = walk(
        client,
        links.blueprint(odd),
        links.blueprint(odd, [("axis", odd)]),
        links.rejections([("axis", odd), ("blueprint_id", odd)]),
        links.runs([("text", "no-op"), ("only", odd)]),
    )
    assert sum(len(rows(page)) for page in lists) == 8
    entries = links_in(lists, "/entries/")
    assert len(entries) >= 4
    blueprints = links_in(lists, "/blueprints/")
    assert links.blueprint(odd) in blueprints
    details = walk(client, *entries)
    assert len(neighbours(details)) == len(entries)
    walk(client, *(links_in(details, "/entries/") - entries), *blueprints)
    assert client.get(links.api_entry(odd)).status_code in (200, 401, 403)


@pytest.mark.parametrize("odd", ODD_IDS)
def test_odd_ids_survive_the_filter_box(client, odd):
    record(make_rejected(odd, issue_id=odd, blueprint_id=odd))
    page = read(client.get(links.rejections([("axis", odd), ("blueprint_id", odd)])))
    response = client.get("/rejections/", {"q": box(page)})
    assert response.status_code == 302
    assert len(rows(read(client.get(response["Location"])))) == 1


@pytest.mark.parametrize("ts_ms", TIMES)
def test_absurd_times_go_through_every_page(client, ts_ms):
    record(*(make_rejected(issue_id=f"h-{n}", ts_ms=ts_ms) for n in range(3)))
    pages = walk(
        client,
        "/blueprints/main",
        "/rejections/",
        "/search/",
        "/entries/h-1",
        f"/search/?since={ts_ms}",
        f"/search/?until={ts_ms}",
        "/rejections/?period=7d",
        "/blueprints/main?period=24h&order=asc",
    )
    assert sorted(neighbours(pages)) == ["next", "prev"]
    for path in ("/blueprints/main", "/rejections/", "/search/"):
        page = read(client.get(f"{path}?page_size=1"))
        assert "Without a plausible time" in page.words
        assert list_pages.positions(page) == [3, 2, 1]


def test_hostile_texts_stay_texts(client):
    record(
        make_rejected(
            "noop",
            detail=HOSTILE,
            intent=HOSTILE,
            rationale=HOSTILE,
            prev_hash=HOSTILE,
            new_hash=HOSTILE,
            ops=[{"op": "add", "path": "/" + HOSTILE, "value": HOSTILE}],
        ),
        make_entry(issue_id=HOSTILE, blueprint_id=HOSTILE, intent="", reasons=[HOSTILE]),
    )
    paths = (
        "/blueprints/main",
        links.blueprint(HOSTILE),
        "/rejections/",
        "/search/",
        "/entries/h-1",
        links.entry(HOSTILE, [("text", HOSTILE)]),
        links.runs([("text", HOSTILE)]),
    )
    responses = [client.get(path) for path in paths]
    assert {response.status_code for response in responses} == {200}
    responses += [client.get(f"/{kind}/{HOSTILE.replace('/', '')}") for kind in ("entries", "blueprints")]
    responses.append(client.get("/search/", {"q": HOSTILE}))
    for response in responses:
        html = response.content.decode()
        assert not [part for part in ("<script>alert", "<img src=x", "<a hx-get=/x", "62710561") if part in html]
        page = read(response)
        assert page.all("img") == page.all("a", hx_get="/x") == []
        assert no_inline_code(page)


def no_inline_code(page: Page) -> bool:
    names = {name for each in page.elements for name in each.attributes}
    return (
        "style" not in names
        and not any(name.startswith("on") for name in names)
        and page.all("style") == []
        and all(script.attributes.get("src") for script in page.all("script"))
    )


def test_pages_hold_no_inline_script_or_style(client):
    record(make_rejected(rationale='<b style="x">y</b>'), make_entry(issue_id="h-2"))
    for page in walk(client, "/blueprints/main", "/rejections/", "/search/", "/entries/h-1", "/entries/h-2"):
        assert no_inline_code(page)


def test_very_long_texts_are_cut_in_rows(client):
    record(make_rejected("noop", detail="x" * 20_000, intent="y" * 20_000))
    for path in ("/blueprints/main", "/rejections/", "/search/"):
        response = client.get(path)
        assert response.status_code == 200
        assert len(response.content.decode()) < 15_000
