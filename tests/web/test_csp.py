"""Every page obeys the strict policy it is sent with: no inline style or script, and no text of an entry is markup."""

import json
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponseBase
from django.test import Client

from enhancelog import patterns
from enhancelog.backends import dialect
from enhancelog.domain.origin import Origin
from enhancelog.domain.pattern_states import StateEdit
from enhancelog.domain.records import Entry
from enhancelog.evidence.keys import SigningKey
from enhancelog.models import Marker, Note, Review
from enhancelog.store import audit, host_derivation, observed, pattern_states
from enhancelog.store.database import DatabaseEnhanceLogStore
from enhancelog.store.observed import Found
from tests.alerts.making import keep_rule
from tests.evidence.signing import settle
from tests.factories import make_entry, make_rejected
from tests.host.observed import make_issue
from tests.pages import Page, read
from tests.strategies import NOW_MS

pytestmark = [pytest.mark.django_db, pytest.mark.once]

HOSTILE = (
    """"'><xss-tag onmouseover=alert(1) style=x>&lt;b&gt;</script></style></title>--><a href=javascript:alert(1)>"""
)
PATTERN = patterns.pattern_id(HOSTILE, patterns.mask(HOSTILE).template)
ODD_ID = "ops/デプロイ-3 % ?#" + HOSTILE
EXTREMES = (0, -1, -(2**63), 2**63 - 1)

PAGES = (
    "/",
    "/?period=24h",
    "/?period=90d",
    "/?period=all",
    "/matrix/?period=all",
    "/matrix/?period=all&view=together",
    "/matrix/?period=all&view=next",
    f"/matrix/?period=all&view=what-if&without={quote(HOSTILE)}",
    "/axes/?period=all",
    "/funnel/?period=all",
    "/steadiness/?period=all&kind=judged",
    "/triage/",
    "/triage/?skip=1",
    "/markers/",
    f"/markers/{'0' * 16}",
    f"/markers/?axis={quote(HOSTILE)}",
    f"/notes/?about={quote(f'entry:{ODD_ID}', safe='')}",
    f"/notes/{'0' * 16}",
    f"/notes/?about={quote(HOSTILE, safe='')}",
    f"/axes/{quote(HOSTILE, safe='')}?period=all",
    f"/themes/{quote(HOSTILE, safe='')}?period=all",
    f"/rejections/?theme={quote(HOSTILE)}:0",
    "/triage/reviews/",
    f"/triage/reviews/?axis={quote(HOSTILE)}",
    f"/triage/reviews/?axis={quote(HOSTILE)}&seed=1",
    f"/triage/reviews/{quote(ODD_ID, safe='')}?axis={quote(HOSTILE)}",
    "/differences/?status=rejected",
    f"/differences/?status=rejected&axis={quote(HOSTILE)}&against=text%3D{quote(quote(HOSTILE))}",
    "/blueprints/",
    "/blueprints/?sort=change",
    "/palette/",
    "/palette/?find=ops",
    "/blueprints/?blueprint_id=",
    f"/blueprints/{quote(ODD_ID, safe='')}",
    f"/entries/{quote(ODD_ID, safe='')}",
    "/entries/ts%200",
    "/rejections/",
    "/documents/",
    "/fields/",
    f"/documents/?blueprint_id={quote(ODD_ID)}",
    f"/fields/?blueprint_id={quote(ODD_ID)}",
    f"/documents/{quote(ODD_ID, safe='')}",
    "/sources/",
    "/evidence/",
    "/unfinished/",
    f"/unfinished/?source={quote(HOSTILE)}",
    f"/unfinished/{quote(ODD_ID, safe='')}",
    "/search/",
    f"/search/?text={quote(HOSTILE)}",
    "/account/sign-in",
    f"/nothing/{quote(HOSTILE)}",
    "/?period=%3Cxss-tag%3E",
)
STAFF_PAGES = (
    "/patterns/?period=all",
    f"/patterns/{PATTERN}",
    f"/patterns/state/{PATTERN}",
    f"/entries/{quote(ODD_ID, safe='')}",
    f"/triage/reviews/?axis={quote(HOSTILE)}&seed=1",
    f"/triage/reviews/{quote(ODD_ID, safe='')}?axis={quote(HOSTILE)}",
    f"/redactions/entries/{quote(ODD_ID, safe='')}",
    "/triage/",
    f"/markers/{'0' * 16}",
    f"/markers/edit/{'0' * 16}",
    "/sources/",
    f"/sources/rename/{quote(HOSTILE, safe='')}",
    "/account/password",
    "/audit/",
    f"/audit/?actor={quote(HOSTILE)}",
    "/alerts/",
    "/alerts/new?event=rate.high",
    f"/alerts/{'0' * 16}",
    "/account/addresses",
    "/account/mentions",
    "/account/oidc/done",
    "/account/sessions",
    "/alerts/deliveries/",
    f"/alerts/deliveries/?alert={quote(HOSTILE)}",
    "/admin/",
    "/admin/status/",
    "/admin/enhancelog/entry/",
    f"/admin/enhancelog/entry/?q={quote(HOSTILE)}",
    "/admin/enhancelog/entry/1/change/",
    "/admin/enhancelog/entry/2/change/",
    "/admin/auth/user/",
    "/admin/auth/user/add/",
)


