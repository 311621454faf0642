"""Pages of documents that were redacted, and of entries and Blueprints that have such documents."""

from typing import Any

import pytest
from django.test import Client

from enhancelog.domain.observed import Document, Version
from enhancelog.domain.origin import Origin
from enhancelog.store import redacting_documents
from enhancelog.store.documents import Seen
from enhancelog.store.observed import Found
from tests.factories import make_entry
from tests.host.observed import patch_of
from tests.recording import record
from tests.web.test_document_pages import NOON, TEXTS, get, hash_of, keep, keep_versions, text_changes

pytestmark = pytest.mark.django_db(transaction=True)

SAID = "a key in clear"


@pytest.fixture(autouse=True)
def public(settings: Any) -> None:
    settings.PUBLIC_READ = True


def redact(hash: str) -> None:
    redacting_documents.redact(hash, SAID, Origin("user", "ada", "page"))


def test_its_page_says_when_and_why_and_what_is_known_of_it() -> None:
    hashes = keep_versions()
    before = Client().get(f"/documents/{hashes[1]}")
    redact(hashes[1])
    again = Client().get(f"/documents/{hashes[1]}", headers={"If-None-Match": before.headers["ETag"]})
    assert again.status_code == 200
    page = get(f"/documents/{hashes[1]}")
    assert SAID in page.words
    assert "The text of this document was redacted" in page.words
    assert f"It had {len(TEXTS[1])} bytes, came from host" in page.words
    assert "version 1, by a run" in page.words
    assert not page.all("pre", class_="document")
    assert "cite lines" not in page.words
    assert "ada" not in page.words


@pytest.mark.parametrize(("one", "other"), [(0, 1), (1, 0), (1, 1)])
def test_its_differences_say_so(one: int, other: int) -> None:
    hashes = keep_versions()
    redact(hashes[1])
    page = get(f"/documents/{hashes[one]}?compare={hashes[other]}")
    assert "cannot be compared by its structure: it was redacted on" in page.words
    assert SAID in text_changes(page).words
    assert "cite" not in page.words


def test_its_blueprints_page_shows_the_newest_that_can_be_read() -> None:
    hashes = keep_versions()
    redact(hashes[2])
    page = get("/documents/?blueprint_id=main")
    (pre,) = page.all("pre", class_="document")
    assert pre.text == TEXTS[1]
    assert "its document was redacted" in page.words
    assert "why 2" not in page.words
    assert "why 1" in page.words
    (listed,) = page.all("ol", class_="plain-list versions-list")
    newest, middle, _ = listed.all("li")
    assert "redacted" in newest.words
    assert "changes" not in newest.words
    assert "changes" in middle.words
    for hash in hashes[:2]:
        redact(hash)
    assert "The newest document cannot be read: it was redacted on" in get("/documents/?blueprint_id=main").words
    assert "it was redacted on" in get("/fields/?blueprint_id=main").words


def test_an_entrys_page_says_that_a_document_of_its_run_was_redacted() -> None:
    text = 'id: main\nagents:\n- {name: writer, prompt: "use hunterzwei"}\n'
    after = text.replace("use hunterzwei", "cite")
    entry = make_entry(
        prev_hash=hash_of(text),
        new_hash=hash_of(after),
        ops=[{"op": "replace", "path": "/agents/0/prompt", "value": "cite"}],
    )
    record(entry, source="host")
    seen = [Seen("main", Document(hash=hash_of(each), form="yaml", text=each)) for each in (text, after)]
    keep(Found(patches=[patch_of(entry, candidate_hash=hash_of(after))], documents=seen))
    assert "hunterzwei" in get("/entries/h-1").words
    redact(hash_of(text))
    page = get("/entries/h-1")
    assert "hunterzwei" not in page.words
    assert "The document before cannot be compared by its structure: it was redacted on" in page.words
    assert SAID in page.words


def test_texts_in_a_reason_are_shown_as_they_are() -> None:
    hash = keep_versions()[0]
    redacting_documents.redact(hash, "<b>bold</b>", Origin("user", "ada", "page"))
    assert "<b>bold</b>" in get(f"/documents/{hash}").words


def test_the_audit_leads_to_it(settings: Any, django_user_model: Any) -> None:
    hash = keep_versions()[0]
    redact(hash)
    client = Client()
    client.force_login(django_user_model.objects.create_superuser("root"))
    page = client.get("/audit/").content.decode()
    assert f"/documents/{hash}" in page
    assert SAID in page


def test_a_version_that_comes_later_has_no_rationale() -> None:
    hash = keep_versions()[0]
    redact(hash)
    late = Version(blueprint_id="main", hash=hash, number=5, made_by="hand", rationale="hunterzwei", ts_ms=NOON)
    keep(Found(versions=[late]))
    assert "hunterzwei" not in get("/documents/?blueprint_id=main").words
