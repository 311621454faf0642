"""Themes over HTTP."""

from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client

from enhancelog.domain.intervals import wilson
from enhancelog.domain.times import DAY_MS, HOUR_MS
from enhancelog.store import theme_counting, theme_derivation
from enhancelog.store.database import last_position
from tests.factories import make_entry, make_rejected
from tests.prose import DETAILS, append, denied, prose_from_the_second_denial
from tests.recording import record, record_all
from tests.strategies import NOW_MS

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def a_log_that_anybody_reads(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.PUBLIC_READ = True
    for module in ("store.writing", "api.figures", "api.lists", "api.themes"):
        monkeypatch.setattr(f"enhancelog.{module}.now_ms", lambda: NOW_MS)


def asked(client: Client, axis: str = "critic", **parameters: Any) -> Any:
    response = client.get(f"/v1/enhance/themes/{quote(axis, safe='')}", parameters)
    assert response.status_code == 200, response.content
    return response.json()


def listed(client: Client, **parameters: Any) -> list[dict[str, Any]]:
    response = client.get("/v1/enhance/log", {"page_size": 1000, "order": "desc", **parameters})
    assert response.status_code == 200, response.content
    found: list[dict[str, Any]] = response.json()
    return found


def test_each_number_is_that_of_its_list(client: Client) -> None:
    record_all([*denied(DETAILS), *denied(DETAILS[:30], prefix="applied", status="applied")])
    since = str((NOW_MS // DAY_MS - 4) * DAY_MS)
    for span in ({}, {"since": since}, {"since": str(NOW_MS - 30 * HOUR_MS), "until": str(NOW_MS + 1)}):
        found = asked(client, **span)
        assert (found["axis"], found["kind"], found["to_come"]) == ("critic", "prose", 0)
        assert found["denials"] == len(listed(client, axis="critic", status="rejected", **span))
        assert found["denials"] == sum(each["denied"]["n"] for each in found["themes"]) + found["rest"]
        numbers = [each["denied"]["n"] for each in found["themes"]]
        assert numbers == sorted(numbers, reverse=True)
        for each in found["themes"][:4]:
            entries = listed(client, theme=each["theme"], status="rejected", **span)
            assert [len(entries), entries[0]["issue_id"]] == [each["denied"]["n"], each["newest"]]
            low, high = wilson(len(entries), found["denials"])
            assert each["denied"] == {
                "n": len(entries),
                "of": found["denials"],
                "low": round(low, 4),
                "high": round(high, 4),
            }
            assert 1 <= len(each["words"]) <= 4


def test_what_is_not_derived_yet_is_said(client: Client) -> None:
    record_all(denied(DETAILS))
    end = last_position()
    append(*denied(DETAILS, prefix="late"))
    response = client.get("/v1/enhance/themes/critic")
    assert response.headers["Enhancelog-Derived-To"] == str(end)
    assert (response.json()["denials"], response.json()["to_come"]) == (len(DETAILS), len(DETAILS))
    theme = response.json()["themes"][0]["theme"]
    for name in ("theme", "not_theme"):
        answer = client.get("/v1/enhance/log", {name: theme, "page_size": 1})
        assert answer.headers["Enhancelog-Derived-To"] == str(end)
    tail = client.get("/v1/enhance/log", {"theme": theme, "after": end})
    assert (tail.json(), tail.headers["Enhancelog-Derived-To"]) == ([], str(end))
    theme_derivation.settle()
    assert asked(client)["denials"] == 2 * len(DETAILS)
    assert client.get("/v1/enhance/log", {"theme": theme, "after": end}).json() != []


def test_an_axis_without_themes_says_why(client: Client) -> None:
    record_all(make_rejected("noop", issue_id=f"noop {at}", ts_ms=NOW_MS) for at in range(100))
    record_all(denied(DETAILS[:5]))
    none = {"themes": [], "to_come": 0}
    assert asked(client, "noop") == {"axis": "noop", "kind": "not prose", "denials": 100, "rest": 100, **none}
    assert asked(client) == {"axis": "critic", "kind": "few denials", "denials": 5, "rest": 5, **none}
    append(*denied(DETAILS[:1], prefix="late"))
    assert asked(client)["kind"] == "not known"


def test_an_axis_beyond_those_that_have_themes_says_so(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(theme_counting, "MOST_PROSE", 1)
    with prose_from_the_second_denial():
        record_all([*denied(DETAILS[:20]), *denied(DETAILS[:20], "late")])
    assert asked(client)["kind"] == "prose"
    none = {"themes": [], "to_come": 0}
    assert asked(client, "late") == {"axis": "late", "kind": "too many axes", "denials": 20, "rest": 20, **none}


@pytest.mark.parametrize("axis", ["a/b", "a:1", "x/themes", "日本 %", "x" * 512])
def test_an_axis_may_have_any_name(client: Client, axis: str) -> None:
    with prose_from_the_second_denial():
        record_all(denied(DETAILS[:20], axis))
    found = asked(client, axis)
    assert found["kind"] == "prose"
    assert len(listed(client, theme=found["themes"][0]["theme"])) == found["themes"][0]["denied"]["n"]


@pytest.mark.parametrize("axis", ["nobody", "..", "x" * 600, "%00"])
def test_an_unknown_axis_is_a_problem(client: Client, axis: str) -> None:
    record(make_entry())
    response = client.get(f"/v1/enhance/themes/{quote(axis, safe='%')}")
    assert response.status_code == 404
    assert response["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(("name", "value"), [("axis", "noop"), ("theme", "a:1"), ("period", "never"), ("since", "90h")])
def test_a_parameter_that_cannot_be_used_is_named(client: Client, name: str, value: str) -> None:
    record(make_entry())
    response = client.get("/v1/enhance/themes/des", {name: value})
    assert (response.status_code, response.json()["errors"][0]["field"]) == (400, name)
