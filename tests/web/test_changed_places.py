"""Which places of a document a patch changes: on the pages of entries, unfinished runs and compared documents."""

from typing import Any

import pytest
from blake3 import blake3
from django.test import Client
from msgspec import Raw

from enhancelog.domain.observed import Document, DocumentForm
from enhancelog.domain.records import Verdict
from enhancelog.store import host_derivation, observed
from enhancelog.store.documents import Seen
from enhancelog.store.observed import Found
from enhancelog.web.changed_places import SHOWN_CHANGES, Places, Read, Row, places
from enhancelog.web.patches import SHOWN_CHARACTERS, SHOWN_POINTER
from tests import limited
from tests.factories import HASHES, make_entry, make_rejected
from tests.host.observed import make_issue, make_patch, patch_of
from tests.pages import Element, Page, read
from tests.recording import record

BEFORE = """\
agents:
- name: writer
  profile: {system_prompt: Be brief., version_hash: null}
- name: reader
  profile: {system_prompt: Read it.}
metadata: {version_label: 0.1.0}
"""
AFTER = BEFORE.replace("Be brief.", "Be kind.").replace("0.1.0", "0.1.1").replace("hash: null", "hash: abc")


def shown(before: Any, after: Any, *denials: str) -> Places:
    verdicts = [Verdict(axis=f"axis-{number}", status="deny", detail=detail) for number, detail in enumerate(denials)]
    return places(Read(before), Read(after), verdicts)


def row(before: Any, after: Any, *denials: str) -> Row:
    (only,) = shown(before, after, *denials).rows
    return only


def marked(shown: Row) -> list[str]:
    return [
        line.mark + "".join(f"[{text}]" if is_changed else text for text, is_changed in line.segments)
        for line in shown.lines
    ]


def test_prompts_are_compared_word_by_word() -> None:
    found = row({"p": "Read it.\nBe brief."}, {"p": "Read it.\nBe very brief."})
    assert marked(found) == [" Read it.", "-Be brief.", "+Be [very ]brief."]


def test_of_a_long_line_what_changed_is_shown() -> None:
    found = row({"p": "word " * 5_000 + "old" + " word" * 5_000}, {"p": "word " * 5_000 + "new" + " word" * 5_000})
    old, new = marked(found)
    assert "word [old] word" in old
    assert "word [new] word" in new
    assert max(len(old), len(new)) < 500


def test_added_and_removed_values_read_like_yaml() -> None:
    value = {"name": "a", "on": True, "none": None, "text": "true", "lines": "one\n two", "tags": ["x", {"y": []}]}
    lines = ["name: a", "on: true", "none: null", 'text: "true"', "lines: |", "  one", "   two", "tags:", "  - x"]
    lines.append("  - y: []")
    assert marked(row({}, {"a": value})) == [f"+{line}" for line in lines]
    assert marked(row({"a": value}, {})) == [f"-{line}" for line in lines]


def test_a_number_and_the_text_of_it_look_different() -> None:
    assert marked(row({"a": 1}, {"a": "1"})) == ["-1", '+["]1["]']
    assert marked(row({"a": None}, {"a": ""})) == ["-null", '+""']


def test_what_moved_says_from_where() -> None:
    first, second = ({"name": name} for name in "ab")
    assert row([first, second], [second, first]).was_at == "1"


def test_what_the_host_sets_is_a_group_of_its_own() -> None:
    found = shown({"metadata": {"version_label": 1}, "a": 1}, {"metadata": {"version_label": 2}, "a": 2})
    assert [each.label for each in found.rows] == ["a"]
    assert [each.label for each in found.by_host] == ["metadata · version label"]


def test_many_and_large_changes_are_counted_and_cut() -> None:
    found = shown({}, {str(number): "x" * 1_000 for number in range(SHOWN_CHANGES + 7)})
    assert (len(found.rows), found.left_out) == (SHOWN_CHANGES, 7)
    assert sum(len(line.text) for each in found.rows for line in each.lines) <= SHOWN_CHARACTERS
    assert found.rows[-1].cut
    assert found.rows[-1].label
    assert row({}, {"a": "x" * 5_000}).cut


def test_long_names_are_cut() -> None:
    before: Any = "x"
    after: Any = "y"
    for _ in range(40):
        before, after = {"k" * 400: before}, {"k" * 400: after}
    found = row([{"name": "n", "a": before}], [{"name": "n", "a": after}])
    assert max(len(found.label), len(found.pointer), len(found.named)) <= SHOWN_POINTER


