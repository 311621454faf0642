"""Documents of Blueprints, their versions, and what differs between two."""

from typing import Any

import pytest
from blake3 import blake3
from django.test import Client

from enhancelog.domain.observed import Document, Version
from enhancelog.models import Document as DocumentRow
from enhancelog.store import host_derivation, observed
from enhancelog.store.documents import Seen, Stored
from enhancelog.store.observed import Found
from enhancelog.web.document_texts import COMPARED_CHARACTERS, readable
from tests.conftest import entries_unprotected
from tests.factories import HASHES, make_entry, make_rejected
from tests.pages import Element, Page, read
from tests.recording import record

pytestmark = pytest.mark.django_db

NOON = 1_795_000_000_000
TEXTS = [f"id: main\nagents:\n- name: writer\n  prompt: {prompt}\n" for prompt in ("cite", "cite lines", "be brief")]


@pytest.fixture(autouse=True)
def public(settings: Any) -> None:
    settings.PUBLIC_READ = True


def hash_of(text: str) -> str:
    return blake3(text.encode()).hexdigest()


def seen(text: str, blueprint_id: str = "main") -> Seen:
    return Seen(blueprint_id, Document(hash=hash_of(text), form="yaml", text=text))


def version(number: int, hash: str, made_by: Any = "run", **changes: Any) -> Version:
    fields: dict[str, Any] = {"blueprint_id": "main", "rationale": f"why {number}", "ts_ms": NOON + number} | changes
    return Version(number=number, hash=hash, made_by=made_by, **fields)


def keep(found: Found, source: str = "host") -> None:
    observed.keep(source, found)
    host_derivation.settle()


def keep_versions() -> list[str]:
    hashes = [hash_of(text) for text in TEXTS]
    versions = [version(0, hashes[0], "hand"), version(1, hashes[1], prev_hash=hashes[0]), version(2, hashes[2])]
    keep(Found(documents=[seen(text) for text in TEXTS], versions=versions))
    return hashes


def get(path: str, answered: int = 200) -> Page:
    response = Client().get(path)
    assert response.status_code == answered
    return read(response)


def text_of(page: Page) -> str:
    (pre,) = page.all("pre", class_="document")
    return pre.text


def text_changes(page: Page) -> Element:
    (section,) = page.all("section", id="text")
    return section


def items(page: Page) -> list[str]:
    (listed,) = page.all("ol", class_="plain-list versions-list")
    return [item.words for item in listed.all("li")]


def test_a_document_shows_its_text_and_its_versions() -> None:
    hashes = keep_versions()
    page = get(f"/documents/{hashes[0]}")
    assert text_of(page) == TEXTS[0]
    assert "version 0, by hand" in page.words
    assert page.addresses("YAML") == [f"/v1/enhance/documents/{hashes[0]}"]
    assert page.addresses("Document") == ["/documents/?blueprint_id=main"] * 2


def test_the_json_of_a_head_is_laid_out_and_marked() -> None:
    keep(Found(documents=[Seen("main", Document(hash=HASHES[0], form="json", text='{"id":"main"}'))]))
    page = get(f"/documents/{HASHES[0]}")
    assert text_of(page) == '{\n  "id": "main"\n}'
    assert "not proven" in page.words


def test_versions_are_listed_the_newest_first_with_who_made_them() -> None:
    hashes = keep_versions()
    record(make_entry())
    page = get("/documents/?blueprint_id=main")
    shown = items(page)
    assert [item.split()[:2] for item in shown] == [["Version", "2"], ["Version", "1"], ["Version", "0"]]
    assert "by a run" in shown[1]
    assert "why 1" in shown[1]
    assert "by hand" in shown[2]
    assert text_of(page) == TEXTS[2]
    assert page.addresses("changes") == [f"/documents/{hashes[n + 1]}?compare={hashes[n]}" for n in (1, 0)]
    assert page.addresses("Timeline") == ["/blueprints/main"]
    assert get("/blueprints/main").addresses("Document") == ["/documents/?blueprint_id=main"]


def test_any_two_versions_are_compared() -> None:
    hashes = keep_versions()
    response = Client().get("/documents/", {"blueprint_id": "main", "from": hashes[0], "to": hashes[2]})
    assert response["Location"] == f"/documents/{hashes[2]}?compare={hashes[0]}"
    page = get(response["Location"])
    assert [line.text for line in text_changes(page).all("del")] == ["  prompt: cite"]
    assert [line.text for line in text_changes(page).all("ins")] == ["  prompt: be brief"]
    same = Client().get("/documents/", {"blueprint_id": "main", "from": hashes[0], "to": hashes[0]})
    assert same["Location"] == f"/documents/{hashes[0]}"


