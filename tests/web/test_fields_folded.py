"""What the numbers of a page of fields are of, and what it folds and leaves out."""

from typing import Any

import pytest

from enhancelog.domain.times import DAY_MS, now_ms
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
