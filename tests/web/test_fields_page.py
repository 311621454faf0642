"""The fields of a Blueprint: what changed each, and how often runs that touched it were rejected."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from enhancelog.domain.times import DAY_MS, now_ms
from enhancelog.queries import fields as log
from enhancelog.store import host_derivation, writing
from enhancelog.web import field_rows
from tests.factories import make_rejected
from tests.field_pages import NOON, PROMPTS, entries_behind, get, keep_document, rows, said, try_patches, untouched
from tests.pages import read
from tests.plans import plans, whole_tables
from tests.recording import record_all

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def public(settings: Any) -> None:
    settings.PUBLIC_READ = True


def test_agents_steps_and_settings_are_listed_prompts_first() -> None:
    keep_document()
    page = get()
    assert untouched(page, "Agents") == [
        "writer profile/system_prompt Cite the line.",
        "reviewer profile/system_prompt Be brief.",
        "writer profile/model opus",
    ]
    steps = untouched(page, "Steps")
    assert [step.split()[:2] for step in steps[1:]] == [
        ["writer", "children/0"],
        ["children/1/kind", "par"],
        ["reviewer", "children/1/children/0"],
    ]
    assert [row.split()[0] for row in untouched(page, "Settings")] == ["id", "metadata/tags"]
    assert "No patch of this Blueprint is known" in page.words
    assert "import_host" in page.words


def test_a_field_shows_its_last_change_and_how_often_it_was_rejected() -> None:
    keep_document()
    try_patches(True, False, True, False, True)
    first = rows(get(), "Agents")[0]
    assert "writer" in first.words
    assert "last changed 18 Nov 11:06 by writer should cite the file and line" in first.words
    assert first.words.endswith("2 3 of 5 60 %few runs")
    assert [link.attributes["href"] for link in first.all("a", class_="link")] == ["/entries/h-3"]


def test_every_number_leads_to_its_rows() -> None:
    keep_document()
    try_patches(True, False, True, False, True)
    try_patches(True, place=PROMPTS[1])
    links = [link for link in rows(get(), "Agents")[0].all("a") if link.words.isdigit()]
    assert [(link.words, entries_behind(link)) for link in links] == [("2", 2), ("3", 3), ("5", 5)]


def test_the_field_that_was_rejected_most_comes_first() -> None:
    keep_document()
    try_patches(False, False, False, True)
    try_patches(True, True, place=PROMPTS[1])

    def names(query: str = "") -> list[str]:
        return [row.split()[0] for row in said(get(query), "Agents")[:2]]

    assert names() == ["reviewer", "writer"]
    assert names("&sort=changes") == ["writer", "reviewer"]
    assert names("&sort=name") == ["reviewer", "writer"]
    assert "must be one of" in get("&sort=x", answered=400).words


def test_a_period_limits_the_numbers() -> None:
    keep_document()
    now = now_ms()
    try_patches(True, ts_ms=now - 40 * DAY_MS)
    try_patches(True, False, ts_ms=now - DAY_MS)
    assert rows(get(), "Agents")[0].words.endswith("1 2 of 3 67 %few runs")
    page = get("&period=7d")
    assert rows(page, "Agents")[0].words.endswith("1 1 of 2 50 %few runs")
    (of,) = [link for link in rows(page, "Agents")[0].all("a") if link.words == "2"]
    assert entries_behind(of) == 2


def test_what_the_newest_document_lacks_is_listed_with_a_note() -> None:
    keep_document()
    try_patches(True, place="/flow/children/-")
    try_patches(True, place="/metadata/gone")
    try_patches(True, place="/agents")
    try_patches(True, place=PROMPTS[1], text="not stored")
    page = get()
    assert said(page, "Steps")[0].startswith("children/- added at the end 0 1 of 1")
    assert said(page, "Settings")[0].startswith("metadata/gone not in the newest document 0 1 of 1")
    agents = said(page, "Agents")
    assert any(row.startswith("1 profile/system_prompt by index: which item it was is not known") for row in agents)
    assert any(row.startswith("agents anything in it 0 2 of 2") for row in agents)


def test_without_a_document_the_touched_places_and_the_command_are_shown() -> None:
    try_patches(True, False)
    page = get()
    assert "python3 manage.py import_host PATH --source NAME" in page.words
    assert said(page, "Agents")[0].startswith("0 profile/system_prompt last changed")


@pytest.mark.parametrize(
    ("text", "form", "why"),
    [
        ("id: [", "yaml", "it is not valid YAML"),
        ("a: &b [1]\nc: *b\n", "yaml", "it has aliases"),
        ('{"a": ' + "[" * 5_000 + "]" * 5_000 + "}", "json", "it is nested more than 50 levels deep"),
        ('{"a": ', "json", "it is not valid JSON"),
    ],
)
def test_an_unreadable_document_says_why(text: str, form: Any, why: str) -> None:
    hash = keep_document(text, form)
    page = get()
    assert f"The newest document cannot be taken apart: {why}." in page.words
    assert page.addresses("newest document") == [f"/documents/{hash}"]


def test_a_document_without_fields_says_so() -> None:
    keep_document("just text\n")
    page = get()
    assert "The newest document has no fields." in page.words
    assert "cannot be taken apart" not in page.words


def test_tabs_lead_to_and_from_the_fields() -> None:
    keep_document()
    try_patches(False)
    for path in ("/blueprints/main", "/documents/?blueprint_id=main"):
        assert read(Client().get(path)).addresses("Fields") == ["/fields/?blueprint_id=main"]
    page = get()
    assert page.addresses("Timeline") == ["/blueprints/main"]
    assert page.addresses("Document") == ["/documents/?blueprint_id=main"]
    assert "on the tab Fields" in read(Client().get("/fields/")).words
    get(blueprint_id="nobody", answered=404)


def test_hostile_texts_are_text() -> None:
    keep_document(
        '{"agents": [{"name": "<xss-tag>\\u202e", "prompt": "<xss-tag>"}], "<xss-tag>": "</code>\\u2066"}', "json"
    )
    page = get()
    assert not page.all("xss-tag")
    assert "<xss-tag>" in untouched(page, "Agents")[0]


def test_a_page_has_a_bounded_size_whatever_the_document_and_the_patches() -> None:
    many = "".join(f"- name: {number}\n  prompt: p\n  other: x\n" for number in range(2_000))
    keep_document(f"agents:\n{many}")
    ops = [{"op": "add", "path": f"/z{number}", "value": 1} for number in range(150)]
    record_all([make_rejected(issue_id="h-many", ops=ops)])
    host_derivation.settle()
    page = get()
    assert len(untouched(page, "Agents")) == 200
    assert len(rows(page, "Settings")) == 100
    assert "3,850 more places are not listed." in page.words


def test_numbers_are_those_of_the_newest_patches_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "MOST_OF_PLACE", 4)
    keep_document()
    try_patches(True, True, False, False, False, True)
    assert rows(get(), "Agents")[0].words.endswith("3 of the newest 4 1 of the newest 4 25 %few runs")


def test_the_last_change_is_shown_even_if_the_newest_runs_were_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "MOST_OF_PLACE", 2)
    keep_document()
    try_patches(False, True, True, True)
    first = rows(get(), "Agents")[0]
    assert [link.attributes["href"] for link in first.all("a", class_="link")] == ["/entries/h-0"]
    assert first.words.endswith("0 of the newest 2 2 of the newest 2 100 %few runs")


def test_an_implausible_time_is_no_last_change_and_hides_no_newest_patch(monkeypatch: pytest.MonkeyPatch) -> None:
    keep_document()
    try_patches(False, True)
    try_patches(False, ts_ms=2**63 - 100)
    try_patches(False, ts_ms=1)
    try_patches(False, ts_ms=now_ms() + 3 * DAY_MS)
    first = rows(get(), "Agents")[0]
    assert [link.attributes["href"] for link in first.all("a", class_="link")] == ["/entries/h-0"]
    assert first.words.endswith("4 1 of 5 20 %few runs")
    numbers = [link for link in first.all("a") if link.words.isdigit()]
    assert [(link.words, entries_behind(link)) for link in numbers] == [("4", 4), ("1", 1), ("5", 5)]
    monkeypatch.setattr(log, "MOST_OF_PLACE", 2)
    assert rows(get(), "Agents")[0].words.endswith("1 of the newest 2 1 of the newest 2 50 %few runs")


def test_a_period_counts_what_its_list_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    keep_document()
    now = now_ms()
    try_patches(False, True, ts_ms=now - 3 * DAY_MS)
    monkeypatch.setattr(writing, "now_ms", lambda: now - 9 * DAY_MS)
    try_patches(False, ts_ms=now - DAY_MS)  # ahead of when it was recorded
    first = rows(get("&period=7d"), "Agents")[0]
    assert [link.attributes["href"] for link in first.all("a", class_="link")] == ["/entries/h-0"]
    numbers = [link for link in first.all("a") if link.words.isdigit()]
    assert [(link.words, entries_behind(link)) for link in numbers] == [("1", 1), ("1", 1), ("2", 2)]


def test_of_too_many_other_places_those_rejected_most_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(field_rows, "MOST_OTHERS", 2)
    try_patches(False, place="/a", ts_ms=NOON)
    try_patches(False, place="/b", ts_ms=NOON + 9)
    try_patches(False, place="/c", ts_ms=2**63 - 100)
    try_patches(True, place="/d", ts_ms=NOON)
    assert [row.split()[0] for row in said(get(), "Settings")] == ["d", "b"]


def test_a_key_that_no_place_can_have_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "MOST_PLACES", 1)
    keep_document('{"a\\u0000b": "x", "c": "y"}', "json")
    try_patches(True, place="/c", text="")
    try_patches(True, place="/z", text="")
    assert [row.split()[0] for row in said(get(), "Settings")] == ["c"]


def test_more_places_than_are_looked_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "MOST_PLACES", 2)
    keep_document()
    try_patches(True)
    page = get()
    assert "Patches touched more than 2 places" in page.words
    assert rows(page, "Agents")[0].words.endswith("0 1 of 1 100 %few runs")


@pytest.mark.parametrize("number", [1, 50])
def test_statements_do_not_grow_with_the_fields(number: int, django_assert_num_queries: Any) -> None:
    text = "agents:\n" + "".join(f"- name: agent-{n}\n  prompt: p\n" for n in range(number))
    keep_document(text)
    for n in range(number):
        try_patches(False, place=f"/agents/{n}/prompt", text=text)
    with django_assert_num_queries(15):
        page = get()
    assert len([row for row in rows(page, "Agents") if "last changed" in row.words]) == number


def test_no_table_is_read_from_end_to_end() -> None:
    keep_document()
    try_patches(True, False)
    with CaptureQueriesContext(connection) as captured:
        get()
        get("&period=7d")
    assert whole_tables(captured) == set()
    assert any("touch_applied" in plan for plan in plans(captured).values())


def test_an_unchanged_page_is_revalidated_until_a_patch_comes() -> None:
    keep_document()
    client = Client()
    client.get("/fields/?blueprint_id=main")  # sets the cookie of forms
    etag = client.get("/fields/?blueprint_id=main")["ETag"]
    assert client.get("/fields/?blueprint_id=main", headers={"If-None-Match": etag}).status_code == 304
    try_patches(True)
    assert client.get("/fields/?blueprint_id=main", headers={"If-None-Match": etag}).status_code == 200
