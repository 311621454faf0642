"""Every page there is, found by its route, in both colours, wide and narrow, and without JavaScript.

A new route is visited as soon as it exists; one with a new parameter fails here until it has a sample.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final
from unittest import mock
from urllib.parse import quote

import pytest
from axe_playwright_python.sync_playwright import Axe
from blake3 import blake3
from django.conf import settings as django_settings
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import URLPattern

from content.store import open_store
from content.urls import urlpatterns as content_urls
from enhancelog import patterns
from enhancelog.accounts import api_tokens, saved_views
from enhancelog.domain.notes import NoteSubject
from enhancelog.domain.observed import Document, Version
from enhancelog.domain.origin import Origin
from enhancelog.domain.pattern_states import StateEdit
from enhancelog.domain.times import DAY_MS, now_ms
from enhancelog.models import Marker, Review, VerifiedAddress
from enhancelog.store import host_derivation, notes, observed, pattern_states, sources
from enhancelog.store.documents import Seen
from enhancelog.store.observed import Found
from enhancelog.store.sources import Rename
from enhancelog.web.urls import urlpatterns as web_urls
from tests.alerts.making import keep_rule
from tests.alerts.outboxes import make_alert, make_messages
from tests.browser.console import heard
from tests.conftest import TIMEOUT_MS
from tests.evidence.signing import KEY, settle
from tests.factories import make_entry, make_rejected
from tests.host.observed import make_issue
from tests.prose import prose_from_the_second_denial
from tests.recording import record, record_all

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

YAML: Final = "id: main\nnote: " + "one long word" * 40
LATER: Final = "id: main\nnote: another\n"

SAMPLES: Final = {
    "issue_id": "no-10",
    "hash": blake3(YAML.encode()).hexdigest(),
    "blueprint_id": "main",
    "story_id": "STORY-214",
    "kind": "story",
    "axis": "noop",
    "pattern_id": patterns.pattern_id("noop", patterns.mask("patch is no-op").template),
    "alert_id": "0" * 16,
    "marker_id": "0" * 16,
    "note_id": "0" * 16,
    "delivery_id": "evt_1",
    "address_id": "1",
    "change_id": "1",
    "token_id": "1",
    "view_id": "1",
    "name": "0" * 16,  # of a session
    "source": "host",
    "recorded": "hots",  # shown as ``source``
}
STATES: Final = (
    *("/?period=24h", "/?period=all", "/?period=1y", "/nothing"),
    *("/palette/?find=a", "/palette/?find=nothing+like+it", "/blueprints/?sort=change", "/blueprints/?text=nobody"),
    *("/matrix/?period=all", "/matrix/?period=all&view=together", "/matrix/?period=all&view=next"),
    *("/matrix/?period=all&view=what-if&without=noop", "/axes/?period=all", "/axes/noop?period=all"),
    *("/?period=all&expected=shown", "/patterns/?period=all&expected=shown", "/patterns/?period=all&state=expected"),
    "/patterns/?period=all&state=conflict",
    *("/themes/noop?period=all", "/themes/des", "/rejections/?theme=noop:0", "/rejections/?theme=noop:9"),
    "/funnel/?period=all",
    *("/steadiness/?period=all", "/steadiness/?period=all&axis=noop&kind=judged"),
    *("/triage/reviews/?axis=noop", "/triage/reviews/?axis=noop&review=wrong&sample=drawn"),
    *("/triage/reviews/?axis=noop&seed=1", "/triage/reviews/?axis=nobody&seed=1", "/triage/reviews/no-10?axis=noop"),
    *("/triage/?skip=1", f"/triage/?pattern={SAMPLES['pattern_id']}", "/triage/?skip=99"),
    "/alerts/new?event=digest",
    *("/alerts/deliveries/?state=dead", "/alerts/deliveries/?folded_into=evt_1", "/alerts/deliveries/?alert=nobody"),
    "/sources/rename/nobody",
    *("/markers/?kind=wording", "/markers/?hidden=true", "/markers/new?axis=noop"),
    *("/notes/?about=entry%3Ano-10", "/notes/?about=blueprint%3A", "/notes/?about=entry%3Anobody"),
    *("/differences/?status=rejected", "/differences/?status=rejected&against=status%3Dapplied%26text%3Da"),
    *("/differences/?status=rejected&blueprint_id=nobody", "/differences/?status=odd"),
    *("/blueprints/main?axis=noop&status=rejected&order=asc", "/blueprints/nobody", "/blueprints/?blueprint_id="),
    *("/documents/?blueprint_id=main", "/documents/?blueprint_id=", "/documents/nobody"),
    *("/fields/?blueprint_id=main", "/fields/?blueprint_id="),
    f"/documents/{SAMPLES['hash']}?compare={blake3(LATER.encode()).hexdigest()}",
    *("/unfinished/?cause=pointer", "/unfinished/?status=pending", "/unfinished/h-dead", "/unfinished/nobody"),
    *("/rejections/?axis=noop", "/search/?page_size=5", "/search/?text=nothing+like+it", "/search/?since=tomorrow"),
    *(
        "/entries/no-10?axis=noop",
        "/entries/no-10?compare=no-20",
        "/entries/nobody",
        "/content/?text=zebra",
        "/content/new?story_id=a:b",
        "/content/edit/story/STORY-214?remove",
        "/account/views?url=/search/",
        "/account/mentions?before=1",
        *("/audit/?act=token.make&page_size=1", "/audit/?actor=nobody", "/audit/?act=odd"),
    ),
)
"""Pages in other states than their routes alone show."""

OPERATION: Final = {"op": "replace", "path": "/agents/0/prompt", "value": "Be brief."}

VIOLATIONS: Final[dict[str, Any]] = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}
OF_COLORS_AND_SIZES: Final = VIOLATIONS | {
    "runOnly": ["color-contrast", "link-in-text-block", "target-size", "scrollable-region-focusable"]
}
# The notes without their subject, the callback without a provider.
NO_PAGES: Final = {"/robots.txt", "/favicon.ico", "/palette/completions", "/notes/", "/account/oidc/callback"}


@pytest.fixture
def ada(transactional_db: None, settings: Any) -> User:
    """Staff, with something of everything in the log, in content and of their own."""
    settings.PUBLIC_READ = True
    dead = make_issue(2, issue_id="h-dead", intent="a long intent " * 30, detail=f"dispatch failed: {'gone' * 500}")
    documents = [Document(hash=blake3(text.encode()).hexdigest(), form="yaml", text=text) for text in (YAML, LATER)]
    versions = [
        Version(blueprint_id="main", hash=each.hash, number=number, made_by="hand", rationale="a long reason " * 20)
        for number, each in enumerate(documents)
    ]
    observed.keep(
        "host",
        Found(
            issues=[make_issue(1, issue_id="no-10"), dead],
            documents=[Seen("main", each) for each in documents],
            versions=versions,
        ),
    )
    host_derivation.settle()
    ago = [now_ms() - n * DAY_MS // 3 - 1 for n in range(21)]
    ids = ("main", "", "a Blueprint with a long name " * 6)
    with prose_from_the_second_denial():
        record_all(
            make_rejected(
                "noop", f"axis-{n % 7}", issue_id=f"no-{n}", blueprint_id="main", ts_ms=ts_ms, ops=[OPERATION]
            )
            if n % 10 == 0
            else make_entry(issue_id=f"h-{n}", blueprint_id=ids[n % 3], ts_ms=ts_ms, prev_hash=f"{n:064x}")
            for n, ts_ms in enumerate(ago)
        )
    record(make_entry(issue_id="h-mistyped", ts_ms=ago[0]), source="hots")
    sources.rename(Rename("hots", "host", "mistyped", merges=True), Origin("user", "ada", "page"))
    host_derivation.settle()
    agent = open_store(Origin("token", "agent-7", "api"))
    for kind, value in (("story", "# One"), ("story", "# Title\n\ntext"), ("abort_respawn_count", "1")):
        agent.write("STORY-214", kind, value)
    agent.write("STORY-214", "merge_success", "")
    edit = StateEdit(state="expected", cause="verifier", assignee=None, note="by design", most_a_day=50)
    pattern_states.change(SAMPLES["pattern_id"], edit, Origin("user", "ada", "page"))
    Marker.objects.create(id="0" * 16, ts_ms=now_ms() - 1, title="prompt v12", note="one\ntwo", source="user ada")
    said = {"axis": "noop", "reviewer": "ada", "verdict": "wrong", "reason": "it changes\na line " * 20}
    Review.objects.create(position=1, made_ms=now_ms() - 1, seed=1_000_001, **said)
    settings.EVIDENCE_KEY = KEY.secret_text
    settle()
    user = User.objects.create_user("ada", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="see_status"))
    with_notes(user, NoteSubject("entry", "no-10"), "A **note** to @ada", "user", "ada")
    with_mentions(user, NoteSubject("entry", "no-10"))
    keep_rule(user)
    keep_rule(user, "1" * 16, event="digest", options="{}", off_ms=now_ms(), off_why="switched off by ada")
    make_messages(make_alert("https://hooks.example.org/", owner=user))
    VerifiedAddress.objects.create(user=user, address="ada@example.org", verified_ms=now_ms())
    api_tokens.make(api_tokens.Wanted("ci", api_tokens.SCOPES), user, "ada")
    for name, shared in (("Noop", True), ("A view with a long name " * 3, False)):
        saved_views.make_key(saved_views.make(user, name.strip(), "/rejections/?axis=noop", shared=shared))
    saved_views.make(User.objects.create_user("bob"), "Of bob", "/search/", shared=True)
    return user


def with_notes(user: User, subject: NoteSubject, text: str, kind: str, name: str) -> None:
    """One that was edited, with the id of ``SAMPLES``, and one that was withdrawn."""
    origin = Origin(kind, name, "page")
    with mock.patch("secrets.token_hex", return_value="0" * 16):
        notes.add(subject, "before", user, origin)
    notes.edit("0" * 16, text, origin)
    notes.withdraw(notes.add(subject, "gone", user, origin), origin)


def with_mentions(user: User, subject: NoteSubject) -> None:
    """By somebody else; the note of the first was withdrawn."""
    origin = Origin("token", "ci", "api")
    said = [notes.add(subject, f"@{user.get_username()} look {number}", user, origin) for number in range(2)]
    notes.withdraw(said[0], origin)


def routes(samples: Mapping[str, str]) -> Iterator[str]:
    for pattern in (*web_urls, *content_urls):
        assert isinstance(pattern, URLPattern)
        parts = str(pattern.pattern).split("/")
        if parts[0] != "v1":
            yield "/" + "/".join(
                quote(samples[part[1:-1].split(":")[-1]], safe="") if "<" in part else part for part in parts
            )


def pages_of(user: User, samples: Mapping[str, str] = SAMPLES) -> tuple[list[str], list[str]]:
    """The pages that open when signed in, and those that only open when not. Routes of forms alone open never."""
    signed_in, anonymous = Client(), Client()
    signed_in.force_login(user)
    inside, outside = [], []
    for path in routes(samples):
        response = signed_in.get(path)
        status = response.status_code
        if "Content-Disposition" in response:  # a file
            continue
        if status == 200 and path not in NO_PAGES:
            inside.append(path)
        elif status == 302 and path not in NO_PAGES:
            assert anonymous.get(path).status_code == 200, path
            outside.append(path)
        else:
            assert status == 405 or path in NO_PAGES, (path, status)
    return inside, outside


def opened(browser: "Browser", url: str, user: User | None, **options: Any) -> "BrowserContext":
    """A window, signed in as this user or nobody."""
    context = browser.new_context(base_url=url, **options)
    context.set_default_timeout(TIMEOUT_MS)
    if user is not None:
        client = Client()
        client.force_login(user)
        name = django_settings.SESSION_COOKIE_NAME
        context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": url}])
    return context


def faults(page: "Page", path: str, said: list[str], rules: dict[str, Any] = VIOLATIONS) -> list[str]:
    """What is wrong with a page: for the eye, for assistive technology, or in the browser's own words (``said``)."""
    said.clear()
    answer = page.goto(path)
    assert answer is not None
    found = [
        f"{one['id']}: {[node['target'] for node in one['nodes']]}"
        for one in Axe().run(page, options=rules).response["violations"]
    ]
    if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
        found.append("hangs over the edge")
    # Whoever asks for a page that is not there is told so by the browser too.
    told = f"Failed to load resource: the server responded with a status of {answer.status}"
    return found + [each for each in said if answer.ok or not each.startswith(told)]


