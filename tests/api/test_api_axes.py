"""Axes and what-if over HTTP: rates with their bounds, of the chosen Blueprints and days."""

from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from enhancelog.domain.intervals import wilson
from enhancelog.domain.times import DAY_MS
from tests.factories import make_entry, make_rejected
from tests.recording import record
from tests.strategies import NOW_MS

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def a_log_that_anybody_reads(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.PUBLIC_READ = True
    monkeypatch.setattr("enhancelog.store.writing.now_ms", lambda: NOW_MS)
    record(
        make_rejected("noop", "tone", issue_id="a", ts_ms=NOW_MS - 3),
        make_rejected("noop", issue_id="b", ts_ms=NOW_MS - 2),
        make_entry(issue_id="c", ts_ms=NOW_MS - 1),
        make_rejected("tone", issue_id="d", blueprint_id="other", ts_ms=NOW_MS - 2 * DAY_MS),
    )


def asked(client: Client, path: str, **parameters: Any) -> Any:
    response = client.get(f"/v1/enhance/{path}", parameters)
    assert response.status_code == 200, response.content
    return response.json()


def rate(part: int, whole: int) -> dict[str, float]:
    low, high = wilson(part, whole)
    return {"n": part, "of": whole, "low": round(low, 4), "high": round(high, 4)}


def test_axes_with_what_came_next(client: Client) -> None:
    noop, tone, des = asked(client, "axes")
    assert noop == {
        "axis": "noop",
        "denied": rate(2, 3),
        "alone": rate(1, 2),
        "next": {"applied": 1, "same": 1, "other": 0, "none": 0},
    }
    assert tone["denied"] == rate(2, 2)
    assert tone["next"] == {"applied": 0, "same": 0, "other": 1, "none": 1}
    assert des["denied"] == rate(0, 4)


def test_one_axis(client: Client) -> None:
    found = asked(client, "axes/tone")
    assert (found["together"], found["blueprints"]) == ({"noop": 1}, {"main": rate(1, 1), "other": rate(1, 1)})
    assert client.get("/v1/enhance/axes/nobody").status_code == 404


def test_what_if(client: Client) -> None:
    assert asked(client, "what-if", without="noop")["passed"] == rate(1, 3)
    both = asked(client, "what-if", without=["noop", "tone"])
    assert both == {"passed": rate(3, 3), "blueprints": {"main": rate(2, 2), "other": rate(1, 1)}}


@pytest.mark.parametrize(
    ("parameters", "passed"),
    [
        ({"blueprint_id": "main"}, rate(2, 2)),
        ({"blueprint_prefix": "oth"}, rate(1, 1)),
        ({"until": str(NOW_MS // DAY_MS * DAY_MS)}, rate(1, 1)),
        ({"since": str(NOW_MS - 2), "until": str(NOW_MS)}, rate(1, 1)),
        ({"blueprint_id": "nobody"}, rate(0, 0)),
    ],
)
def test_of_chosen_blueprints_and_times(client: Client, parameters: dict[str, str], passed: dict[str, float]) -> None:
    assert asked(client, "what-if", without=["noop", "tone"], **parameters)["passed"] == passed


@pytest.mark.parametrize(
    ("path", "parameters", "field"),
    [
        ("what-if", {}, "without"),
        ("what-if", {"without": "noop", "axis": "tone"}, "axis"),
        ("axes", {"without": "noop"}, "without"),
        ("axes", {"not_blueprint_id": "main"}, "not_blueprint_id"),
        ("axes/noop", {"since": "1", "until": str(NOW_MS)}, "since"),
        ("axes", {"since": "1"}, "since"),
    ],
)
def test_what_cannot_be_counted_is_refused(client: Client, path: str, parameters: dict[str, str], field: str) -> None:
    response = client.get(f"/v1/enhance/{path}?{urlencode(parameters)}")
    assert response.status_code == 400
    assert [error["field"] for error in response.json()["errors"]] == [field]


def test_it_is_not_sent_again_while_it_is_the_same(client: Client) -> None:
    first = client.get("/v1/enhance/axes")
    assert client.get("/v1/enhance/axes", headers={"If-None-Match": first["ETag"]}).status_code == 304
    record(make_entry(issue_id="e"))
    assert client.get("/v1/enhance/axes", headers={"If-None-Match": first["ETag"]}).status_code == 200
