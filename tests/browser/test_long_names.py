"""Names as long as they may be, in every field: no page is wider than its window, and all of a name can be read."""

from typing import TYPE_CHECKING, Any, Final

import pytest
from django.contrib.auth.models import Permission, User

from content.models import ContentLink
from content.store import open_store
from enhancelog import links, patterns
from enhancelog.accounts import api_tokens, saved_views
from enhancelog.backends import dialect
from enhancelog.domain.notes import NoteSubject
from enhancelog.domain.observed import Document, Version
from enhancelog.domain.origin import Origin
from enhancelog.domain.pattern_states import StateEdit
from enhancelog.domain.times import now_ms
from enhancelog.evidence.keys import SigningKey
from enhancelog.models import Checkpoint, Marker, Review, VerifiedAddress
from enhancelog.store import (
    audit,
    host_derivation,
    notes,
    observed,
    pattern_groups,
    pattern_states,
    sources,
    theme_derivation,
)
from enhancelog.store.database import DatabaseEnhanceLogStore
from enhancelog.store.documents import Seen
from enhancelog.store.observed import Found
from enhancelog.store.sources import Rename
from tests.alerts.making import HOOK, keep_rule
from tests.alerts.outboxes import make_alert, make_messages
from tests.browser.test_every_page import opened, pages_of, with_notes
from tests.evidence.logs import witnessed
from tests.evidence.signing import settle
from tests.factories import make_entry, make_rejected
from tests.host.observed import make_issue
from tests.prose import prose_from_the_second_denial

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

LONG: Final = 512
WIDTHS: Final = (320, 390, 1024, 1440)
LOW: Final = 200  # less to draw
BLUEPRINT, AXIS, SOURCE, ACTOR, STORY = ("B" * LONG, "A" * LONG, "S" * LONG, "T" * LONG, "C" * LONG)
APPLIED, REJECTED = "I" * LONG, "J" * LONG
DETAIL: Final = "D" * LONG
TEXT: Final = f'{{"id": "{"T" * 3000}", "agents": [{{"name": "{"G" * LONG}", "prompt": "{"V" * 3000}"}}]}}'
HASH: Final = "D" * LONG
SAMPLES: Final = {
    "axis": AXIS,
    "issue_id": REJECTED,
    "hash": HASH,
    "blueprint_id": BLUEPRINT,
    "story_id": STORY,
    "kind": "story",
    "pattern_id": patterns.pattern_id(AXIS, patterns.mask(DETAIL).template),
    "alert_id": "0" * 16,
    "marker_id": "0" * 16,
    "note_id": "0" * 16,
    "delivery_id": f"{'E' * (LONG - 2)}_1",
    "address_id": "1",
    "change_id": "1",
    "token_id": "1",
    "view_id": "1",
    "name": "0" * 16,  # of a session
    "source": SOURCE,
    "recorded": SOURCE[:-1],
}
FILTERED: Final = f"?axis={AXIS}&blueprint_id={BLUEPRINT}&source={SOURCE}"
STATES: Final = (
    *(f"/differences/?source={SOURCE}", f"/differences/{FILTERED}"),
    *("/?period=all", f"/rejections/{FILTERED}", f"/search/?text={DETAIL}", f"/search/?issue_id={APPLIED}"),
    *(
        "/matrix/?period=all",
        "/matrix/?period=all&view=together",
        "/axes/?period=all",
        f"/themes/{AXIS}?period=all",
        f"/rejections/?axis={AXIS}&theme={AXIS}:0",
        "/funnel/?period=all",
        "/steadiness/?period=all",
        "/patterns/?period=all",
        f"/patterns/{FILTERED}",
    ),
    *("/triage/reviews/", f"/triage/reviews/?axis={AXIS}", f"/triage/reviews/?axis={AXIS}&seed=1"),
    f"/triage/reviews/{REJECTED}?axis={AXIS}",
    *(f"/entries/{APPLIED}?axis={AXIS}", links.comparison(REJECTED, APPLIED), f"/entries/{'X' * LONG}"),
    *(f"/unfinished/{'U' * LONG}", f"/unfinished/?source={SOURCE}", f"/documents/?blueprint_id={BLUEPRINT}"),
    f"/audit/?actor={ACTOR}",
    *(f"/fields/?blueprint_id={BLUEPRINT}", f"/notes/?about=blueprint:{BLUEPRINT}", f"/notes/?about=entry:{REJECTED}"),
    f"/fields/?blueprint_id={BLUEPRINT}",
    f"/triage/?pattern={SAMPLES['pattern_id']}",
    *(f"/blueprints/{'X' * LONG}", f"/content/?text={STORY}", f"/rejections/?foo={AXIS}", f"/search/?text={STORY}"),
)

