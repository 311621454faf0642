"""Feeds: valid Atom whatever the entries hold, for whoever may read, and for the one key that belongs to a list."""

import re
from collections.abc import Iterable
from typing import Any
from xml.etree import ElementTree

import pytest
from django.contrib.auth.models import User
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from enhancelog import links
from enhancelog.accounts import api_tokens, saved_views
from enhancelog.api.allowances import Allowances
from enhancelog.domain import page_sizes
from enhancelog.domain.origin import Origin
from enhancelog.domain.records import Entry
from enhancelog.domain.terminal import without_terminal_codes
from enhancelog.models import SavedView
from enhancelog.queries.entries import Listed
from enhancelog.store import redacting
from enhancelog.store.rows import to_row
from enhancelog.transfer import atom
from enhancelog.transfer.atom import About
from enhancelog.web import feeds
from tests import strategies
from tests.factories import make_entry, make_rejected
from tests.list_pages import refused
from tests.pages import Page, read
from tests.recording import record, record_all
from tests.strategies import NOW_MS

NS = {"a": "http://www.w3.org/2005/Atom"}
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00\Z")
NOOP = "/rejections/?axis=noop"
SERVER = "http://127.0.0.1:8000"
ILLEGAL = "\x01\x0b\x1f\ufffe\uffff"

legal = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)


def parsed(content: bytes) -> ElementTree.Element:
    return ElementTree.fromstring(content)  # noqa: S314  our own


def checked(content: bytes) -> list[ElementTree.Element]:
    """The entries of a feed that has what RFC 4287 asks for."""
    feed = parsed(content)
    assert feed.tag == f"{{{NS['a']}}}feed"
    for part in (feed, *feed.findall("a:entry", NS)):
        for name in ("id", "title", "updated"):
            assert len(part.findall(f"a:{name}", NS)) == 1
        assert part.findtext("a:id", "", NS).startswith("urn:uuid:")
        assert len(part.findall("a:link[@rel='alternate']", NS)) == 1
        for date in (*part.findall("a:updated", NS), *part.findall("a:published", NS)):
            assert RFC3339.match(date.text or "")
        for link in part.findall("a:link", NS):
            assert link.attrib["href"].startswith(SERVER)
    assert feed.findtext("a:author/a:name", "", NS)
    assert len(feed.findall("a:link[@rel='self']", NS)) == 1
    entries = feed.findall("a:entry", NS)
    ids = [entry.findtext("a:id", "", NS) for entry in entries]
    assert len(set(ids)) == len(ids)
    return entries


def shown(content: bytes) -> list[str]:
    """The issue ids in order, from the links."""
    hrefs = [entry.find("a:link", NS).attrib["href"] for entry in checked(content)]
    return [href.removeprefix(f"{SERVER}/entries/") for href in hrefs]


def listed(entries: Iterable[Entry]) -> list[Listed]:
    made = Origin("command", "test", "api")
    rows = [to_row(n, entry, NOW_MS, made, f"{n:064x}", None) for n, entry in enumerate(entries, 1)]
    return [Listed(row) for row in rows]