def test_the_form_offers_the_newest_change_and_names_each_choice() -> None:
    hashes = keep_versions()
    page = get("/documents/?blueprint_id=main")
    (form,) = [form for form in page.all("form") if form.all("input", type="radio")]
    assert form.words.startswith("BeforeAfter Compare")
    choices = form.all("input", type="radio")
    assert [each.attributes["aria-label"] for each in choices[:3]] == [
        "Before: version 2",
        "After: version 2",
        "Before: version 1",
    ]
    checked = {each.attributes["name"]: each.attributes["value"] for each in choices if "checked" in each.attributes}
    assert checked == {"from": hashes[1], "to": hashes[2]}


def test_a_version_whose_document_is_not_stored_cannot_be_chosen() -> None:
    keep(Found(documents=[seen(TEXTS[0]), seen(TEXTS[2])], versions=[version(n, hash_of(TEXTS[n])) for n in range(3)]))
    choices = get("/documents/?blueprint_id=main").all("input", type="radio")
    assert [each.attributes["aria-label"] for each in choices if "disabled" in each.attributes] == [
        "Before: version 1",
        "After: version 1",
    ]
    assert [each.attributes["aria-label"] for each in choices if "checked" in each.attributes] == [
        "After: version 2",
        "Before: version 0",
    ]


def test_a_single_document_is_not_compared() -> None:
    keep(Found(documents=[seen(TEXTS[0])], versions=[version(n, hash_of(TEXTS[n])) for n in range(3)]))
    page = get("/documents/?blueprint_id=main")
    assert not page.all("input", type="radio")
    assert "Compare" not in page.words


def test_without_a_git_store_the_applied_runs_are_the_versions() -> None:
    new = hash_of(TEXTS[1])
    record(make_entry(new_hash=new, rationale="because"), make_rejected(issue_id="h-2"))
    keep(Found(documents=[seen(TEXTS[1])]))
    page = get("/documents/?blueprint_id=main")
    (item,) = items(page)
    assert "because" in item
    assert text_of(page) == TEXTS[1]
    assert "no git store is known" in page.words


def test_without_documents_the_page_names_the_command_that_fills_it() -> None:
    record(make_entry())
    assert "python3 manage.py import_host PATH --source NAME" in get("/documents/?blueprint_id=main").words
    assert "import_host" in get(f"/documents/{HASHES[3]}", 404).words
    assert get("/documents/").addresses("See all Blueprints")


def test_a_blueprint_that_was_never_logged_has_no_timeline() -> None:
    keep_versions()
    page = get("/documents/?blueprint_id=main")
    assert not page.addresses("Timeline")
    assert get("/blueprints/main", 404).addresses("See its document") == ["/documents/?blueprint_id=main"]
    get("/documents/?blueprint_id=nobody", 404)
    assert not get("/blueprints/nobody", 404).addresses("See its document")


@pytest.mark.parametrize("path", ["/documents/%00", f"/documents/{'x' * 600}", "/documents/a%2Fb"])
def test_an_unknown_document_is_404(path: str) -> None:
    get(path, 404)


def test_an_unknown_document_to_compare_with_is_404() -> None:
    hashes = keep_versions()
    get(f"/documents/{hashes[0]}?compare={HASHES[0]}", 404)
    get(f"/documents/{hashes[0]}?compare=%00", 404)


def test_yaml_and_json_are_not_compared_line_by_line() -> None:
    hashes = keep_versions()
    keep(Found(documents=[Seen("main", Document(hash=HASHES[0], form="json", text='{"id":"main"}'))]))
    assert "cannot be compared line by line" in get(f"/documents/{HASHES[0]}?compare={hashes[0]}").words
    keep(Found(documents=[Seen("main", Document(hash=hashes[0], form="json", text='{"id":"other"}'))]))
    assert get(f"/documents/{HASHES[0]}?compare={hashes[0]}").all("ins")


