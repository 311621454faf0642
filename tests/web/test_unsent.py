"""A form sent without a session, or from an older page, is shown again filled in. It is never acted on by itself."""

import re
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from content import links
from content.store import open_store
from content.urls import urlpatterns as content_urls
from enhancelog.domain.origin import Origin
from enhancelog.models import SavedView, Token
from enhancelog.server.request_limits import treatment_of
from enhancelog.web.urls import urlpatterns as web_urls
from tests.pages import Page, read

pytestmark = [pytest.mark.django_db, pytest.mark.once]

PASSWORD = "correct horse battery"
STORY = links.edit("S-1", "story")
TYPED = "\nwords typed for an hour\r\n<b>and</b> more"
HERE = "http://testserver"
FORMS: tuple[tuple[str, dict[str, Any]], ...] = (
    (STORY, {"act": "save", "version": "0", "value": TYPED}),
    ("/account/tokens", {"name": "robot one", "scopes": ["log:read", "content:read"], "expiry": "90d"}),
    ("/account/tokens/revoke/1", {}),
    ("/account/tokens/revoke-all", {}),
    ("/account/sessions/end/abc", {}),
    ("/account/sessions/end-others", {}),
    ("/account/views", {"name": "noop", "url": "/rejections/?axis=noop"}),
    ("/account/views/change/1", {"act": "rename", "name": "another name"}),
    ("/account/mentions", {"act": "no-mail"}),
    ("/account/password", {"old_password": "geheim", "new_password1": "geheim", "new_password2": "geheim"}),
    ("/patterns/split/abc", {"template": ["a" * 16, "b" * 16]}),
    ("/patterns/merge/abc", {"pattern": "a" * 16}),
    ("/patterns/undo/1", {"pattern": "a" * 16}),
    ("/patterns/states?axis=noop", {"state": "fixed", "note": TYPED, "all": "1"}),
    ("/patterns/states", {"state": "fixed", "note": TYPED, "confirmed": f"{'a' * 16}.0"}),
    ("/patterns/undo-states", {"made": f"{'a' * 16}.1"}),
    ("/triage/", {"pattern": "a" * 16, "seen": "0", "state": "fixed", "note": TYPED}),
    ("/triage/undo", {"pattern": "a" * 16, "change": "1"}),
    ("/markers/new", {"title": "prompt v12", "note": TYPED}),
    ("/markers/edit/abc", {"title": "prompt v13"}),
    ("/markers/hide/abc", {"hidden": "true"}),
    ("/redactions/entries/h-1", {"field": ["intent"], "why": "a key in clear", "sure": "on"}),
    ("/sources/rename/api", {"new": "ci", "why": TYPED}),
    ("/sources/restore/api", {"why": TYPED}),
    ("/notes/?about=entry%3Ah-1", {"text": TYPED}),
    ("/notes/edit/abc", {"text": TYPED, "version": "1"}),
    ("/notes/withdraw/abc", {}),
    ("/triage/reviews/h-1?axis=noop", {"verdict": "wrong", "reason": TYPED}),
    ("/alerts/new", {"name": "a rule", "event": "digest", "time_zone": "Europe/Zurich"}),
    ("/alerts/abc", {"name": "another name"}),
    ("/alerts/change/abc", {"act": "delete"}),
    (links.history("S-1", "story"), {"version": "2", "restore": "1"}),
    (links.link("h-1"), {"story_id": "STORY-1"}),
)


@pytest.fixture(autouse=True)
def ada(db: None, settings: Any) -> User:
    settings.PUBLIC_READ = True  # the history of content is guarded for readers first
    return User.objects.create_user("ada", password=PASSWORD, is_staff=True)


def test_a_form_that_htmx_sends_as_a_page_is_told_where_to_go(client: Client, ada: User) -> None:
    client.force_login(ada)
    sent = {"name": "noop", "url": "/rejections/?axis=noop"}
    boosted = {"HX-Request": "true", "HX-Boosted": "true"}
    answer = client.post("/account/views", sent, headers=boosted)
    assert (answer.status_code, answer["HX-Redirect"]) == (200, "/rejections/?axis=noop")
    assert "HX-Refresh" not in answer
    here = {**boosted, "HX-Current-URL": f"{HERE}{links.story('S-1')}"}
    saved = client.post(STORY, {"act": "save", "version": "0", "value": TYPED}, headers=here)
    assert (saved["HX-Redirect"], saved["HX-Refresh"]) == (f"{links.story('S-1')}#kind-story", "true")
    odd = client.post("/account/views", {**sent, "name": "odd"}, headers={**boosted, "HX-Current-URL": "http://["})
    assert odd["HX-Redirect"] == "/rejections/?axis=noop"
    assert client.post("/account/views", {**sent, "name": "again"}).status_code == 302