def legal_only(text: str) -> str:
    return "".join("\ufffd" if re.match(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", each) else each for each in text)


@given(st.lists(strategies.entries(), max_size=3, unique_by=lambda entry: entry.issue_id), legal)
@hypothesis_settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
def test_any_entries_make_a_well_formed_feed(entries: list[Entry], title: str) -> None:
    about = About(title, f"{SERVER}/search/?format=atom", f"{SERVER}/search/")
    found = checked(atom.feed(about, listed(entries), SERVER))
    assert len(found) == len(entries)
    for part, entry in zip(found, entries, strict=True):
        assert part.find("a:link", NS).attrib["href"] == SERVER + links.entry(entry.issue_id)
        summary = part.find("a:summary", NS)
        assert summary.attrib == {"type": "html"}
        for element in Page(summary.text or "").elements:
            assert element.tag in {"p", "b", "code"}
            assert element.attributes == {}


@given(legal)
@hypothesis_settings(max_examples=100)
def test_texts_arrive_as_they_are_but_for_what_xml_forbids(text: str) -> None:
    entry = make_rejected("noop", detail=text, rationale=text)
    about = About("x", f"{SERVER}/?format=atom", f"{SERVER}/")
    summary = checked(atom.feed(about, listed([entry]), SERVER))[0].findtext("a:summary", "", NS)
    said = Page(summary).text.replace("\r\n", "\n").replace("\r", "\n")
    assert said.count(legal_only(without_terminal_codes(text)).replace("\r\n", "\n").replace("\r", "\n")) >= 2


def test_forbidden_characters_become_the_replacement_character() -> None:
    entry = make_rejected("noop", detail=f"a{ILLEGAL}b", intent=f"c{ILLEGAL}d")
    content = atom.feed(About(ILLEGAL, SERVER, SERVER), listed([entry]), SERVER).decode()
    assert "a\ufffd\ufffd\ufffd\ufffd\ufffdb" in content
    assert not set(ILLEGAL) & set(content)


def test_long_texts_are_cut_so_that_fifty_entries_stay_small() -> None:
    long = "<&" * 5_000
    verdicts = [{"axis": f"a{n}", "status": "deny", "detail": long} for n in range(50)]
    entry = make_rejected(intent=long, rationale=long, verdicts=verdicts)
    assert len(atom.feed(About("x", SERVER, SERVER), listed([entry] * page_sizes.FEED), SERVER)) < 6_000_000


@pytest.mark.django_db
class TestReading:
    @pytest.fixture(autouse=True)
    def public(self, settings: Any) -> None:
        settings.PUBLIC_READ = True

    @pytest.mark.parametrize("path", ["/rejections/", "/search/", "/blueprints/main", "/v1/enhance/log"])
    def test_the_newest_fifty_come_by_position(self, path: str, client: Client) -> None:
        record_all(make_rejected(issue_id=f"h-{n}", ts_ms=1_000_000 - n) for n in range(60))
        response = client.get(f"{path}?format=atom&order=asc&page_size=3")
        assert response.status_code == 200
        assert response["Content-Type"] == "application/atom+xml; charset=utf-8"
        assert "private" in response["Cache-Control"]
        assert shown(response.content) == [f"h-{n}" for n in reversed(range(10, 60))]

    def test_the_filter_is_the_lists_own(self, client: Client) -> None:
        record(
            make_rejected("noop", issue_id="a"),
            make_rejected("des", issue_id="b"),
            make_rejected("noop", issue_id="c", blueprint_id=""),
            make_entry(issue_id="d"),
        )
        assert shown(client.get(f"{NOOP}&format=atom").content) == ["c", "a"]
        assert shown(client.get("/rejections/?blueprint_id=&format=atom").content) == ["c"]
        assert shown(client.get("/blueprints/?blueprint_id=&format=atom").content) == ["c"]
        assert shown(client.get("/blueprints/main?status=rejected&format=atom").content) == ["b", "a"]
        assert shown(client.get("/v1/enhance/log?blueprint_id=&format=atom").content) == ["c"]
        assert shown(client.get("/search/?text=nowhere&format=atom").content) == []

    def test_times_are_when_it_was_recorded_and_when_it_ran(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("enhancelog.store.writing.now_ms", lambda: NOW_MS)
        record(make_entry(issue_id="a", ts_ms=NOW_MS - 1), make_entry(issue_id="b", ts_ms=2**63 - 1))
        response = client.get("/search/?format=atom")
        odd, plain = checked(response.content)
        assert plain.findtext("a:published", "", NS).startswith("2026-11")
        assert odd.find("a:published", NS) is None
        updated = parsed(response.content).findtext("a:updated", "", NS)
        assert updated == odd.findtext("a:updated", "", NS)

    def test_ids_do_not_change_with_the_address(self, client: Client, settings: Any) -> None:
        record(make_entry())
        ids = []
        for url in (SERVER, "https://log.example.org"):
            settings.PUBLIC_URL = settings.PUBLIC_ORIGIN = url
            entry = parsed(client.get("/search/?format=atom").content).find("a:entry", NS)
            assert entry.find("a:link", NS).attrib["href"] == f"{url}/entries/h-1"
            ids.append(entry.findtext("a:id", "", NS))
        assert ids[0] == ids[1]

    @pytest.mark.parametrize("path", ["/search/", "/v1/enhance/log"])
    def test_nothing_is_sent_again_while_nothing_is_new(self, path: str, client: Client) -> None:
        record(make_entry())
        url = f"{path}?since=90m&not_status=applied&format=atom"
        etag = client.get(url)["ETag"]
        unchanged = client.get(url, headers={"If-None-Match": etag})
        assert (unchanged.status_code, unchanged.content, unchanged["ETag"]) == (304, b"", etag)
        assert client.head(url).content == b""
        record(make_entry(issue_id="other"))
        assert client.get(url, headers={"If-None-Match": etag}).status_code == 304
        assert client.get(f"{path}?format=atom", headers={"If-None-Match": etag}).status_code == 200

    def test_accept_asks_the_api_for_a_feed_too(self, client: Client) -> None:
        answer = client.get("/v1/enhance/log", headers={"Accept": "application/atom+xml, */*;q=0.1"})
        assert checked(answer.content) == []

    @pytest.mark.parametrize("path", ["/rejections/", "/search/", "/blueprints/main"])
    def test_bad_values_are_400_naming_the_parameter(self, path: str, client: Client) -> None:
        record(make_entry())
        for name, value in (("since", "tomorrow"), ("order", "up"), ("format", "rss")):
            parameters = {"format": "atom"} | {name: value}
            response = client.get(path, parameters)
            assert response.status_code == 400
            assert refused(read(response)) == name
        assert client.get("/v1/enhance/log?format=atom&since=x").json()["errors"][0]["field"] == "since"
        assert client.get("/v1/enhance/log?format=rss").json()["errors"][0]["field"] == "format"

    def test_lists_say_where_their_feed_is(self, client: Client) -> None:
        record(make_rejected())
        (feed,) = read(client.get(f"{NOOP}&order=asc")).all("link", type="application/atom+xml")
        assert feed.attributes["title"] == "Rejections"
        assert feed.attributes["href"].startswith("/rejections/?axis=noop&order=asc&")

    @pytest.mark.parametrize("number", [1, 60])
    def test_statements_do_not_grow_with_the_rows(
        self, number: int, client: Client, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        record_all(make_rejected(issue_id=f"h-{n}") for n in range(number))
        with django_assert_num_queries(3):  # one of them counts redactions, which change what a feed says
            etag = client.get(f"{NOOP}&format=atom")["ETag"]
        with django_assert_num_queries(2):
            client.get(f"{NOOP}&format=atom", headers={"If-None-Match": etag})


@pytest.mark.django_db
class TestKeys:
    @pytest.fixture(autouse=True)
    def entries(self, db: None) -> None:
        record(make_rejected("noop", issue_id="a"), make_rejected("des", issue_id="b"))

    @pytest.fixture
    def view(self, db: None) -> SavedView:
        return saved_views.make(User.objects.create_user("ada"), "Noop", NOOP)

    def keyed(self, view: SavedView) -> str:
        """Made on the page, taken from the page."""
        owner = Client()
        owner.force_login(view.user)
        response = owner.post(f"/account/views/change/{view.pk}", {"act": "key"})
        assert response.status_code == 201
        assert response["Cache-Control"] == "no-store"
        page = read(response)
        (said,) = page.all("code")
        assert [button.words for button in page.all("button", data_copy=said.text)] == ["Copy"]
        url = said.text.removeprefix(SERVER)
        assert re.fullmatch(r"/.*key=enf_\w+", url)
        key = url.partition("key=")[2]
        assert key not in owner.get("/account/views").content.decode()
        assert key not in str(SavedView.objects.values().get())
        return url

    def test_a_key_opens_the_feed_of_its_list(self, view: SavedView, client: Client) -> None:
        url = self.keyed(view)
        response = client.get(url)
        assert shown(response.content) == ["a"]
        assert "key=" not in response.content.decode()
        assert client.get(url, headers={"If-None-Match": response["ETag"]}).status_code == 304

    @pytest.mark.parametrize("public", [True, False])
    def test_a_key_opens_nothing_else(self, public: bool, view: SavedView, client: Client, settings: Any) -> None:
        settings.PUBLIC_READ = public
        key = self.keyed(view).partition("key=")[2]
        for path in (
            *(
                "/rejections/?",
                "/rejections/?axis=des&",
                f"{NOOP}&axis=des&",
                f"{NOOP}&since=7d&",
                "/search/?axis=noop&",
            ),
            *("/blueprints/main?axis=noop&", "/blueprints/?blueprint_id=&"),
        ):
            response = client.get(f"{path}format=atom&key={key}")
            assert response.status_code == 401, path
            assert response["WWW-Authenticate"].startswith("Bearer")
        settings.PUBLIC_READ = False
        for path in (f"{NOOP}&", f"{NOOP}&format=csv&", f"{NOOP}&after=0&", "/?", "/entries/a?", "/account/views?"):
            response = client.get(f"{path}key={key}")
            assert (response.status_code, response["Location"][:16]) == (302, "/account/sign-in"), path
        assert client.get(f"/v1/enhance/log?axis=noop&format=atom&key={key}").status_code == 401

    def test_a_key_ends_when_it_is_revoked_replaced_deleted_or_its_owner_goes(
        self, view: SavedView, client: Client
    ) -> None:
        first = self.keyed(view)
        second = self.keyed(view)
        assert [client.get(first).status_code, client.get(second).status_code] == [401, 200]
        saved_views.share(view, True)
        saved_views.rename(view, "other")
        assert client.get(second).status_code == 200
        User.objects.update(is_active=False)
        assert client.get(second).status_code == 401
        User.objects.update(is_active=True)
        saved_views.revoke_key(view)
        saved_views.revoke_key(view)
        assert client.get(second).status_code == 401
        third = self.keyed(view)
        saved_views.delete(view)
        assert client.get(third).status_code == 401

    @pytest.mark.parametrize(
        "key", ["", "x", "enf_1_", "enf_0_" + 64 * "0", f"enf_{2**70}_" + 64 * "0", "enf_é\0", "日"]
    )
    def test_what_is_no_key_opens_nothing(self, key: str, view: SavedView, client: Client, settings: Any) -> None:
        settings.PUBLIC_READ = True
        assert client.get(NOOP, {"axis": "noop", "format": "atom", "key": key}).status_code == 401

    def test_a_view_without_a_key_has_none(self, view: SavedView) -> None:
        assert saved_views.opened_by(f"enf_{view.pk}_{64 * '0'}") is None

    def test_a_key_outlives_another_way_of_writing_its_address(self, view: SavedView, client: Client) -> None:
        url = self.keyed(view)
        SavedView.objects.update(url="/rejections/?axis=noop&colour=red")
        assert shown(client.get(url).content) == ["a"]

    def test_a_wrong_key_is_no_session(self, view: SavedView) -> None:
        owner = Client()
        owner.force_login(view.user)
        assert owner.get(f"{NOOP}&format=atom").status_code == 200
        assert owner.get(f"{NOOP}&format=atom&key=enf_1_{64 * '0'}").status_code == 401

    def test_an_address_that_tries_many_keys_waits(
        self, view: SavedView, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(feeds, "allowances", Allowances(lambda: 0.0))  # a slow machine must not earn another try
        good = self.keyed(view)
        wrong = f"{NOOP}&format=atom&key=enf_{view.pk}_{64 * '0'}"
        assert {client.get(wrong).status_code for _ in range(30)} == {401}
        for url in (wrong, good):
            response = client.get(url)
            assert response.status_code == 429
            assert 1 <= int(response["Retry-After"]) <= 60
        assert client.get(good, REMOTE_ADDR="10.0.0.9").status_code == 200

    def test_a_good_key_is_never_throttled(self, view: SavedView, client: Client) -> None:
        good = self.keyed(view)
        assert {client.get(good).status_code for _ in range(40)} == {200}

    def test_tokens_read_the_apis_feed_and_no_page(self, client: Client) -> None:
        owner = User.objects.create_user("bob")
        _, reads = api_tokens.make(api_tokens.Wanted("reader", ["log:read"]), owner, "bob")
        _, other = api_tokens.make(api_tokens.Wanted("other", ["content:read"]), owner, "bob")
        api = "/v1/enhance/log?format=atom"
        assert shown(client.get(api, headers={"Authorization": f"Bearer {reads}"}).content) == ["b", "a"]
        assert client.get(api, headers={"Authorization": f"Bearer {other}"}).status_code == 403
        assert client.get(api).status_code == 401
        assert client.get(f"{NOOP}&format=atom", headers={"Authorization": f"Bearer {reads}"}).status_code == 302


@pytest.mark.django_db
def test_a_redacted_entry_is_a_new_version_of_the_same_item(client: Client, settings: Any) -> None:
    settings.PUBLIC_READ = True
    record(make_rejected(issue_id="a"), make_rejected(issue_id="b"))
    before = items(client)
    redacting.redact("a", ["details"], "a key in clear", Origin("command", "tests", "tests"))
    after = items(client)
    assert after.keys() == before.keys()
    assert [id for id in before if after[id] != before[id]] == [id for id in before if before[id][0] == "a"]


def items(client: Client) -> dict[str, tuple[str, str]]:
    """What a reader tells versions of an item apart by: by id, whose it is and when it changed."""
    content = client.get("/rejections/?format=atom").content
    found = checked(content)
    updated = [entry.findtext("a:updated", "", NS) for entry in found]
    ids = [entry.findtext("a:id", "", NS) for entry in found]
    return dict(zip(ids, zip(shown(content), updated, strict=True), strict=True))


def test_an_item_stays_the_same_at_another_address_and_in_a_copy_of_the_log() -> None:
    entry, other = make_entry(issue_id="a"), make_entry(issue_id="b")
    first = parsed(atom.feed(About("x", SERVER, SERVER), listed([entry, other]), SERVER))
    elsewhere = "https://log.example.org"
    second = parsed(atom.feed(About("x", elsewhere, elsewhere), listed([other, entry]), elsewhere))
    ids = [[each.findtext("a:id", "", NS) for each in feed.findall("a:entry", NS)] for feed in (first, second)]
    assert ids[0] == ids[1][::-1]


def test_entries_of_other_logs_that_have_the_same_id_are_other_items() -> None:
    about = About("x", SERVER, SERVER)
    found = checked(atom.feed(about, listed([make_entry(ts_ms=1_000), make_entry(ts_ms=2_000)]), SERVER))
    assert len(found) == 2  # with different ids