HANGS_OVER = """() => {
    const edge = document.documentElement.clientWidth;
    const clips = (element) =>
        element && (getComputedStyle(element).overflowX !== "visible" || clips(element.parentElement));
    const wide = [...document.querySelectorAll("main *, header *, footer *")].filter((element) => {
        const panel = element.parentElement.closest(".panel");
        const limit = Math.min(edge, panel ? panel.getBoundingClientRect().right : edge);
        return element.getBoundingClientRect().right > limit + 1 && !clips(element.parentElement.closest("body *"));
    });
    const found = wide.slice(0, 3).map((element) => `${element.tagName} ${element.className}`);
    return document.documentElement.scrollWidth > edge ? ["the page", ...found] : found;
}"""
"""What is wider than the window or its panel, and not clipped or scrolled on purpose."""


OF_TEAMS: Final = (
    *("/triage/", "/triage/reviews/", f"/triage/reviews/?axis={AXIS}", f"/triage/reviews/?axis={AXIS}&seed=1"),
    *("/alerts/", "/alerts/new", f"/alerts/{'0' * 16}", "/alerts/deliveries/", "/audit/", "/account/addresses"),
    *(f"/notes/?about=entry:{REJECTED}", f"/patterns/state/{SAMPLES['pattern_id']}", "/patterns/?period=all"),
)
SCROLLS: Final = """() => [...document.querySelectorAll(".table-scroll")]
    .filter((element) => element.scrollWidth > element.clientWidth).map((element) => element.ariaLabel)"""


