"""What the numbers of a page of fields are of, and what it folds and leaves out."""

from typing import Any

import pytest

from enhancelog.domain.times import DAY_MS, now_ms
from enhancelog.queries import fields as log
from enhancelog.web import field_rows
from tests.factories import make_rejected
from tests.field_pages import PROMPTS, entries_behind, get, keep_document, rows, said, try_patches, untouched
from tests.recording import record_all

pytestmark = pytest.mark.django_db

OF_THE_HOST = """agents:
- name: writer
  profile: {model: opus, version_hash: 3a56}
metadata: {version_label: '3', version_hash: mine}
"""


@pytest.fixture(autouse=True)
def public(settings: Any) -> None:
    settings.PUBLIC_READ = True


def test_the_page_says_of_how_many_runs_the_patch_is_known() -> None:
    keep_document()
    try_patches(True, False, False)
    try_patches(True, place="/elsewhere")
    record_all([make_rejected(issue_id="no-patch")])
    page = get()
    assert "Of the 4 runs whose patch is known, 2 were rejected (50 %, few runs)." in page.words
    links = [link for link in page.all("a", class_="link") if link.words.isdigit()]
    assert [(link.words, entries_behind(link)) for link in links] == [("4", 4), ("2", 2)]


def test_the_runs_are_those_of_the_period() -> None:
    keep_document()
    now = now_ms()
    try_patches(True, ts_ms=now - 40 * DAY_MS)
    try_patches(False, ts_ms=now - DAY_MS)
    page = get("&period=7d")
    assert "Of the 1 run whose patch is known, 0 were rejected (0 %, few runs)." in page.words
    links = [link for link in page.all("a", class_="link") if link.words.isdigit()]
    assert [entries_behind(link) for link in links] == [1, 0]


def test_of_very_many_runs_the_numbers_are_minimums(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "CAP", 2)
    keep_document()
    try_patches(False, False, True)
    assert "Of the 2+ runs whose patch is known, 1+ were rejected. The column" in get().words


def test_what_no_patch_touched_is_folded() -> None:
    keep_document()
    try_patches(True, ts_ms=now_ms() - 40 * DAY_MS)
    page = get()
    assert [row.split()[:2] for row in said(page, "Agents")] == [["writer", "profile/system_prompt"]]
    assert [row.split()[0] for row in untouched(page, "Agents")] == ["reviewer", "writer"]
    folded = [each.words for each in page.all("summary") if "touched" in each.words]
    assert folded[0] == "2 fields that no patch touched"
    assert not rows(page, "Steps")
    page = get("&period=7d")
    assert not rows(page, "Agents")
    assert "3 fields that no patch touched in this period" in page.words


def test_nothing_is_folded_as_long_as_no_patch_is_known() -> None:
    keep_document()
    assert not [each for each in get().all("summary") if "touched" in each.words]


def test_what_the_host_sets_itself_is_left_out_unless_a_patch_touched_it() -> None:
    keep_document(OF_THE_HOST)
    assert untouched(get(), "Agents") == ["writer profile/model opus"]
    assert untouched(get(), "Settings") == ["metadata/version_hash mine"]
    assert "2 fields that the host sets itself are not listed" in get().words
    try_patches(True, place=PROMPTS[0].replace("system_prompt", "version_hash"), text=OF_THE_HOST)
    page = get()
    assert said(page, "Agents")[0].startswith("writer profile/version_hash 3a56")
    assert "1 field that the host sets itself is not listed" in page.words


def test_what_no_filter_can_find_is_counted_and_left_out() -> None:
    keep_document("agents:\n- name: " + "n" * 512 + "\n  prompt: p\n- {name: writer, prompt: q}\n")
    page = get()
    assert untouched(page, "Agents") == ["writer prompt q"]
    assert "1 more place is not listed." in page.words
    keep_document("agents:\n- {name: " + "n" * 512 + ", prompt: p}\n", blueprint_id="other")
    assert "has no fields" not in get(blueprint_id="other").words


def test_of_very_long_names_fewer_are_listed() -> None:
    names = [f"{number:03}" + "\N{GRINNING FACE}" * 200 for number in range(300)]
    text = "agents:\n" + "".join(f"- {{name: {name}, prompt: p}}\n" for name in names)
    keep_document(text)
    try_patches(*[True] * 300, place="/agents/0/prompt", text=text)
    record_all(
        make_rejected(issue_id=f"o-{number}", ops=[{"op": "add", "path": f"/agents/{name}/x", "value": 1}])
        for number, name in enumerate(names)
    )
    page = get()
    assert len(untouched(page, "Agents")) < 100
    assert len(rows(page, "Agents")) < 100
    assert "more places are not listed." in page.words


def test_prompts_are_cut_if_they_are_very_long_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(field_rows, "PROMPT_CHARACTERS", 20)
    keep_document("agents:\n- {name: a, prompt: abcdefghijk}\n- {name: b, prompt: abcdefghi}\n")
    page = get()
    assert untouched(page, "Agents") == ["a prompt abcdefghijk", "b prompt abcdefghi"]
    assert "Of each prompt" not in page.words
    keep_document("agents:\n- {name: a, prompt: abcdefghijkl}\n- {name: b, prompt: abcdefghi}\n", blueprint_id="other")
    page = get(blueprint_id="other")
    assert untouched(page, "Agents") == ["a prompt abcdefghi…", "b prompt abcdefghi"]
    assert "Of each prompt, the first 10 characters are shown; the document has the rest." in page.words


def test_twenty_thousand_fields_are_taken_apart_and_the_first_listed() -> None:
    keep_document("".join(f"k{number}: v\n" for number in range(19_990)))
    page = get()
    assert len(untouched(page, "Settings")) == 300
    assert "19,690 more places are not listed." in page.words


def test_a_document_of_five_mebibytes_is_not_taken_apart() -> None:
    keep_document("note: " + "x" * (5 << 20))
    assert "cannot be taken apart: it is longer than 200,000 characters." in get().words