def filled(page: Page, prefix: str = "") -> dict[str, list[str]]:
    """What the form of ``page`` would send, by name; without what the sign-in and the page itself add."""
    (form,) = [each for each in page.all("form", method="post") if "data-unsaved" in each.attributes]
    values: dict[str, list[str]] = {}
    for field in form.inside:
        name = field.attributes.get("name", "")
        if field.tag in ("input", "textarea") and name.startswith(prefix) and name != "csrfmiddlewaretoken":
            text = field.text.removeprefix("\n") if field.tag == "textarea" else field.attributes.get("value", "")
            values.setdefault(name.removeprefix(prefix), []).append(text)
    return values


def sent(fields: dict[str, Any]) -> dict[str, list[str]]:
    """As the page is to show them: passwords are empty."""
    lists = {name: value if isinstance(value, list) else [value] for name, value in fields.items()}
    return {name: [""] if "password" in name else values for name, values in lists.items()}


def signing_in(page: Page, **other: str) -> dict[str, Any]:
    (form,) = [each for each in page.all("form", method="post") if "data-unsaved" in each.attributes]
    assert form.attributes["action"] == "/account/resume"
    rest = {name: filled(page)[name][0] for name in ("sent_to", "back")}
    kept = {f"unsent.{name}": values for name, values in filled(page, "unsent.").items()}
    return {"username": "ada", "password": PASSWORD, **rest, **kept, **other}


@pytest.mark.parametrize(("path", "fields"), FORMS)
def test_a_form_without_a_session_is_401_and_goes_on_after_sign_in(
    path: str, fields: dict[str, Any], client: Client
) -> None:
    refused = client.post(path, fields)
    assert (refused.status_code, refused["Cache-Control"]) == (401, "no-store")
    assert b"geheim" not in refused.content
    page = read(refused)
    assert filled(page, "unsent.") == sent(fields)
    wrong = client.post("/account/resume", signing_in(page, password="wrong"))
    assert filled(read(wrong), "unsent.") == sent(fields)
    again = client.post("/account/resume", signing_in(page))
    (form,) = [each for each in read(again).all("form", method="post") if "data-unsaved" in each.attributes]
    assert (again.status_code, form.attributes["action"]) == (200, path)
    assert filled(read(again)) == sent(fields)
    assert "no-store" in again["Cache-Control"]
    assert open_store(Origin("user", "ada", "web")).read("S-1", "story") is None
    assert not Token.objects.exists()
    assert not SavedView.objects.exists()


def test_every_form_there_is_asks_to_sign_in(client: Client) -> None:
    unguarded = {"sign_in", "sign_out", "choose_theme", "resume", "oidc_start"}
    samples = {
        "str:kind": "story",
        "int:change_id": "1",
        "int:token_id": "1",
        "int:address_id": "1",
        "slug:name": "abc",
        "int:view_id": "1",
    }
    for route in (*web_urls, *content_urls):
        address = re.sub(r"<([^>]+)>", lambda found: samples.get(found[1], "x"), str(route.pattern))
        if route.name not in unguarded and not address.startswith("v1/"):
            assert client.post(f"/{address}", {"name": "typed"}).status_code in (401, 405), address
    assert client.post("/admin/auth/group/add/", {"name": "typed"}).status_code == 401


def test_what_was_typed_is_saved_when_it_is_sent_again(client: Client) -> None:
    refused = client.post(STORY, {"act": "save", "version": "0", "value": TYPED})
    again = client.post("/account/resume", signing_in(read(refused)))
    assert client.post(STORY, filled(read(again))).status_code == 302
    item = open_store(Origin("user", "ada", "web")).read("S-1", "story")
    assert item is not None
    assert item.value == "\nwords typed for an hour\n<b>and</b> more"


def test_cancelling_leads_to_the_page_that_the_form_was_on(client: Client) -> None:
    for referrer, back in ((f"{HERE}/entries/h-1?axis=noop", "/entries/h-1?axis=noop"), ("https://evil.example/", "/")):
        client.logout()
        refused = client.post(links.link("h-1"), {"story_id": "S"}, headers={"referer": referrer})
        again = client.post("/account/resume", signing_in(read(refused)))
        assert read(again).addresses("Cancel") == [back]


def test_a_lockout_keeps_the_form(client: Client, settings: Any) -> None:
    settings.AXES_FAILURE_LIMIT = 1
    page = read(client.post(STORY, {"value": TYPED}))
    locked = client.post("/account/resume", signing_in(page, password="wrong"))
    assert locked.status_code == 429
    assert filled(read(locked), "unsent.") == {"value": [TYPED]}
    assert "Too many sign-ins from your network failed" in read(locked).words


