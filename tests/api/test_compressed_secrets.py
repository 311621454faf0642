"""No response that holds a secret is compressed: every route is read, and every way to get a secret is taken."""

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RoutePattern

from content.store import open_store
from enhancelog import patterns
from enhancelog.accounts import api_tokens, saved_views
from enhancelog.domain.origin import Origin
from enhancelog.models import SavedView
from tests.api.test_codings import unpacked
from tests.factories import make_rejected
from tests.recording import record_all

pytestmark = [pytest.mark.django_db, pytest.mark.once]

PASSWORD: Final = "ada-has-one-4711"
SAMPLES: Final = {
    "issue_id": "h-1",
    "blueprint_id": "main",
    "axis": "noop",
    "story_id": "S-1",
    "kind": "story",
    "pattern_id": patterns.pattern_id("noop", patterns.mask("patch is no-op").template),
    "marker_id": "0" * 16,
    "note_id": "0" * 16,
    "alert_id": "0" * 16,
    "delivery_id": "evt_1",
    "address_id": "1",
    "change_id": "1",
    "token_id": "1",
    "view_id": "1",
    "hash": "0" * 64,
    "path": "entries/000.p/1",
    "name": "0" * 32,
    "source": "api",
    "recorded": "api",
    "object_id": "1",
    "content_type_id": "1",
    "id": "1",
    "url": "nothing",
}


class Reading(NamedTuple):
    """A response as a browser has it."""

    compressed: bool
    body: str

    def held(self, secrets: dict[str, str]) -> set[str]:
        return {name for name, secret in secrets.items() if secret in self.body}


@pytest.fixture
def ada() -> User:
    """An administrator who has something of everything."""
    user = User.objects.create_superuser("ada", password=PASSWORD, id=1)  # the id in SAMPLES
    record_all(make_rejected(issue_id=f"h-{n}") for n in range(30))
    open_store(Origin("command", "tests", "api")).write("S-1", "story", "What one has to know. " * 99)
    saved_views.make(user, name="mine", url="/rejections/", shared=True)
    SavedView.objects.update(id=1)
    return user


@pytest.fixture
def browser(ada: User) -> Client:
    client = Client(headers={"Accept-Encoding": "gzip, deflate, br, zstd", "Sec-Fetch-Site": "same-origin"})
    client.force_login(ada)
    return client


def read(response: Any) -> Reading:
    body = b"".join(response.streaming_content) if response.streaming else response.content
    coding = response.headers.get("Content-Encoding")
    return Reading(coding is not None, (unpacked(body, coding) if coding else body).decode(errors="replace"))


def paths(entries: list[Any], before: str = "/") -> Iterator[str]:
    """Every route with a sample of each parameter; a new parameter fails until it has one."""
    for entry in entries:
        if not isinstance(entry.pattern, RoutePattern):
            continue
        route = before + re.sub(r"<(?:\w+:)?(\w+)>", lambda part: quote(SAMPLES[part[1]], safe=""), str(entry.pattern))
        if isinstance(entry, URLResolver):
            yield from paths(entry.url_patterns, route)
        elif isinstance(entry, URLPattern):
            yield route


def secrets_of(browser: Client, ada: User, created: str) -> dict[str, str]:
    return {
        "created token": created,
        "session": browser.cookies[settings.SESSION_COOKIE_NAME].value,
        "csrf": browser.cookies[settings.CSRF_COOKIE_NAME].value,
        "password": PASSWORD,
        "password hash": ada.password,
    }


def test_no_route_compresses_a_secret(browser: Client, ada: User) -> None:
    browser.get("/")
    _, created = api_tokens.make(api_tokens.Wanted("agent-7", api_tokens.SCOPES), ada, made_by="tests")
    secrets = secrets_of(browser, ada, created)
    compressed = set()
    for path in paths(get_resolver().url_patterns):
        if path.endswith(("/sign-out", "/logout/")):
            continue
        reading = read(browser.get(path))
        if reading.compressed:
            assert not reading.held(secrets), path
            compressed.add(path)
    assert {"/", "/rejections/", "/blueprints/main", "/content/", "/v1/enhance/log", "/account/tokens"} <= compressed
    assert not {"/account/password", "/admin/", "/admin/auth/user/1/change/", "/admin/enhancelog/token/"} & compressed


def test_a_secret_that_is_shown_once_is_not_compressed(browser: Client) -> None:
    token = read(browser.post("/account/tokens", {"name": "ci", "scopes": ["log:read"], "expiry": "90d"}))
    key = read(browser.post("/account/views/change/1", {"act": "key"}))
    assert re.search(r"enh_[0-9a-f]{32}", token.body)
    assert re.search(r"enf_1_[0-9a-f]{64}", key.body)
    assert len(token.body) > 2000
    assert len(key.body) > 2000
    assert not token.compressed
    assert not key.compressed


def test_a_failed_sign_in_is_not_compressed(ada: User) -> None:
    stranger = Client(headers={"Accept-Encoding": "gzip"})
    reading = read(stranger.post("/account/sign-in", {"username": "ada", "password": PASSWORD + "x"}))
    assert "Incorrect user name or password" in reading.body
    assert len(reading.body) > 2000
    assert not reading.compressed


def test_a_feed_does_not_repeat_its_key(ada: User) -> None:
    view = saved_views.owned(ada).get()
    key = saved_views.make_key(view)
    reading = read(Client(headers={"Accept-Encoding": "gzip"}).get(f"/rejections/?format=atom&key={key}"))
    assert reading.compressed
    assert "<entry>" in reading.body
    assert key not in reading.body


def test_a_forms_token_differs_each_time_it_is_sent(browser: Client) -> None:
    found = [re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', read(browser.get("/")).body)[0] for _ in range(9)]
    assert len(set(found)) == 9
    assert all(len(token) == 64 for token in found)  # a mask and what it masks
