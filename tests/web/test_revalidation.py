"""A page is 304 exactly as long as the reader would get the same one again."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib import messages
from django.contrib.auth.models import User
from django.test import Client
from pytest_django.fixtures import Settings

from content import linked
from content.store import open_store
from enhancelog.domain.origin import Origin
from enhancelog.web import revalidation
from tests.factories import make_entry, make_rejected
from tests.recording import record

pytestmark = pytest.mark.django_db

DAY_MS = 86_400_000
NOON = int(datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp() * 1000)
PAGES = [
    "/",
    "/blueprints/",
    "/blueprints/main",
    "/rejections/",
    "/search/?text=cite",
    "/entries/h-1",
    "/fields/?blueprint_id=main",
]


@pytest.fixture(autouse=True)
def log(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.PUBLIC_READ = True
    revalidation.release.cache_clear()  # kept by a test with other settings
    monkeypatch.setattr(revalidation, "now_ms", lambda: NOON)
    record(make_entry(), make_rejected(issue_id="h-2"))


def again(client: Client, address: str, etag: str, **headers: str) -> Any:
    return client.get(address, headers={"If-None-Match": etag, **headers})


def etag_of(client: Client, address: str, **headers: str) -> str:
    client.get(address, headers=headers)  # a first visit sets the cookie of forms
    return str(client.get(address, headers=headers)["ETag"])


@pytest.mark.parametrize("address", PAGES)
def test_a_page_that_did_not_change_is_304_without_being_made(
    client: Client, address: str, django_assert_max_num_queries: Any
) -> None:
    etag = etag_of(client, address)
    with django_assert_max_num_queries(3):  # the log, and of an entry also its work item and its receipt
        answer = again(client, address, etag)
    assert (answer.status_code, answer.content) == (304, b"")
    assert answer["ETag"] == etag
    assert answer["Cache-Control"] == "private, no-cache"
    assert {"Cookie", "HX-Request"} <= set(answer["Vary"].split(", "))


@pytest.mark.parametrize("address", PAGES)
def test_a_page_is_made_anew_after_an_append(client: Client, address: str) -> None:
    etag = etag_of(client, address)
    record(make_rejected(issue_id="h-3"))
    assert again(client, address, etag).status_code == 200


@pytest.mark.parametrize("address", PAGES)
def test_a_page_is_made_anew_for_another_reader(client: Client, address: str) -> None:
    nobody = etag_of(client, address)
    client.force_login(User.objects.create_user("ada"))
    ada = etag_of(client, address)
    assert again(client, address, nobody).status_code == 200
    client.logout()
    assert again(client, address, ada).status_code == 200
    client.force_login(User.objects.create_user("bob"))
    assert again(client, address, ada).status_code == 200


def test_a_page_is_made_anew_when_the_reader_may_more(client: Client) -> None:
    user = User.objects.create_user("ada")
    client.force_login(user)
    etag = etag_of(client, "/")
    User.objects.filter(pk=user.pk).update(is_staff=True)
    assert again(client, "/", etag).status_code == 200


@pytest.mark.parametrize("address", PAGES)
def test_a_page_is_made_anew_after_midnight(client: Client, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    etag = etag_of(client, address)
    monkeypatch.setattr(revalidation, "now_ms", lambda: NOON + DAY_MS)
    assert again(client, address, etag).status_code == 200


def test_a_page_is_made_anew_after_an_upgrade(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    etag = etag_of(client, "/")
    revalidation.release.cache_clear()
    assert again(client, "/", etag).status_code == 304
    monkeypatch.setattr("enhancelog.__version__", "99")
    revalidation.release.cache_clear()
    assert again(client, "/", etag).status_code == 200
    revalidation.release.cache_clear()


def test_a_fragment_is_not_the_page(client: Client) -> None:
    page = etag_of(client, "/rejections/")
    fragment = etag_of(client, "/rejections/", **{"HX-Request": "true"})
    assert page != fragment
    assert again(client, "/rejections/", page, **{"HX-Request": "true"}).status_code == 200


@pytest.mark.parametrize("address", ["/?period=24h", "/rejections/?since=90m", "/search/?until=2%68"])
def test_what_counts_back_from_this_moment_has_no_validator(client: Client, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 200
    assert "ETag" not in answer


def test_other_statuses_have_no_validator(client: Client) -> None:
    for address, status in [("/entries/none", 404), ("/blueprints/none", 404), ("/rejections/?status=x", 400)]:
        answer = client.get(address)
        assert (answer.status_code, answer.get("ETag")) == (status, None)


def test_a_message_is_shown_although_the_page_did_not_change(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    etag = etag_of(client, "/")

    def with_a_message(request: Any) -> Any:
        messages.info(request, "Saved.")
        return messages.get_messages(request)

    monkeypatch.setattr(revalidation, "get_messages", with_a_message)
    answer = again(client, "/", etag)
    assert answer.status_code == 200
    assert b"Saved." in answer.content
    assert "ETag" not in answer


def test_an_entry_s_page_is_made_anew_when_its_story_or_its_links_change(client: Client) -> None:
    store = open_store(Origin("user", "ada", "web"))
    changes = [
        lambda: store.write("h-1", "story", "# One"),
        lambda: store.write("h-1", "story", "# Two"),
        lambda: store.delete("h-1", "story"),
        lambda: linked.link("h-1", "other", "ada"),
        lambda: store.write("other", "gate_output", "failed"),
        lambda: linked.unlink("h-1", "other", "ada"),
    ]
    for change in changes:
        etag = etag_of(client, "/entries/h-1")
        assert again(client, "/entries/h-1", etag).status_code == 304
        change()
        assert again(client, "/entries/h-1", etag).status_code == 200