def test_a_large_document_is_shown_in_part() -> None:
    text = "note: " + "é" * 2_000_000 + "\n"
    keep(Found(documents=[seen(text)]))
    response = Client().get(f"/documents/{hash_of(text)}")
    assert len(response.content) < 500_000
    page = read(response)
    assert "The first 100,000 of 2,000,007 characters" in page.words
    assert page.addresses("the whole text") == [f"/v1/enhance/documents/{hash_of(text)}"]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("a\n" * 600_000, "a\n" * 600_000 + "b\n", "Only the first 1,048,576 characters of each were compared."),
        ("".join(f"{n}\n" for n in range(5000)), "x\n" * 5000, "Too many changes to show line by line."),
        ("x" * 500_000, "y" * 500_000, "Not all of it is shown"),
        ("".join(f"a{n}\n" for n in range(900)), "".join(f"b{n}\n" for n in range(900)), "Not all of it is shown"),
    ],
)
def test_a_difference_is_bounded_and_says_so(before: str, after: str, said: str) -> None:
    keep(Found(documents=[seen(before), seen(after)]))
    response = Client().get(f"/documents/{hash_of(after)}?compare={hash_of(before)}")
    assert said in read(response).words
    assert len(response.content) < 500_000


def test_older_versions_are_on_later_pages() -> None:
    keep(Found(versions=[version(number, f"{number:064x}") for number in range(60)]))
    first = get("/documents/?blueprint_id=main")
    assert len(items(first)) == 50
    (older,) = first.addresses("Older versions")
    assert [item.split()[1] for item in items(get(older))] == [str(number) for number in range(9, -1, -1)]
    get("/documents/?blueprint_id=main&before=x", 400)


def test_a_version_by_hand_explains_a_gap() -> None:
    by_hand = hash_of(TEXTS[0])
    first = make_entry(issue_id="h-1", ts_ms=NOON)
    record(first, make_entry(issue_id="h-2", prev_hash=by_hand, new_hash=HASHES[5], ts_ms=NOON + 2), source="host")
    assert "Gap: no earlier entry produced" in get("/blueprints/main").words
    keep(Found(versions=[version(1, by_hand, "hand")], documents=[seen(TEXTS[0])]))
    page = get("/blueprints/main")
    assert "Registered by hand, 18 Nov 11:06" in page.words
    assert "Gap: no earlier entry" not in page.words
    assert page.addresses("Registered by hand") == ["/documents/?blueprint_id=main"]
    assert page.all("button", data_copy=by_hand)
    assert "The version before was registered by hand, 18 Nov 11:06." in get("/entries/h-2").words


def test_hostile_texts_are_text() -> None:
    text = "note: <xss-tag>\u202e</pre>\n"
    keep(Found(documents=[seen(text, "<xss-tag>")], versions=[version(0, hash_of(text), blueprint_id="<xss-tag>")]))
    for path in (f"/documents/{hash_of(text)}", "/documents/?blueprint_id=%3Cxss-tag%3E"):
        page = get(path)
        assert not page.all("xss-tag")
        assert text_of(page) == text


@pytest.mark.parametrize("number", [1, 40])
def test_statements_do_not_grow_with_the_versions(number: int, django_assert_num_queries: Any) -> None:
    texts = [f"id: {n}\n" for n in range(number + 1)]
    versions = [version(n, hash_of(text)) for n, text in enumerate(texts)]
    keep(Found(documents=[seen(text) for text in texts], versions=versions))
    with django_assert_num_queries(12):
        get("/documents/?blueprint_id=main")
    with django_assert_num_queries(6):
        get(f"/documents/{hash_of(texts[0])}")


def test_pages_say_that_a_document_is_damaged() -> None:
    hashes = keep_versions()
    record(make_entry(prev_hash=hashes[2], new_hash=hashes[2], ops=[{"op": "remove", "path": "/agents/0"}]))
    with entries_unprotected():
        DocumentRow.objects.filter(hash=hashes[0]).delete()
    said = f"the document {hashes[0][:11]}… that it is based on is missing."
    assert f"The document cannot be read: {said}" in get(f"/documents/{hashes[2]}", 503).words
    answer = Client().get(f"/v1/enhance/documents/{hashes[2]}")
    assert (answer.status_code, answer.json()["detail"]) == (503, f"The document cannot be read: {said}")
    page = get("/documents/?blueprint_id=main")
    assert f"The newest document cannot be read: {said}" in page.words
    assert len(items(page)) == 3
    assert said in get("/fields/?blueprint_id=main").words
    assert f"The document before cannot be compared by its structure: {said}" in get("/entries/h-1").words


def test_json_that_is_very_long_or_deep_is_shown_as_it_is() -> None:
    long, deep = f"[{'1,' * COMPARED_CHARACTERS}1]", "[" * 10_000 + "]" * 10_000
    for text in (long, deep):
        stored = Stored(hash=HASHES[0], form="json", text=text, blueprint_id="main", source="host")
        assert readable(stored) == text