@pytest.fixture
def ada(transactional_db: None, settings: Any) -> User:
    settings.PUBLIC_READ = True
    dead = [
        make_issue(number, issue_id=issue_id, blueprint_id=BLUEPRINT, intent="W" * LONG, detail="R" * LONG)
        for number, issue_id in enumerate((REJECTED, "U" * LONG))
    ]
    document = Document(hash=HASH, form="json", text=TEXT)
    version = Version(blueprint_id=BLUEPRINT, hash=HASH, number=0, made_by="hand", rationale="R" * LONG)
    found = Found(issues=dead, documents=[Seen(BLUEPRINT, document)], versions=[version])
    observed.keep(SOURCE, found)
    host_derivation.settle()
    now = now_ms()
    for source, ago in ((SOURCE, 2), (SOURCE[:-1], 1)):
        common: dict[str, Any] = {
            "blueprint_id": BLUEPRINT,
            "intent": "W" * LONG,
            "rationale": "R" * LONG,
            "prev_hash": "P" * LONG,
        }
        DatabaseEnhanceLogStore(Origin("token", ACTOR, source)).append_batch(
            [
                make_rejected(
                    AXIS, "A" * 60, detail=DETAIL, issue_id=REJECTED[ago - 1 :], ts_ms=now - 2 * ago, **common
                ),
                make_entry(issue_id=APPLIED[ago - 1 :], new_hash="N" * LONG, ts_ms=now - 2 * ago + 1, **common),
            ]
        )
    sources.rename(Rename(SOURCE[:-1], "Z" * LONG, "W" * LONG), Origin("token", ACTOR, "page"))
    pattern_groups.settle()
    host_derivation.settle()
    with prose_from_the_second_denial():
        theme_derivation.settle()
    agent = open_store(Origin("token", ACTOR, "api"))
    for kind, value in (("story", f"# {'V' * LONG}"), ("story", "# Title\n\ntext"), ("abort_respawn_count", "1")):
        agent.write(STORY, kind, value)
    open_store(Origin("token", ACTOR, "api")).write(APPLIED, "story", "V" * LONG)
    said = {"title": "M" * 200, "note": "N" * LONG, "blueprint_id": BLUEPRINT, "axis": AXIS, "source": f"token {ACTOR}"}
    Marker.objects.create(id="0" * 16, ts_ms=now_ms() - 1, **said)
    with dialect().appending():
        audit.record("alert.make", Origin("token", ACTOR, "api"), "entry", REJECTED, name=BLUEPRINT, why=DETAIL)
    review = {"axis": AXIS, "reviewer": "u" * 150, "verdict": "wrong", "reason": "R" * LONG}
    Review.objects.create(position=1, made_ms=now, seed=1_000_001, **review)
    signers = [SigningKey("O" * LONG, letter * 32) for letter in (b"k", b"n")]
    settings.EVIDENCE_KEY = "\n".join(each.secret_text for each in signers)
    settle(signers)
    signed = Checkpoint.objects.get()
    signed.note = witnessed(signed.note.encode()).decode()
    signed.save()
    user = User.objects.create_user("u" * 150, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="see_status"))
    edit = StateEdit(state="acknowledged", cause="infrastructure", assignee="u" * 150, note="N" * 4_000)
    pattern_states.change(SAMPLES["pattern_id"], edit, Origin("token", ACTOR, "api"))
    with_notes(user, NoteSubject("entry", REJECTED), "V" * LONG + f" @{'u' * 150}", "token", "t" * 80)
    notes.add(NoteSubject("blueprint", BLUEPRINT), "V" * LONG, user, Origin("user", "u" * 150, "page"))
    long_view = saved_views.make(user, "z" * 80, f"/rejections/?blueprint_id={BLUEPRINT}")
    keep_rule(user, name="n" * 80, has_view=True, view=long_view, address=f"{HOOK}/{'h' * LONG}")
    keep_rule(user, "1" * 16, off_ms=now_ms(), off_why="e" * LONG)
    make_messages(make_alert("https://hooks.example.org/", owner=user, name="L" * 80), "E" * (LONG - 2))
    VerifiedAddress.objects.create(user=user, address=f"{'a' * 200}@example.org", verified_ms=now_ms())
    wanted = api_tokens.Wanted("t" * 80, api_tokens.SCOPES, write_blueprints=(BLUEPRINT,))
    api_tokens.make(wanted, user, "ada")
    saved_views.make_key(saved_views.make(user, "v" * 80, f"/rejections/?axis={AXIS}"))
    other = User.objects.create_user("w" * 150)
    saved_views.make(other, "o" * 80, f"/search/?blueprint_id={BLUEPRINT}", shared=True)
    return user


def test_no_name_is_wider_than_its_page(browser: "Browser", live_server: Any, ada: User) -> None:
    inside, outside = pages_of(ada, SAMPLES)
    found: list[str] = []
    for user, paths in ((ada, [*inside, *STATES]), (None, outside)):
        context = opened(browser, live_server.url, user)
        page = context.new_page()
        for path in paths:
            page.goto(path)
            page.evaluate("for (const each of document.querySelectorAll('details:not(.menu)')) each.open = true")
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": LOW})
                if wrong := page.evaluate(HANGS_OVER):
                    found.append(f"{path[:50]} at {width} px: {wrong}")
        context.close()
    assert found == []


