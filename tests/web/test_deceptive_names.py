"""Names on pages: each kept apart from the text around it, and marked if it may deceive."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from content.store import open_store
from enhancelog import links, patterns
from enhancelog.accounts import api_tokens, saved_views
from enhancelog.domain.origin import Origin
from enhancelog.domain.times import now_ms
from enhancelog.store import pattern_groups
from enhancelog.store.database import DatabaseEnhanceLogStore
from tests.factories import make_entry, make_rejected
from tests.pages import Page, read

pytestmark = [pytest.mark.django_db, pytest.mark.once]

TURNED = "bp-\u202edlrow\u2069"
ALIKE = "nоop"  # with a Cyrillic letter
HIDDEN = "STORY-1\u200b"
TURNED_SAID = "invisible: U+202E right-to-left override, U+2069 pop directional isolate"
ALIKE_SAID = "look-alike: Latin and Cyrillic letters in one word; Cyrillic letters that look like Latin ones"
HIDDEN_SAID = "invisible: U+200B zero width space"
PATTERN = patterns.pattern_id(ALIKE, patterns.mask("patch is no-op").template)


@pytest.fixture
def staff(client: Client) -> Client:
    common: dict[str, Any] = {"blueprint_id": TURNED, "ts_ms": now_ms()}
    store = DatabaseEnhanceLogStore(Origin("token", ALIKE, "api"))
    store.append_batch([make_rejected(ALIKE, issue_id="no", **common), make_entry(issue_id="yes", **common)])
    pattern_groups.settle()
    open_store(Origin("token", ALIKE, "api")).write(HIDDEN, "story", "text")
    user = User.objects.create_user("ada", is_staff=True)
    api_tokens.make(api_tokens.Wanted(ALIKE, ["log:read"]), user, "ada")
    saved_views.make(user, ALIKE, f"/rejections/?axis={ALIKE}")
    client.force_login(user)
    return client


def marks(page: Page, name: str) -> set[str]:
    """What is said beside this name, wherever it stands."""
    found = set()
    for around in page.elements:
        names = [each for each in around.inside if each.tag == "bdi" and each.text == name]
        if names and around.attributes.get("class", "").split()[:1] in (["name"], ["ax"]):
            found.add(" ".join(badge.words for badge in around.all("span", class_="badge")))
    return found


BLUEPRINT_PAGE = links.blueprint(TURNED)
STORY_PAGE = "/content/stories/STORY-1%E2%80%8B"


@pytest.mark.parametrize(
    ("path", "name", "said"),
    [
        *((path, TURNED, TURNED_SAID) for path in ("/", "/blueprints/", "/matrix/", "/rejections/", "/search/")),
        *(
            (path, TURNED, TURNED_SAID)
            for path in ("/patterns/", f"/patterns/{PATTERN}", "/entries/no", BLUEPRINT_PAGE)
        ),
        ("/blueprints/\u200bnobody", "\u200bnobody", HIDDEN_SAID),
        ("/rejections/?blueprint_id=" + TURNED, f"blueprint:{TURNED}", TURNED_SAID),
        *(
            (path, ALIKE, ALIKE_SAID)
            for path in ("/", "/matrix/", "/patterns/", "/rejections/", "/search/", BLUEPRINT_PAGE)
        ),
        *((path, ALIKE, ALIKE_SAID) for path in ("/entries/no", "/entries/yes", "/account/tokens", "/account/views")),
        *((path, HIDDEN, HIDDEN_SAID) for path in ("/content/", STORY_PAGE, "/content/history/story/STORY-1%E2%80%8B")),
        ("/content/", ALIKE, ALIKE_SAID),
    ],
)
def test_what_a_name_hides_is_said_in_words(staff: Client, path: str, name: str, said: str) -> None:
    assert marks(read(staff.get(path)), name) == {said}


@pytest.mark.parametrize("path", ["/", "/rejections/", "/entries/no", "/blueprints/"])
def test_ordinary_names_are_not_marked(client: Client, path: str, settings: Any) -> None:
    settings.PUBLIC_READ = True
    store = DatabaseEnhanceLogStore(Origin("token", "агент", "api"))
    store.append_batch([make_rejected("тон", issue_id="no", blueprint_id="東京エージェント 🙂", ts_ms=now_ms())])
    page = read(client.get(path))
    assert "東京エージェント 🙂" in page.words
    assert not page.all("span", class_="why-badge")


def test_the_lead_of_an_entry_keeps_its_axes_apart(staff: Client) -> None:
    (lead,) = read(staff.get("/entries/no")).all("div", class_="soft lead")
    assert [name.text for name in lead.all("bdi")] == [ALIKE]