@pytest.mark.parametrize(
    "detail",
    [
        "possible credential at /agents/0/profile/p.",
        "see /agents/writer/profile/p",
        "the step `writer` is unknown",
        "writer: too long",
    ],
)
def test_a_denial_that_names_the_place_or_its_agent_marks_it(detail: str) -> None:
    before, after = ({"agents": [{"name": "writer", "profile": {"p": text}}]} for text in "xy")
    assert row(before, after, detail, "nothing").denied_by == ["axis-0"]


@pytest.mark.parametrize(
    "detail", ["copywriter", "writer-2", "/agents/0/profile", "/agents/0/profile/p/q", "writer.md"]
)
def test_a_denial_that_names_something_else_does_not(detail: str) -> None:
    before, after = ({"agents": [{"name": "writer", "profile": {"p": text}}]} for text in "xy")
    assert row(before, after, detail).denied_by == []


def test_a_denial_of_a_part_marks_the_whole_that_was_added() -> None:
    assert row({}, {"agents": []}, "forbidden: /agents/1/profile/tools").denied_by == ["axis-0"]
    assert row({}, {"agents": []}, "forbidden: /agents2/tools").denied_by == []


def test_a_short_name_counts_in_quotes_only() -> None:
    before, after = ({"agents": [{"name": "a", "p": text}]} for text in "xy")
    assert row(before, after, "a tool is missing", "agent `a` is unknown").denied_by == ["axis-1"]


def test_hostile_documents_are_shown_at_a_bounded_price() -> None:
    limited.assert_ends(
        """
import django
django.setup()
from enhancelog.domain.records import Verdict
from enhancelog.web.changed_places import Read, places
said = [Verdict(axis=f"a{n}", status="deny", detail="/." * 1_000) for n in range(100)]
def show(before, after): assert len(places(Read(before), Read(after), said).rows) <= 100
def texts(salt): return {str(n): "\\n".join(f"{(m * 7919 + n + salt) % 700}" for m in range(700)) for n in range(70)}
show(texts(0), texts(350))
show({"/." * 200 + str(n): n for n in range(400)}, {"/." * 200 + str(n): -1 for n in range(400)})
show({"a": "x " * 99_000}, {"a": "x " * 50_000 + "y " * 49_000})
def agents(value): return {"agents": [{"name": "x" * 90_000, **{str(n): value for n in range(9_000)}}]}
show(agents(1), agents(2))
"""
    )


def hash_of(text: str) -> str:
    return blake3(text.encode()).hexdigest()


def seen(text: str, form: DocumentForm = "yaml", hash: str = "") -> Seen:
    return Seen("main", Document(hash=hash or hash_of(text), form=form, text=text))


def keep(found: Found) -> None:
    observed.keep("host", found)
    host_derivation.settle()


def get(path: str) -> Page:
    response = Client().get(path)
    assert response.status_code == 200
    return read(response)


def panel(page: Page, title: str) -> Element | None:
    return next((each for each in page.all("section") if each.words.startswith(title)), None)


@pytest.fixture
def public(settings: Any, db: None) -> None:
    settings.PUBLIC_READ = True


def test_an_entry_shows_what_its_patch_would_change(public: None) -> None:
    rejected = make_rejected("tone", prev_hash=hash_of(BEFORE), detail="writer is too kind")
    record(rejected, source="host")
    keep(Found(patches=[patch_of(rejected, candidate_hash=hash_of(AFTER))], documents=[seen(BEFORE), seen(AFTER)]))
    page = get("/entries/h-1")
    found = panel(page, "What the patch would change")
    assert found is not None
    (hit,) = found.all("div", class_="op hit")
    assert "agent writer · system prompt" in hit.words
    assert "/agents/0/profile/system_prompt /agents/writer/profile/system_prompt" in hit.words
    assert "tone" in hit.words
    (by_host,) = found.all("details", class_="fold by-host")
    assert "Set by the host: 2 places" in by_host.words
    assert "agent writer · version hash" in by_host.words
    assert page.addresses("as text") == [f"/documents/{hash_of(AFTER)}?compare={hash_of(BEFORE)}"]


def test_an_applied_entry_shows_what_its_patch_changed(public: None) -> None:
    record(make_entry(prev_hash=hash_of(BEFORE), new_hash=hash_of(AFTER)), source="host")
    assert panel(get("/entries/h-1"), "What the patch changed") is None
    keep(Found(documents=[seen(BEFORE), seen(AFTER)]))
    found = panel(get("/entries/h-1"), "What the patch changed")
    assert found is not None
    assert "3 places" in found.words