@pytest.fixture(autouse=True)
def log(db: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hostile text in every field that takes text, and times at the ends of what is allowed."""
    settings.PUBLIC_READ = True
    monkeypatch.setattr("enhancelog.store.writing.now_ms", lambda: NOW_MS)
    monkeypatch.setattr("enhancelog.web.periods.now_ms", lambda: NOW_MS)
    hostile: dict[str, Any] = {
        "blueprint_id": ODD_ID,
        "prev_hash": HOSTILE,
        "intent": HOSTILE,
        "rationale": HOSTILE,
        "ops": [{"op": "add", "path": "/" + HOSTILE, "value": HOSTILE}],
    }
    entries: list[Entry] = [
        make_rejected(HOSTILE, issue_id=ODD_ID, detail=HOSTILE, ts_ms=NOW_MS, **hostile),
        make_rejected(HOSTILE, issue_id="none", reasons=[HOSTILE], new_hash=HOSTILE, ts_ms=NOW_MS - 1, **hostile),
        make_entry(issue_id="empty id", blueprint_id="", ts_ms=NOW_MS),
        *(make_rejected(issue_id=f"ts {ts_ms}", ts_ms=ts_ms) for ts_ms in EXTREMES),
    ]
    DatabaseEnhanceLogStore(Origin("command", HOSTILE, "api")).append_batch(entries[1:])
    dead = make_issue(1, issue_id=ODD_ID, blueprint_id=ODD_ID, intent=HOSTILE, detail=f"dispatch failed: {HOSTILE}")
    observed.keep(HOSTILE, Found(issues=[dead]))
    host_derivation.settle()
    said = {"title": HOSTILE, "note": HOSTILE, "blueprint_id": ODD_ID, "axis": HOSTILE, "source": HOSTILE}
    Marker.objects.create(id="0" * 16, ts_ms=NOW_MS - 1, **said)
    with dialect().appending():
        audit.record("view.make", Origin("user", HOSTILE, "page"), "view", HOSTILE, name=HOSTILE, owner=[HOSTILE])
    author = User.objects.create_user("writer", is_staff=True)
    said = {"about": "entry", "about_id": ODD_ID, "text": f"{HOSTILE} @{HOSTILE} @writer", "actor_name": HOSTILE}
    Note.objects.create(
        id="0" * 16,
        user=author,
        actor_kind="token",
        made_ms=1,
        version=1,
        mentions=f'["writer", {json.dumps(HOSTILE)}]',
        **said,
    )
    DatabaseEnhanceLogStore(Origin("command", HOSTILE, "api")).append_batch(entries[:1])
    edit = StateEdit(state="fixed", note=HOSTILE)
    pattern_states.change(PATTERN, edit, Origin("token", HOSTILE, "api"))
    review = {"axis": HOSTILE, "reviewer": HOSTILE, "verdict": "wrong", "reason": HOSTILE, "made_ms": NOW_MS}
    Review.objects.create(position=len(entries), **review)
    key = SigningKey(HOSTILE.replace(" ", "/"), b"k" * 32)
    settings.EVIDENCE_KEY = key.secret_text
    settle([key])


def obeys(response: HttpResponseBase) -> Page:
    """The page, after checking it and its headers."""
    policy = response["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "base-uri 'none'" in policy
    assert "unsafe" not in policy
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Referrer-Policy"] == "same-origin"
    assert response["X-Frame-Options"] == "DENY"
    page = read(response)
    for element in page.elements:
        assert element.tag not in ("xss-tag", "style", "iframe", "object", "embed"), element
        assert element.tag != "script" or element.attributes.get("src") or element.attributes.get("type"), element
        assert not [name for name in element.attributes if name == "style" or name.startswith("on")], element
        for name in ("href", "src", "action"):
            assert not element.attributes.get(name, "").strip().lower().startswith("javascript:"), element
    return page


@pytest.mark.parametrize("path", PAGES)
def test_pages_obey_the_policy_and_show_text_as_text(client: Client, path: str) -> None:
    response = client.get(path)
    assert response.status_code in (200, 400, 404)
    page = obeys(response)
    assert page.all("html")[0].attributes["lang"] == "en"
    assert len(page.all("h1")) == 1


@pytest.mark.parametrize("path", STAFF_PAGES)
def test_staff_pages_obey_the_policy_too(client: Client, path: str) -> None:
    boss = User.objects.create_superuser("boss")
    keep_rule(boss, name=HOSTILE)
    client.force_login(boss)
    response = client.get(path)
    assert response.status_code == 200
    obeys(response)


@pytest.mark.parametrize("path", PAGES[:5])
def test_pages_are_the_readers_own_and_asked_for_again(client: Client, path: str) -> None:
    response = client.get(path)
    assert response["Cache-Control"] == "private, no-cache"
    assert {"Cookie", "HX-Request"} <= {part.strip() for part in response["Vary"].split(",")}


@pytest.mark.parametrize(
    "path", ["/", "/nothing", "/v1/enhance/log", "/v1/nothing", "/health/live", "/robots.txt", "/static/css/app.css"]
)
def test_every_answer_says_what_browsers_may_do_with_it(client: Client, path: str) -> None:
    response = client.get(path)
    assert "base-uri 'none'" in response["Content-Security-Policy"]
    assert "camera=()" in response["Permissions-Policy"]
    assert response["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Access-Control-Allow-Origin" not in response


def test_failures_and_redirects_say_so_too(client: Client, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    client.raise_request_exception = False
    monkeypatch.setattr("enhancelog.web.list_requests.read", lambda *_: 1 / 0)
    failed, host = client.get("/search/"), client.get("/", headers={"host": "evil.example"})
    settings.SECURE_SSL_REDIRECT = True
    redirected = Client().get("/")
    assert [each.status_code for each in (failed, host, redirected)] == [500, 400, 301]
    for response in (failed, host, redirected):
        assert response["Cross-Origin-Resource-Policy"] == "same-origin"
        assert response["Permissions-Policy"]
        assert response["Content-Security-Policy"]
