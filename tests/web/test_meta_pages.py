"""What callers noted about runs, on pages: on the entry, beside lists, in the filter box."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from enhancelog import links
from enhancelog.accounts import saved_views
from enhancelog.web import facet_links, meta_table
from enhancelog.web.list_addresses import address
from tests.factories import make_entry, make_rejected
from tests.list_pages import box, shown
from tests.pages import Element, Page, read
from tests.recording import record, record_all

pytestmark = pytest.mark.django_db

HOSTILE = "<img src=x onerror=alert(1)> \u202e{{ 777*777 }} \x1b[31m\"'"


@pytest.fixture(autouse=True)
def public(settings: Any) -> None:
    settings.PUBLIC_READ = True


def get(path: str) -> Page:
    response = Client().get(path)
    assert response.status_code == 200, response.content
    return read(response)


def panel(page: Page, title: str) -> Element | None:
    found = [each for each in page.all("section") if [h.words for h in each.all("h2")] == [title]]
    return found[0] if found else None


def noted(page: Page) -> dict[str, Element]:
    shown = panel(page, "Meta")
    assert shown is not None
    return {key.words: value for key, value in zip(shown.all("dt"), shown.all("dd"), strict=True)}


def facets(page: Page) -> dict[str, dict[str, tuple[str, str]]]:
    """Title to label to count and address."""
    found: dict[str, dict[str, tuple[str, str]]] = {}
    for part in page.all("div", class_="facet"):
        (title,) = part.all("h2")
        for link in part.all("a"):
            for number in link.all("span", class_="n"):
                label = link.words.removesuffix(number.words).removesuffix(" ×, remove")
                found.setdefault(title.words, {})[label] = (number.words, link.attributes["href"])
    return found


def test_an_entry_shows_the_candidate_and_what_was_noted() -> None:
    record(make_entry(candidate_hash="c" * 64, meta={"model": "m-large", "seed": 1.50, "cached": True, "note": ""}))
    page = get("/entries/h-1")
    rows = noted(page)
    assert {key: row.words for key, row in rows.items()} == {
        "model": "m-large",
        "seed": "1.5",
        "cached": "true",
        "note": "empty",
    }
    links_ = {key: [link.attributes["href"] for link in row.all("a")] for key, row in rows.items()}
    assert links_["seed"] == [links.runs([("meta.seed", "1.5")])]
    assert links_["note"] == []
    for (url,) in filter(None, links_.values()):
        assert shown(get(url)) == ["h-1"]
    assert page.all("button", **{"data-copy": "c" * 64})


def test_an_entry_without_them_shows_neither() -> None:
    record(make_entry())
    page = get("/entries/h-1")
    assert panel(page, "Meta") is None
    assert "Candidate" not in page.words


def test_empty_ones_are_told_from_none() -> None:
    record(make_entry(candidate_hash="", meta={}))
    page = get("/entries/h-1")
    meta = panel(page, "Meta")
    assert meta is not None
    assert "No keys." in meta.words
    assert "Candidateempty" in page.words.replace(" ", "")


def test_hostile_values_stay_text_and_long_or_many_are_folded() -> None:
    meta = {"evil": HOSTILE, "long": "x" * 2_000, "lines": "a\nb", **{f"k{at}": at for at in range(20)}}
    record(make_rejected(meta=meta, candidate_hash=HOSTILE))
    for path in ("/entries/h-1", "/rejections/", links.runs([("meta.evil", HOSTILE)])):
        page = get(path)
        assert not page.all("img", src="x")
        assert str(777 * 777) not in page.words
    rows = noted(get("/entries/h-1"))
    assert list(rows) == list(meta)
    assert rows["evil"].all("bdi")[0].words.startswith("<img src=x onerror=alert(1)>")
    assert "\x1b" not in rows["evil"].text
    assert rows["long"].all("details")
    assert not rows["long"].all("a")
    assert not rows["lines"].all("a")
    assert f"show {len(meta) - meta_table.SHOWN} more" in get("/entries/h-1").words
    assert shown(get(links.runs([("meta.evil", HOSTILE)]))) == ["h-1"]


def test_facets_lead_to_what_they_count_and_back() -> None:
    record(
        make_rejected(issue_id="a", meta={"model": "m 1", "seed": 1}),
        make_rejected(issue_id="b", meta={"model": "m 1", "seed": "1"}),
        make_rejected(issue_id="c", meta={"model": "m=2", "note": ""}),
        make_rejected(issue_id="d"),
    )
    page = get("/rejections/")
    found = facets(page)
    assert {label: number for label, (number, _) in found["meta.model"].items()} == {"m 1": "2", "m=2": "1"}
    assert {label: number for label, (number, _) in found["meta.seed"].items()} == {"1": "2"}
    assert "meta.note" not in found
    for choices in (found["meta.model"], found["meta.seed"]):
        for number, url in choices.values():
            assert len(shown(get(url))) == int(number)
    chosen = get(found["meta.model"]["m=2"][1])
    assert box(chosen) == 'meta.model:"m=2"'
    assert facets(chosen)["meta.model"] == {"m=2": ("1", "/rejections/")}


def test_many_keys_and_values_are_offered_in_part() -> None:
    often = {f"often{at}": "v" for at in range(facet_links.SHOWN_KEYS)}
    record_all(make_rejected(issue_id=str(at), meta={**often, f"rare{at:02}": at, "often0": at}) for at in range(30))
    found = facets(get("/rejections/"))
    assert {title for title in found if title.startswith("meta.")} == {f"meta.{key}" for key in often}
    assert len(found["meta.often0"]) == facet_links.SHOWN
    others = found["Other keys of meta"]
    assert next(iter(others)) == "rare00"
    opened = get(others["rare03"][1].partition("#")[0])
    assert facets(opened)["meta.rare03"] == {"3": ("1", links.rejections([("meta.rare03", "3")]))}
    assert "and 18 more" in opened.words


@pytest.mark.parametrize(
    ("q", "url"),
    [
        ("meta.model:m", "/rejections/?meta.model=m"),
        ('-META.a.b-C_:"x y"', "/rejections/?not_meta.a.b-C_=x+y"),
        ("meta.model:m axis:noop meta.model:n", "/rejections/?axis=noop&meta.model=m&meta.model=n"),
    ],
)
def test_the_box_leads_to_the_address(q: str, url: str) -> None:
    response = Client().get("/rejections/", {"q": q})
    assert (response.status_code, response.headers["Location"]) == (302, url)


@pytest.mark.parametrize("query", ["meta.a%20b=1", "q=meta.a:", "q=meta:x", f"meta.{'x' * 65}=1", "meta.=1"])
def test_what_is_no_key_is_refused_in_the_page(query: str) -> None:
    response = Client().get(f"/rejections/?{query}")
    assert response.status_code == 400
    assert "meta" in read(response).words


def test_an_empty_value_is_redirected_away() -> None:
    assert Client().get("/rejections/?meta.model=").headers["Location"] == "/rejections/"


def test_the_box_is_completed_with_keys_and_values() -> None:
    record(make_entry(meta={"model": "m large", "mode": "fast", "model.size": HOSTILE}))

    def options(q: str) -> list[str]:
        page = read(Client().get("/palette/completions", {"q": q}))
        return [option.attributes["value"] for option in page.all("option")]

    assert options("meta.mode") == ["meta.mode:", "meta.model:", "meta.model.size:"]
    assert options("axis:noop -meta.mode:") == ["axis:noop -meta.mode:fast"]
    assert options('meta.model:"m') == ['meta.model:"m large"']
    assert len(options("meta.model.size:")) == 1
    assert options("meta.\0") == []


def test_a_view_of_it_is_saved_and_followed() -> None:
    saved = address("/rejections/?meta.model=m&cursor=x&utm=1")
    assert (saved.url, saved.filter) == ("/rejections/?meta.model=m", "meta.model:m")
    ada = User.objects.create_user("ada")
    saved_views.make(ada, "Of m", saved.url)
    record(make_rejected(issue_id="a", meta={"model": "m"}), make_rejected(issue_id="b", meta={"model": "n"}))
    feed = Client().get(saved.feed)
    assert feed.status_code == 200
    assert feed.content.count(b"<entry>") == 1


def test_two_entries_are_compared_in_what_was_noted() -> None:
    record(
        make_entry(issue_id="a", ts_ms=1, meta={"seed": 1, "model": "m"}),
        make_entry(issue_id="b", ts_ms=2, meta={"model": "m", "seed": 2}),
        make_entry(issue_id="c", ts_ms=3),
    )
    compared = panel(get("/entries/a?compare=b"), "Meta")
    assert compared is not None
    assert [(each.tag, each.words) for each in compared.inside if each.tag in ("ins", "del")] == [
        ("del", "seed: 1"),
        ("ins", "seed: 2"),
    ]
    record(make_entry(issue_id="d", ts_ms=4))
    assert panel(get("/entries/c?compare=d"), "Meta") is None