def test_operations_are_folded_if_what_they_change_is_shown(public: None) -> None:
    ops = [{"op": "replace", "path": "/agents/0/profile/system_prompt", "value": "Be kind."}]
    odd = "a: &a [1]\nb: *a\n"
    for issue_id, after, folded in (("shown", AFTER, 1), ("unreadable", odd, 0), ("unknown", "never stored", 0)):
        changed = {"issue_id": issue_id, "prev_hash": hash_of(BEFORE), "new_hash": hash_of(after), "ops": ops}
        record(make_entry(**changed), source="host")
        keep(Found(documents=[seen(BEFORE), seen(AFTER), seen(odd)]))
        found = panel(get(f"/entries/{issue_id}"), "Patch")
        assert found is not None
        assert len(found.all("details", class_="fold raw")) == folded
        assert "Be kind." in found.words


def test_a_patch_without_effect_changes_nothing(public: None) -> None:
    rejected = make_rejected("noop", prev_hash=hash_of(BEFORE), candidate_hash=hash_of(BEFORE))
    record(rejected, source="host")
    keep(Found(documents=[seen(BEFORE)]))
    found = panel(get("/entries/h-1"), "What the patch would change")
    assert found is not None
    assert "Nothing: both documents say the same." in found.words


def test_a_document_that_cannot_be_read_is_told_in_one_line(public: None) -> None:
    odd = "a: &a [1]\nb: *a\n"
    record(make_rejected(prev_hash=hash_of(BEFORE), candidate_hash=hash_of(odd)), source="host")
    keep(Found(documents=[seen(BEFORE), seen(odd)]))
    page = get("/entries/h-1")
    found = panel(page, "What the patch would change")
    assert found is not None
    assert "The document after cannot be compared by its structure: it has aliases." in found.words
    (text_url,) = page.addresses("Compare the texts")
    assert panel(get(text_url), "Changes of the text") is not None


def test_old_values_of_operations_come_from_yaml(public: None) -> None:
    ops = [
        {"op": "replace", "path": "/agents/1/profile/system_prompt", "value": "Read all."},
        {"op": "remove", "path": "/agents/0"},
        {"op": "replace", "path": "/agents/0/name", "value": "editor"},
    ]
    record(make_entry(prev_hash=hash_of(BEFORE), ops=ops), source="host")
    keep(Found(documents=[seen(BEFORE)]))
    found = panel(get("/entries/h-1"), "Patch")
    assert found is not None
    first, second, third = found.all("div", class_="op")
    assert [line.text for line in first.all("del")] == ["Read it."]
    assert "writer" in second.text
    assert third.all("del") == []  # the indexes were shifted


def test_old_values_come_from_a_head_if_the_yaml_cannot_be_read(public: None) -> None:
    odd = "a: &a [1]\nb: *a\n"
    record(make_entry(prev_hash=hash_of(odd), ops=[{"op": "replace", "path": "/a/0", "value": 2}]), source="host")
    keep(Found(documents=[seen(odd), seen('{"a":[1],"b":[1]}', "json", hash_of(odd))]))
    found = panel(get("/entries/h-1"), "Patch")
    assert found is not None
    assert [line.text for line in found.all("del")] == ["1"]


def test_an_unfinished_run_shows_what_its_patch_would_change(public: None) -> None:
    tried = make_patch(prev_hash=hash_of(BEFORE), candidate_hash=hash_of(AFTER), ops=Raw(b"[]"))
    keep(Found(issues=[make_issue(1, detail="")], patches=[tried], documents=[seen(BEFORE), seen(AFTER)]))
    found = panel(get("/unfinished/h-1"), "What the patch would change")
    assert found is not None
    assert "agent writer · system prompt" in found.words


def test_compared_documents_show_their_places_before_their_text(public: None) -> None:
    keep(Found(documents=[seen(BEFORE), seen(AFTER)]))
    page = get(f"/documents/{hash_of(AFTER)}?compare={hash_of(BEFORE)}")
    titles = [title.words for title in page.all("h2")]
    assert titles.index("Changes") < titles.index("Changes of the text")
    found = panel(page, "Changes")
    assert found is not None
    assert "3 places" in found.words
    assert "agent writer · system prompt" in found.words


def test_yaml_is_compared_with_json_by_structure(public: None) -> None:
    before = "a: 1\n"
    keep(Found(documents=[seen(before), seen('{"a":2}', "json", HASHES[0])]))
    found = panel(get(f"/documents/{HASHES[0]}?compare={hash_of(before)}"), "Changes")
    assert found is not None
    assert [line.text for line in found.all("del")] == ["1"]


def test_documents_of_a_mebibyte_are_compared_as_text(public: None) -> None:
    large = [f"{letter}: |\n" + f"  {letter} line\n" * 95_000 for letter in "ab"]
    keep(Found(documents=[seen(text) for text in large]))
    page = get(f"/documents/{hash_of(large[1])}?compare={hash_of(large[0])}")
    assert "cannot be compared by its structure: it is longer than 200,000 characters." in page.words
