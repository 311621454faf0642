"""Every page that links lead to, with hostile text wherever somebody may write: none fails, no text becomes markup."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote, urldefrag, urljoin, urlsplit
from xml.etree import ElementTree

import pytest
from blake3 import blake3
from django.contrib.auth.models import User
from django.test import Client
from msgspec import Raw

from content import linked
from content.kinds import KINDS
from content.store import open_store
from enhancelog import links
from enhancelog.accounts import api_tokens, saved_views
from enhancelog.domain.errors import Invalid
from enhancelog.domain.notes import NoteSubject
from enhancelog.domain.observed import Document, Version
from enhancelog.domain.origin import Origin
from enhancelog.domain.times import DAY_MS, now_ms
from enhancelog.evidence.keys import SigningKey
from enhancelog.models import Template, VerifiedAddress
from enhancelog.store import host_derivation, notes, observed
from enhancelog.store.documents import Seen
from enhancelog.store.observed import Found
from tests.alerts.making import keep_rule
from tests.alerts.outboxes import make_alert, make_messages
from tests.conftest import DATABASE
from tests.evidence.signing import settle
from tests.factories import make_entry, make_rejected
from tests.host.observed import make_issue, make_patch
from tests.pages import read
from tests.prose import prose_from_the_second_denial
from tests.recording import record

pytestmark = pytest.mark.django_db

MARKUP: Final = "\"'><xss-tag xss-a=1 onload=x>{{7919*7919}}{% x %}</title></script>"
ODD: Final = f"javascript:alert(1)//{MARKUP}"
TEXT: Final = f"{MARKUP}\n[a](javascript:alert(1)) `b` <b xss-a=1>\u2028\u202e\x01\x1b]]>&amp;"
DEAD: Final = f"{ODD} died"
SPAWNER: Final = "dispatcher error for ref 'patch-spawner': blocked: "
SIGNER: Final = SigningKey(ODD.replace(" ", "/"), b"k" * 32)
LONG: Final = ODD + "é" * ((512 - len(ODD)) // 2)
NAME: Final = MARKUP[:80]
STARTS: Final = (
    "/",
    "/rejections/",
    "/blueprints/",
    "/patterns/",
    "/triage/",
    "/matrix/",
    "/axes/",
    "/funnel/",
    "/steadiness/",
    "/markers/",
    "/triage/reviews/",
    "/differences/?status=rejected",
    "/search/",
    "/content/",
    "/unfinished/",
    "/sources/",
    "/evidence/",
)
OWN: Final = (
    "/account/sign-in",
    "/account/password",
    "/account/tokens",
    "/account/views",
    "/account/addresses",
    "/account/mentions",
    "/account/sessions",
    "/alerts/",
    "/alerts/new",
    "/alerts/deliveries/",
)
MOST: Final = 300  # pages of each reader
ALIKE: Final = 8  # pages that differ in an id or the query
SAFE_ADDRESS: Final = re.compile(r"/(?![/\\])|\?|#|\Z")
HTMX: Final = {"HX-Request": "true"}
OTHERS: Final = ("post", "put", "options")
# Staff see all that the others see.
ROLES: Final = (
    pytest.param("nobody", marks=pytest.mark.once),
    pytest.param("reader", marks=[pytest.mark.once, pytest.mark.heavy]),
    "staff",
)


def document(text: str) -> Document:
    return Document(hash=blake3(text.encode()).hexdigest(), form="yaml", text=text)


# JSON is YAML, and there an escape hides what no text may contain.
def written(prompt: str) -> Document:
    agent = {"name": ODD, "profile": {"system_prompt": prompt, TEXT: prompt}}
    steps = [{"ref": TEXT, "next": prompt}, {"ref": "\0\u202e", "next": [prompt]}]
    return document(json.dumps({"agents": [agent], "flow": steps, TEXT: {TEXT: prompt}, prompt: "=1+1"}))


BEFORE: Final = written(f"{TEXT} before\0\u2067")
AFTER: Final = written(f"{TEXT} after\0\u2067")
OPS: Final = [
    {"op": "replace", "path": "/agents/0/profile/system_prompt", "value": TEXT},
    {"op": "move", "from": f"/{ODD}", "path": f"/{TEXT}"},
    {"op": "add", "path": f"/agents/0/profile/{TEXT}", "value": {TEXT: [TEXT]}},
]


def record_entries(fields: dict[str, Any], now: int) -> None:
    record(
        make_rejected(ODD, "noop", issue_id=ODD, blueprint_id=ODD, detail=TEXT, ts_ms=now - 4, **fields),
        make_rejected(ODD, issue_id=LONG, blueprint_id=ODD, detail="another wording", ts_ms=now - 3, **fields),
        make_entry(issue_id="h-1", blueprint_id=ODD, new_hash=TEXT, ts_ms=now - 2, **fields),
        make_rejected(LONG, issue_id="h-2", blueprint_id=LONG, reasons=[TEXT], ts_ms=-1),
        make_entry(issue_id="h-3", blueprint_id="", intent="", ts_ms=now - 1),
    )
    record(make_entry(issue_id="h-4", blueprint_id=ODD, ts_ms=now), source=NAME)
    fields |= {"blueprint_id": ODD, "ops": OPS, "prev_hash": BEFORE.hash, "candidate_hash": AFTER.hash}
    fields["meta"] = {"model": TEXT, "cost": 1}
    record(
        make_rejected(ODD, issue_id="tried", detail=f"{ODD} names /agents/0/profile", ts_ms=now - 5, **fields),
        make_entry(issue_id="changed", new_hash=AFTER.hash, ts_ms=now - 6, **fields),
    )


def hostile() -> None:
    now = now_ms()
    fields: dict[str, Any] = {
        "intent": TEXT,
        "rationale": TEXT,
        "ops": [{"op": "add", "path": f"/{TEXT}", "value": TEXT}],
    }
    with prose_from_the_second_denial():
        record_entries(fields, now)
    keep_host(NAME, ["h-8", "h-9"], MARKUP)
    keep_host(MARKUP, [DEAD], ODD)
    for story_id in (MARKUP.replace(":", ""), "h-1"):
        for kind in KINDS:
            for value in (TEXT, f"{TEXT}\nmore", '{"a": "' + "<xss-tag>" + '"}', "1"):
                try:
                    open_store(Origin("token", NAME, "api")).write(story_id, kind, value)
                except Invalid:  # not a value of this kind
                    continue
    for subject in (NoteSubject("blueprint", ODD), NoteSubject("entry", ODD), NoteSubject("blueprint", "")):
        notes.add(subject, TEXT, None, Origin("token", NAME, "api"))
    linked.link("h-1", MARKUP.replace(":", ""), NAME)
    settle([SIGNER])


def keep_host(source: str, issue_ids: list[str], blueprint_id: str) -> None:
    said = f"dispatch failed: {SPAWNER}{json.dumps({'raw': '', 'stderr': TEXT}, separators=(',', ':'))}"
    dead = [
        make_issue(number, issue_id=issue_id, blueprint_id=blueprint_id, intent=TEXT, detail=detail)
        for number, (issue_id, detail) in enumerate(zip(issue_ids, (f"dispatch failed: {TEXT}", said), strict=False))
    ]
    documents = [document(TEXT), BEFORE, AFTER]
    versions = [
        Version(blueprint_id=blueprint_id, hash=each.hash, number=number, made_by="hand", rationale=TEXT)
        for number, each in enumerate(documents)
    ]
    tried = make_patch(
        blueprint_id=blueprint_id,
        prev_hash=BEFORE.hash,
        candidate_hash=AFTER.hash,
        ts_ms=now_ms() - DAY_MS,
        ops=Raw(json.dumps(OPS).encode()),
        rationale=TEXT,
    )
    patches = [tried] if len(dead) == 1 else []
    seen = [Seen(blueprint_id, each) for each in documents]
    observed.keep(source, Found(issues=dead, patches=patches, documents=seen, versions=versions))
    host_derivation.settle()


def readers() -> dict[str, Client]:
    """By role; those who can own something own it under a hostile name."""
    clients = {"nobody": Client()}
    for role in ("reader", "staff"):
        user = User.objects.create_user(f"{role}{MARKUP}", is_staff=role == "staff")
        clients[role] = Client()
        clients[role].force_login(user)
        scopes = api_tokens.SCOPES if user.is_staff else api_tokens.READ_SCOPES
        limits = (ODD,) if user.is_staff else ()
        api_tokens.make(api_tokens.Wanted(f"{role[0]}{NAME}"[:80], scopes, None, limits), user, user.username)
        view = saved_views.make(user, NAME, links.rejections([("axis", ODD)]), shared=True)
        saved_views.make_key(view)
        keep_rule(user, f"{role}-1", name=MARKUP, has_view=True, view=view)
        keep_rule(user, f"{role}-2", name=NAME, off_ms=now_ms(), off_why=TEXT)
        make_messages(make_alert(ODD, owner=user, name=NAME), f"{role} {ODD}")
        VerifiedAddress.objects.create(user=user, address=ODD, verified_ms=now_ms())
    return clients


def pattern_forms() -> Iterator[str]:
    for key in Template.objects.values_list("key", flat=True)[:3]:
        yield links.change_pattern("split", key)
        yield links.change_pattern("merge", key)


def look(path: str, response: Any) -> list[str]:
    """Where the page leads, after checking it."""
    kind = response.headers.get("Content-Type", "")
    if "Location" in response.headers:
        assert SAFE_ADDRESS.match(response["Location"]), (path, response["Location"])
        return [response["Location"]]
    if response.streaming:
        list(response)
        return []
    if "xml" in kind:
        ElementTree.fromstring(response.content)  # noqa: S314  our own
    if "html" not in kind or not response.content or path.startswith("/v1/"):
        return []
    assert "private" in response["Cache-Control"] or "no-store" in response["Cache-Control"], path
    assert {"Cookie"} <= set(response["Vary"].split(", ")), path
    page = read(response)
    assert "62710561" not in page.text, path
    found = []
    for element in page.elements:
        assert element.tag not in ("xss-tag", "iframe", "style", "img"), (path, element)
        names = {
            name for name in element.attributes if name.startswith(("on", "xss", "<", '"', "'")) or name == "style"
        }
        assert not names, (path, element)
        for name in ("href", "src", "action", "formaction", "hx-get", "hx-post"):
            address = element.attributes.get(name, "")
            assert SAFE_ADDRESS.match(address), (path, element.tag, name, address)
            if name in ("href", "hx-get") and element.tag not in ("link", "form"):
                found.append(address)
    return found


def crawl(client: Client, starts: list[str]) -> int:
    """Follows links, on SQLite each page also as htmx asks for it and as HEAD. Returns how many were seen.

    The other ways to ask make the same statements, so there is nothing more that PostgreSQL could refuse.
    """
    waiting, seen, shapes = list(starts), set(starts), Counter[str]()
    done = 0
    while waiting and done < MOST:
        path = waiting.pop(0)
        done += 1
        response = client.get(path)
        assert response.status_code in (200, 302), (path, response.status_code)
        leads = look(path, response)
        if DATABASE == "sqlite" and not response.streaming and not path.startswith("/v1/"):
            look(path, client.get(path, headers=HTMX))
            assert client.head(path).status_code == response.status_code
        for address in leads:
            url = urldefrag(urljoin(f"http://testserver{path}", address)).url.removeprefix("http://testserver")
            shape = re.sub(r"[^/]+\Z", "ID", url.partition("?")[0])
            if url not in seen and url.startswith("/") and not url.startswith("/admin") and shapes[shape] < ALIKE:
                shapes[shape] += 1
                seen.add(url)
                waiting.append(url)
    return done


@pytest.mark.parametrize("role", ROLES)
def test_no_link_leads_to_a_failure_and_no_text_becomes_markup(role: str, settings: Any) -> None:
    settings.PUBLIC_READ = True
    settings.EVIDENCE_KEY = SIGNER.secret_text
    hostile()
    client = readers()[role]
    own = OWN if role != "nobody" else OWN[:1]
    forms = list(pattern_forms()) if role == "staff" else []
    more = [links.entry(LONG), links.entry("h-1", [("compare", ODD)]), links.documents(MARKUP), links.documents(ODD)]
    more += [links.entry("tried"), links.entry("changed", [("compare", "tried")]), links.fields(ODD)]
    more += [links.entry("changed"), links.document(AFTER.hash, BEFORE.hash), links.unfinished_run(DEAD)]
    for path in (links.entry("tried"), links.unfinished_run(DEAD)):
        (panel,) = [
            each for each in read(client.get(path)).all("section") if each.words.startswith("What the patch would")
        ]
        assert len(panel.all("div", class_="path small soft")) == 7
    assert crawl(client, [*STARTS, *own, *forms, *more]) > 50


@pytest.mark.parametrize("role", ROLES)
def test_an_empty_log_has_no_link_to_a_failure(role: str, settings: Any) -> None:
    settings.PUBLIC_READ = True
    client = Client()
    if role != "nobody":
        client.force_login(User.objects.create_user(role, is_staff=role == "staff"))
    assert crawl(client, [*STARTS, *(OWN if role != "nobody" else OWN[:1])]) > 10


@pytest.mark.parametrize("method", ["get", *(pytest.param(name, marks=pytest.mark.once) for name in OTHERS)])
@pytest.mark.parametrize("headers", [{}, HTMX, HTMX | {"HX-Boosted": "true"}])
def test_what_is_not_there_stays_text(method: str, headers: dict[str, str], settings: Any) -> None:
    settings.PUBLIC_READ = True
    odd = quote(TEXT.replace("\n", ""), safe="")
    paths = (
        *(f"/{start}/{odd}" for start in ("entries", "blueprints", "patterns", "nothing", "content/stories")),
        *(
            f"/{start}/?{name}={odd}"
            for start in ("search", "rejections", "patterns")
            for name in ("q", "status", "cursor")
        ),
        *(
            f"/?period={odd}",
            f"/matrix/?view={odd}",
            f"/blueprints/?sort={odd}",
            f"/funnel/?sort={odd}",
            f"/content/?text={odd}&kind={odd}",
        ),
        f"/account/sign-in?next={odd}",
    )
    for path in paths:
        response = getattr(Client(), method)(path, headers=headers)
        assert response.status_code < 500, path
        look(urlsplit(path).path, response)