@pytest.mark.timeout(900)  # a second or two for each page, on a machine that does nothing else
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_every_page_is_accessible_silent_and_within_its_window(
    browser: "Browser", live_server: Any, ada: User, scheme: Any, width: int, with_heavy: bool
) -> None:
    inside, outside = pages_of(ada)
    assert len(inside) > 10
    rules = VIOLATIONS if scheme == "light" else OF_COLORS_AND_SIZES  # the others find the same again
    states = STATES if with_heavy or scheme == "light" else ()
    window = {"color_scheme": scheme, "viewport": {"width": width, "height": 900}}
    found: dict[str, list[str]] = {}
    for user, paths in ((ada, [*inside, *states]), (None, [*outside, "/", "/rejections/"])):
        context = opened(browser, live_server.url, user, **window)
        page = context.new_page()
        said = heard(page)
        found |= {path: wrong for path in paths if (wrong := faults(page, path, said, rules))}
        context.close()
    assert found == {}


def test_every_page_is_whole_without_javascript(browser: "Browser", live_server: Any, ada: User) -> None:
    inside, outside = pages_of(ada)
    for user, paths in ((ada, inside), (None, outside)):
        context = opened(browser, live_server.url, user, java_script_enabled=False)
        page = context.new_page()
        for path in paths:
            page.goto(path)
            assert page.locator("main h1").first.is_visible(), path
            assert page.locator("[hx-get]:not(a[href], form[action], :has(a[href]))").count() == 0, path
            assert page.locator(":is([hx-post], [hx-put], [hx-delete]):not(form[action], form[action] *)").count() == 0
            for needs_script in ("[data-live]", "[data-keys]", "[data-new-entries]"):
                assert not any(each.is_visible() for each in page.locator(needs_script).all()), (path, needs_script)
        context.close()


def test_the_page_of_no_tokens_fits_a_narrow_window(browser: "Browser", live_server: Any) -> None:
    staff = User.objects.create_user("bob", is_staff=True)
    context = opened(browser, live_server.url, staff, viewport={"width": 320, "height": 900})
    page = context.new_page()
    page.goto("/account/tokens")
    assert page.locator(".empty pre").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    context.close()
