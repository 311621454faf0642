"""A list page in other ways: exported by link, and how much is new in it."""

import csv
import io
import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from enhancelog import links, patterns
from enhancelog.domain.origin import Origin
from enhancelog.store import pattern_changes
from tests.factories import make_entry, make_rejected
from tests.list_pages import onward, refused
from tests.pages import Page, read
from tests.recording import record, record_all

pytestmark = pytest.mark.django_db

NOOP = "/rejections/?axis=noop"


@pytest.fixture
def ada(client: Client) -> Client:
    client.force_login(User.objects.create_user("ada"))
    return client


def content(response: Any) -> str:
    whole = b"".join(response) if response.streaming else response.content
    return str(whole.decode())


def ids(shape: str, text: str) -> list[str]:
    if shape in ("csv", "spreadsheet"):
        return [row["issue_id"] for row in csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))]
    entries = json.loads(text) if shape == "json" else [json.loads(line) for line in text.splitlines()]
    return [entry["issue_id"] for entry in entries]


def exports(page: Page) -> dict[str, str]:
    """File name to address, of every link that saves a file."""
    return {
        link.attributes["download"]: link.attributes["href"] for link in page.all("a") if "download" in link.attributes
    }


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (NOOP, ["b", "a"]),
        (f"{NOOP}&order=asc&page_size=1", ["a", "b"]),
        ("/search/?blueprint_id=main", ["d", "b"]),
        ("/blueprints/main?axis_passed=des", ["d", "b"]),
        ("/blueprints/?blueprint_id=", ["c", "a"]),
        ("/rejections/?blueprint_id=", ["c", "a"]),
    ],
)
def test_an_export_holds_the_whole_list_in_its_order(path: str, expected: list[str], ada: Client) -> None:
    record(
        make_rejected("noop", issue_id="a", blueprint_id="", ts_ms=1),
        make_rejected("noop", issue_id="b", ts_ms=2),
        make_rejected("des", issue_id="c", blueprint_id="", ts_ms=3),
        make_entry(issue_id="d", ts_ms=4),
    )
    found = exports(read(ada.get(path)))
    files = {
        "enhance-log.csv": "csv",
        "enhance-log-spreadsheet.csv": "spreadsheet",
        "enhance-log.ndjson": "ndjson",
        "enhance-log.json": "json",
    }
    assert set(found) == set(files)
    for name, address in found.items():
        shape = files[name]
        assert ids(shape, content(ada.get(address))) == expected
        by_page = ada.get(f"{path}&format={shape}")
        assert (by_page.status_code, by_page["Location"]) == (302, address)
    assert Client().get(address).status_code == 401


def new(client: Client, path: str, after: int, etag: str = "") -> Any:
    return client.get(f"{path}{'&' if '?' in path else '?'}after={after}", headers={"If-None-Match": etag})


def test_new_entries_of_the_list_are_counted_up_to_a_limit(ada: Client) -> None:
    record(make_rejected(issue_id="a"), make_rejected(issue_id="b", blueprint_id="other"))
    page = read(ada.get(NOOP))
    (pill,) = [link for link in page.all("a") if "data-new-entries" in link.attributes]
    assert pill.attributes["href"] == NOOP
    assert "hidden" in pill.attributes
    address = pill.attributes["data-new-entries"]
    assert address == f"{NOOP}&after=2"
    assert content(ada.get(address)) == "0"
    record(make_rejected("des", issue_id="c"), make_entry(issue_id="d"), make_rejected(issue_id="e", ts_ms=-1))
    assert content(ada.get(address)) == "1"
    assert content(new(ada, "/rejections/?axis=des", 2)) == "1"
    assert content(new(ada, "/search/", 2)) == "3"
    assert content(new(ada, "/search/?since=1970-01-01", 2)) == "2"
    assert content(new(ada, "/blueprints/other", 1)) == "1"
    assert content(new(ada, "/search/", 2**63 - 1)) == "0"
    record_all(make_entry(issue_id=f"h-{n}") for n in range(100))
    assert content(new(ada, "/search/", 5)) == "99+"
    assert content(new(ada, "/search/", 6)) == "99"


def test_nothing_is_counted_while_nothing_is_stored(
    ada: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    record(make_rejected())
    with django_assert_num_queries(4):  # session, user, the last position, the count
        first = new(ada, NOOP, 0)
    assert (content(first), first["Cache-Control"]) == ("1", "private, no-cache")
    with django_assert_num_queries(3):
        again = new(ada, NOOP, 0, first["ETag"])
    assert (again.status_code, content(again)) == (304, "")
    record(make_entry(issue_id="other"))
    assert content(new(ada, NOOP, 0, first["ETag"])) == "1"


def test_what_is_new_of_a_pattern_is_counted_again_when_patterns_are_merged(ada: Client) -> None:
    record(make_rejected(issue_id="a", detail="patch is no-op"), make_rejected(issue_id="b", detail="nobody asked"))
    one, other = (
        patterns.pattern_id("noop", patterns.mask(text).template) for text in ("patch is no-op", "nobody asked")
    )
    address = f"/rejections/?pattern={one}"
    first = new(ada, address, 0)
    assert content(first) == "1"
    pattern_changes.merge(one, other, Origin("user", "ada", "page"))
    assert content(new(ada, address, 0, first["ETag"])) == "2"


@pytest.mark.parametrize("value", ["x", "-1", "", str(2**63)])
def test_a_position_that_is_none_is_refused(value: str, ada: Client) -> None:
    response = ada.get(f"{NOOP}&after={value}")
    assert response.status_code == (400 if value else 302)
    if value:
        assert refused(read(response)) == "after"


def looks_for_new_entries(page: Page) -> bool:
    return any("live.js" in script.attributes["src"] for script in page.all("script"))


def test_only_the_first_page_of_the_newest_looks_for_new_entries(ada: Client) -> None:
    record_all(make_rejected(issue_id=f"h-{n}") for n in range(3))
    assert looks_for_new_entries(read(ada.get("/rejections/")))
    further = onward(read(ada.get("/rejections/?page_size=1")))
    for path in (further, "/rejections/?order=asc"):
        assert not looks_for_new_entries(read(ada.get(path)))


def test_nobody_looks_or_exports_without_reading(client: Client) -> None:
    record(make_rejected(blueprint_id="a/b %"))
    for path in (NOOP, "/search/", links.blueprint("a/b %")):
        for more in ("after=0", "format=csv", "format=atom"):
            response = client.get(f"{path}{'&' if '?' in path else '?'}{more}")
            assert response.status_code == 302
            assert response["Location"].startswith("/account/sign-in")