def test_what_a_team_works_with_needs_no_scrolling_sideways_on_phones(
    browser: "Browser", live_server: Any, ada: User
) -> None:
    context = opened(browser, live_server.url, ada)
    page = context.new_page()
    found: list[str] = []
    for path in OF_TEAMS:
        page.goto(path)
        for width in (320, 390, 768):
            page.set_viewport_size({"width": width, "height": LOW})
            found += [f"{path[:50]} at {width} px: {wide}" for wide in page.evaluate(SCROLLS)]
            found += [f"{path[:50]} at {width} px: {wide}" for wide in page.evaluate(HANGS_OVER)]
    context.close()
    assert found == []


ADMIN: Final = (
    *("/admin/enhancelog/entry/", "/admin/enhancelog/entry/1/change/", "/admin/enhancelog/token/"),
    *("/admin/enhancelog/savedview/", "/admin/content/contentitem/", "/admin/content/contentrevision/"),
    "/admin/content/contentlink/",
)


def test_no_name_is_wider_than_its_page_in_the_admin(browser: "Browser", live_server: Any, ada: User) -> None:
    ContentLink.objects.create(issue_id=APPLIED, story_id=STORY, linked_by="u" * 150, linked_ms=now_ms())
    odd = make_rejected(issue_id=f"\u202e{'J' * 300}", blueprint_id=f"\u200b{'B' * 300}", ts_ms=now_ms() + 99)
    DatabaseEnhanceLogStore(Origin("token", ACTOR, SOURCE)).append(odd)
    boss = User.objects.create_superuser("boss")
    context = opened(browser, live_server.url, boss)
    page = context.new_page()
    found: list[str] = []
    for path in ADMIN:
        page.goto(path)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": LOW})
            if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
                found.append(f"{path} at {width} px")
    assert found == []
    page.goto(ADMIN[0])
    page.keyboard.press("Shift")
    link = page.locator("#result_list th a").first
    name = link.locator("bdi")
    assert not is_whole(name)
    link.focus()
    assert is_whole(name)
    assert name.inner_text() == odd.issue_id
    context.close()


def is_whole(name: "Locator") -> bool:
    """Whether nothing of it is cut off."""
    cut_off = "box => box.scrollWidth > box.clientWidth + 1 || box.scrollHeight > box.clientHeight + 1"
    return not name.evaluate(cut_off)


@pytest.mark.parametrize(
    ("path", "name", "links_of_rows"),
    [
        ("/?period=all", BLUEPRINT, ".rates [data-row] a"),
        ("/?period=all", AXIS, ".days a"),
        ("/matrix/?period=all", BLUEPRINT, ".matrix [data-row] a"),
        ("/matrix/?period=all", AXIS, ".matrix thead th:nth-child(3) a"),
        ("/blueprints/", BLUEPRINT, ".all-blueprints [data-row] a"),
        ("/rejections/", BLUEPRINT, ".reasons td:nth-child(2) a"),
        ("/content/", STORY, ".stories [data-row] a"),
        (f"/blueprints/{BLUEPRINT}", "W" * 239 + "…", ".rail [data-row] a"),
    ],
)
def test_a_name_that_is_cut_off_is_whole_on_hover_and_focus_and_moves_nothing(
    page: "Page", live_server: Any, ada: User, path: str, name: str, links_of_rows: str
) -> None:
    page.goto(path)
    page.keyboard.press("Shift")  # what is focused from now on is focused by the keyboard
    link = page.locator(links_of_rows).filter(has_text=name).first
    shown = link.locator("bdi")
    end_of_page = "document.querySelector('footer').getBoundingClientRect().top + scrollY"
    place = page.evaluate(end_of_page)
    assert not is_whole(shown)
    link.focus()
    assert is_whole(shown)
    assert page.evaluate(end_of_page) == place
    page.keyboard.press("Escape")
    assert not is_whole(shown)
    assert link.evaluate("link => link === document.activeElement")
    link.blur()
    assert not is_whole(shown)
    link.hover(position={"x": 4, "y": 4})
    assert is_whole(shown)
    assert page.evaluate(end_of_page) == place
    page.keyboard.press("Escape")
    assert not is_whole(shown)
    page.mouse.move(0, 0)
    link.hover(position={"x": 4, "y": 4})
    assert is_whole(shown)
