"""Odd ids, absurd times and hostile texts, through every page."""

import re
from html import unescape

import pytest
from django.test import Client

from enhancelog import links
from tests.factories import make_entry, make_rejected
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


def links_in(html: str, pattern: str) -> list[str]:
    found = re.findall(rf'href="({pattern}[^"#]*)', html)
    return [unescape(url) for url in found]


def walk(client: Client, *paths: str) -> str:
    """Every path answers 200; their HTML together."""
    pages = []
    for path in paths:
        response = client.get(path)
        assert response.status_code == 200, (path, response.status_code)
        pages.append(response.content.decode())
    return "".join(pages)


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
    assert lists.count("data-row") == 8
    entries = set(links_in(lists, "/entries/"))
    assert len(entries) >= 4
    blueprints = set(links_in(lists, '/blueprints/[^"]'))
    assert links.blueprint(odd) in blueprints
    details = walk(client, *entries)
    assert details.count('rel="next"') + details.count('rel="prev"') == len(entries)
    walk(client, *(set(links_in(details, "/entries/")) - entries), *blueprints)
    assert client.get(links.api_entry(odd)).status_code in (200, 401, 403)


@pytest.mark.parametrize("odd", ODD_IDS)
def test_odd_ids_survive_the_filter_box(client, odd):
    record(make_rejected(odd, issue_id=odd, blueprint_id=odd))
    page = client.get(links.rejections([("axis", odd), ("blueprint_id", odd)])).content.decode()
    box = unescape(re.search(r'name="q" value="([^"]*)"', page)[1])
    response = client.get("/rejections/", {"q": box})
    assert response.status_code == 302
    assert client.get(response["Location"]).content.decode().count("data-row") == 1


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
    assert 'rel="next"' in pages
    assert 'rel="prev"' in pages
    for path in ("/blueprints/main", "/rejections/", "/search/"):
        page, seen = client.get(f"{path}?page_size=1").content.decode(), 1
        while further := links_in(page, f'{re.escape(path)}[^"]*cursor='):
            page, seen = client.get(further[0], headers={"HX-Request": "true"}).content.decode(), seen + 1
        assert seen == 3


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
    html = walk(
        client,
        "/blueprints/main",
        links.blueprint(HOSTILE),
        "/rejections/",
        "/search/",
        "/entries/h-1",
        links.entry(HOSTILE, [("text", HOSTILE)]),
        links.runs([("text", HOSTILE)]),
    )
    for path in ("/entries/" + HOSTILE.replace("/", ""), "/blueprints/" + HOSTILE.replace("/", "")):
        html += client.get(path).content.decode()
    html += client.get("/search/", {"q": HOSTILE}).content.decode()
    assert "<script>alert" not in html
    assert "<img src=x" not in html
    assert "<a hx-get=/x" not in html
    assert "62710561" not in html


def test_pages_hold_no_inline_script_or_style(client):
    record(make_rejected(rationale='<b style="x">y</b>'), make_entry(issue_id="h-2"))
    html = walk(client, "/blueprints/main", "/rejections/", "/search/", "/entries/h-1", "/entries/h-2")
    assert not re.findall(r"<[^>]*\s(?:style|on\w+)=", html)
    assert "<style" not in html
    assert all('src="' in tag for tag in re.findall(r"<script[^>]*>", html))


def test_very_long_texts_are_cut_in_rows(client):
    record(make_rejected("noop", detail="x" * 20_000, intent="y" * 20_000))
    for path in ("/blueprints/main", "/rejections/", "/search/"):
        assert len(walk(client, path)) < 10_000