def test_whoever_has_signed_in_meanwhile_need_not_sign_in_again(client: Client, ada: User) -> None:
    page = read(client.post(STORY, {"value": TYPED}))
    client.force_login(ada)
    assert filled(read(client.post("/account/resume", signing_in(page)))) == {"value": [TYPED]}


def test_a_form_of_an_older_page_is_shown_again_with_a_new_token(ada: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(ada)
    stale = {"csrfmiddlewaretoken": "a" * 64, "name": "noop", "url": "/search/"}
    refused = client.post("/account/views", stale, headers={"origin": HERE})
    assert refused.status_code == 403
    assert "This form is out of date" in read(refused).words
    assert filled(read(refused)) == {"name": ["noop"], "url": ["/search/"]}
    (token, *_) = read(refused).all("input", name="csrfmiddlewaretoken")
    fresh = stale | {"csrfmiddlewaretoken": token.attributes["value"]}
    assert client.post("/account/views", fresh).status_code == 302


def test_an_older_sign_in_asks_for_the_password_again(ada: User) -> None:
    client = Client(enforce_csrf_checks=True)
    sent_before = {"username": "ada", "password": PASSWORD, "next": "/matrix/"}
    refused = client.post("/account/sign-in", sent_before, headers={"origin": HERE})
    assert refused.status_code == 403
    assert PASSWORD.encode() not in refused.content
    (token, *_) = read(refused).all("input", name="csrfmiddlewaretoken")
    again = {**filled(read(refused)), "password": PASSWORD, "csrfmiddlewaretoken": token.attributes["value"]}
    assert client.post("/account/sign-in", again)["Location"] == "/matrix/"


@pytest.mark.parametrize("origin", ["https://evil.example", "null", ""])
@pytest.mark.parametrize("signed_in", [True, False])
def test_another_site_fills_in_no_form(origin: str, signed_in: bool, ada: User) -> None:
    client = Client(enforce_csrf_checks=True)
    if signed_in:
        client.force_login(ada)
    headers = {"origin": origin} if origin else {}
    for path, fields in (*FORMS, ("/account/resume", {"sent_to": STORY, "back": "/", "unsent.value": "evil words"})):
        refused = client.post(path, {**fields, "name": "evil words"}, headers=headers)
        assert refused.status_code == 403
        assert b"evil words" not in refused.content


@pytest.mark.parametrize(
    "address", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", ""]
)
def test_a_form_goes_only_to_this_server(address: str, client: Client) -> None:
    assert client.post("/account/resume", {"sent_to": address, "unsent.value": "x"}).status_code == 400


def test_who_may_not_write_can_still_copy_what_they_typed(client: Client) -> None:
    client.force_login(User.objects.create_user("bob"))
    refused = client.post(STORY, {"value": TYPED})
    assert refused.status_code == 403
    assert filled(read(refused)) == {"value": [TYPED]}


def test_sign_in_attempts_record_nothing_of_the_form(client: Client) -> None:
    page = read(client.post(STORY, {"value": TYPED}))
    client.post("/account/resume", signing_in(page, password="wrong"))
    (attempt,) = AccessAttempt.objects.all()
    assert "sent_to" in attempt.post_data
    assert "words" not in attempt.post_data


def test_the_page_that_signs_in_takes_what_the_editor_takes() -> None:
    resume = treatment_of("POST", "/account/resume")
    assert resume.limits == treatment_of("POST", STORY).limits
    assert resume.lane == "password"


def test_the_reader_cookie_follows_the_session(client: Client, ada: User) -> None:
    name = settings.READER_COOKIE_NAME
    client.post("/account/sign-in", {"username": "ada", "password": PASSWORD})
    first = client.cookies[name].value
    assert read(client.get("/search/")).all("meta", name="reader")[0].attributes["content"] == first
    client.post("/account/sign-out")
    assert client.cookies[name].value == ""
    assert read(client.get("/search/")).all("meta", name="reader")[0].attributes["content"] == ""
    client.force_login(User.objects.create_user("bob"))
    client.get("/search/")
    assert client.cookies[name].value not in ("", first)


def test_sign_out_on_https_clears_the_cache(client: Client, ada: User, settings: Any) -> None:
    for https, sent_header in ((False, None), (True, '"cache"')):
        settings.HTTPS = https
        client.force_login(ada)
        client.get("/search/", secure=https)
        assert client.post("/account/sign-out", secure=https).get("Clear-Site-Data") == sent_header
