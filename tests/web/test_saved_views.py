"""Saved views: which addresses can be kept, whose they are, and what becomes of them."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from enhancelog import links
from enhancelog.accounts import saved_views
from enhancelog.domain.errors import Invalid
from enhancelog.models import SavedView
from enhancelog.web.list_addresses import address
from tests.pages import read

pytestmark = pytest.mark.django_db

PAGE = "/account/views"
NOOP = "/rejections/?axis=noop"


@pytest.fixture
def ada() -> User:
    return User.objects.create_user("ada")


@pytest.fixture
def bob() -> User:
    return User.objects.create_user("bob", is_staff=True)


def signed_in(user: User, **options: Any) -> Client:
    client = Client(**options)
    client.force_login(user)
    return client


def change(client: Client, view: SavedView, act: str, **fields: str) -> Any:
    return client.post(f"{PAGE}/change/{view.pk}", {"act": act, **fields})


def text(response: Any) -> str:
    return read(response).words


@pytest.mark.parametrize(
    ("given", "kept", "title", "said"),
    [
        ("/rejections/?order=asc&axis=noop&cursor=x&colour=red", "/rejections/?axis=noop&order=asc", "Rejections", ""),
        ("/rejections/?status=rejected&axis=b&axis=a&axis=a", "/rejections/?axis=b&axis=a", "Rejections", ""),
        ("/rejections/?blueprint_id=", "/rejections/?blueprint_id=", "Rejections", 'blueprint:""'),
        ("/search/?text=&since=7d&format=atom&key=k#e7", "/search/?since=7d", "Search", "since:7d"),
        ("/blueprints/a%2Fb%20%25?has=gap", "/blueprints/a%2Fb%20%25?has=gap", "a/b %", "has:gap"),
        ("/blueprints/?blueprint_id=", "/blueprints/?blueprint_id=", "(no name)", ""),
        ("/blueprints/?blueprint_id=main", "/blueprints/main", "main", ""),
        ("/blueprints/?sort=rate&skip=200", "/blueprints/?sort=rate", "Blueprints", "sort:rate"),
        ("/?period=30d", "/?period=30d", "Overview", "period:30d"),
        ("/?blueprint_id=", "/?blueprint_id=", "Overview", 'blueprint_id:""'),
        (
            "/patterns/?axis=noop&axis=tone&text=foo&sort=last&order=asc&skip=9",
            "/patterns/?axis=noop&axis=tone&text=foo&order=asc&sort=last",
            "Patterns",
            "axis:noop axis:tone text:foo sort:last order:asc",
        ),
        (
            "/matrix/?blueprint_id=b&blueprint_id=a&view=&column=9",
            "/matrix/?blueprint_id=b&blueprint_id=a",
            "Matrix",
            "blueprint_id:b blueprint_id:a",
        ),
        ("/content/?kind=story&text=", "/content/?kind=story", "Content", "kind:story"),
        ("http://127.0.0.1:8000/search/", "/search/", "Search", ""),
    ],
)
def test_an_address_is_kept_without_what_is_no_part_of_the_list(given: str, kept: str, title: str, said: str) -> None:
    found = address(given)
    assert (found.url, found.title) == (kept, title)
    assert said in found.filter
    assert address(kept) == found


@pytest.mark.parametrize(
    "given",
    [
        *("https://evil.example/rejections/", "//evil.example/rejections/", "http://127.0.0.1:8000@evil.example/"),
        *("javascript:alert(1)", "/\\evil.example/", "http://[", "rejections/", "", "/nothing/", "/entries/h-1"),
        *("/account/tokens", "/admin/", "/v1/enhance/log", "/account/sign-out", "/rejections/%FF", "/search/?text=%FF"),
        *("/patterns/?has=nothing", "/patterns/?order=up"),
        *("/rejections/?since=tomorrow", "/search/?order=up", "/search/?" + "&".join(["text=a"] * 101)),
    ],
)
def test_an_address_that_is_no_list_of_ours_is_refused(given: str, ada: User) -> None:
    with pytest.raises(Invalid) as broken:
        address(given)
    assert broken.value.field == "url"
    response = signed_in(ada).post(PAGE, {"name": "x", "url": given})
    assert response.status_code == 400
    assert not SavedView.objects.exists()


def test_a_list_is_saved_and_shown_again(ada: User) -> None:
    client = signed_in(ada)
    form = read(client.get(PAGE, {"url": NOOP}))
    assert form.all("input", name="url")[0].attributes["value"] == NOOP
    response = client.post(PAGE, {"name": " Noop ", "url": f"{NOOP}&cursor=x"})
    assert (response.status_code, response["Location"]) == (302, NOOP)
    page = read(client.get(NOOP))
    assert "List saved as Noop." in page.words
    assert page.all("a", href=links.with_query(PAGE, [("url", NOOP)]))
    listed = read(client.get(PAGE))
    assert listed.all("a", href=NOOP)[0].words == "Noop"
    assert "Rejections axis:noop" in listed.words


@pytest.mark.parametrize(
    ("name", "said"), [("", "required"), ("x" * 81, "at most 80"), ("a\u202eb", "printable"), ("Mine", "Is taken")]
)
def test_a_name_that_cannot_be_is_said_at_the_field(name: str, said: str, ada: User) -> None:
    saved_views.make(ada, "Mine", "/search/")
    response = signed_in(ada).post(PAGE, {"name": name, "url": NOOP})
    assert response.status_code == 400
    assert said in read(response).all("div", id="id_name_error")[0].words
    assert saved_views.owned(ada).count() == 1


def test_names_are_each_owners_own(ada: User, bob: User) -> None:
    saved_views.make(ada, "Mine", "/search/")
    saved_views.make(bob, "Mine", "/search/")
    assert SavedView.objects.count() == 2


def test_there_is_a_limit_to_how_many_and_how_long(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved_views, "MAX_OWNED", 1)
    long = "/search/?text=" + "日" * 500
    assert "a saved view may have at most 4,000" in text(signed_in(ada).post(PAGE, {"name": "x", "url": long}))
    saved_views.make(ada, "one", "/search/")
    assert "You already have 1 saved views" in text(signed_in(ada).post(PAGE, {"name": "two", "url": "/search/"}))
    assert saved_views.owned(ada).count() == 1


def test_others_see_what_is_shared_and_only_that(ada: User, bob: User) -> None:
    saved_views.make(ada, "private one", "/search/")
    saved_views.make(ada, "shared one", NOOP, shared=True)
    for headers in ({}, {"HX-Request": "true"}):
        seen = text(signed_in(bob).get(PAGE, headers=headers))
        assert "shared one" in seen
        assert "by ada" in seen
        assert "private one" not in seen
        own = text(signed_in(ada).get(PAGE, headers=headers))
        assert "private one" in own
        assert "by ada" not in own


def test_what_somebody_shared_is_gone_with_them(ada: User, bob: User) -> None:
    saved_views.make(ada, "shared one", NOOP, shared=True)
    User.objects.filter(pk=ada.pk).update(is_active=False)
    assert list(saved_views.shared_with(bob)) == []


@pytest.mark.parametrize("act", ["rename", "share", "keep", "delete", "key", "revoke", "nothing"])
@pytest.mark.parametrize("shared", [True, False])
def test_somebody_elses_view_is_not_found_shared_or_not(act: str, shared: bool, ada: User, bob: User) -> None:
    view = saved_views.make(ada, "hers", NOOP, shared=shared)
    saved_views.make_key(view)
    before = SavedView.objects.values().get()
    assert change(signed_in(bob), view, act, name="his").status_code == 404
    assert SavedView.objects.values().get() == before
    assert signed_in(bob).post(f"{PAGE}/change/{2**70}", {"act": act}).status_code == 404


def test_the_owner_renames_shares_and_deletes(ada: User) -> None:
    client = signed_in(ada)
    view = saved_views.make(ada, "old", NOOP)
    saved_views.make(ada, "taken", NOOP)
    for act, now in (("share", True), ("share", True), ("keep", False)):
        assert change(client, view, act)["Location"] == PAGE
        view.refresh_from_db()
        assert view.shared is now
    change(client, view, "rename", name=" new ")
    view.refresh_from_db()
    assert view.name == "new"
    for name in ("taken", "", "x" * 81, "\0"):
        change(client, view, "rename", name=name)
        assert "Not renamed" in text(client.get(PAGE))
    view.refresh_from_db()
    assert view.name == "new"
    assert change(client, view, "explode").status_code == 400
    change(client, view, "delete")
    assert list(saved_views.owned(ada).values_list("name", flat=True)) == ["taken"]


def test_an_address_that_an_upgrade_took_away_can_still_be_deleted(ada: User) -> None:
    view = saved_views.make(ada, "old", "/gone/?axis=noop")
    client = signed_in(ada)
    assert "no longer a list" in text(client.get(PAGE))
    assert change(client, view, "key").status_code == 400
    assert change(client, view, "delete").status_code == 302
    assert not SavedView.objects.exists()


@pytest.mark.parametrize("public", [True, False])
def test_nobody_saves_without_signing_in(public: bool, client: Client, settings: Any) -> None:
    settings.PUBLIC_READ = public
    assert client.get(PAGE)["Location"].startswith("/account/sign-in")
    for response in (client.post(PAGE, {"name": "x", "url": NOOP}), client.post(f"{PAGE}/change/1")):
        assert response.status_code == 401
    assert not SavedView.objects.exists()
    if public:
        assert not read(client.get(NOOP)).all("a", href=links.with_query(PAGE, [("url", NOOP)]))


def test_changes_need_the_form_they_come_from(ada: User) -> None:
    view = saved_views.make(ada, "mine", NOOP)
    client = signed_in(ada, enforce_csrf_checks=True)
    assert change(client, view, "delete").status_code == 403
    assert client.post(PAGE, {"name": "x", "url": NOOP}).status_code == 403
    assert client.get(f"{PAGE}/change/{view.pk}").status_code == 405


def test_hostile_names_stay_text(ada: User) -> None:
    name = "<script>alert(1)</script>\"'"
    saved_views.make(ada, name, NOOP, shared=True)
    client = signed_in(ada)
    for headers in ({}, {"HX-Request": "true"}):
        page = read(client.get(PAGE, headers=headers))
        assert name in [each.words for each in page.all("a", href=NOOP)]
        assert not [each for each in page.all("script") if "src" not in each.attributes]


@pytest.mark.parametrize("number", [1, 30])
def test_statements_do_not_grow_with_the_views(
    number: int, ada: User, bob: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for n in range(number):
        saved_views.make(ada, f"mine {n}", NOOP)
        saved_views.make(bob, f"shared {n}", NOOP, shared=True)
    client = signed_in(ada)
    with django_assert_num_queries(4):  # session, user, own, shared
        client.get(PAGE, headers={"HX-Request": "true"})
    with django_assert_num_queries(5):  # mentions, too, in the menu
        client.get(PAGE)


def test_the_admin_deletes_and_changes_nothing(ada: User) -> None:
    view = saved_views.make(ada, "rude", NOOP, shared=True)
    saved_views.make_key(view)
    client = signed_in(User.objects.create_superuser("boss"))
    page = client.get(f"/admin/enhancelog/savedview/{view.pk}/change/")
    digest = str(SavedView.objects.values_list("key_digest", flat=True).get())
    assert page.status_code == 200
    assert digest not in page.content.decode()
    assert client.get("/admin/enhancelog/savedview/").status_code == 200
    assert client.get("/admin/enhancelog/savedview/add/").status_code == 403
    assert client.post(f"/admin/enhancelog/savedview/{view.pk}/change/", {"name": "x"}).status_code == 403
    assert client.post(f"/admin/enhancelog/savedview/{view.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not SavedView.objects.exists()
