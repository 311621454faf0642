"""Steadiness over HTTP: flips by axis with their bounds, and denials that may have been wrong."""

from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from enhancelog.domain.intervals import wilson
from enhancelog.domain.observed import Version
from enhancelog.domain.times import DAY_MS
from enhancelog.store import host_derivation, observed
from enhancelog.store.observed import Found
from tests.factories import HASHES, make_entry, make_rejected
from tests.recording import record
from tests.strategies import NOW_MS

pytestmark = pytest.mark.django_db

MADE: dict[str, Any] = {"blueprint_id": "main", "made_by": "hand", "rationale": "", "prev_hash": HASHES[0], "number": 1}


@pytest.fixture(autouse=True)
def a_log_that_anybody_reads(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.PUBLIC_READ = True
    monkeypatch.setattr("enhancelog.store.writing.now_ms", lambda: NOW_MS)
    record(
        make_rejected("noop", issue_id="a", candidate_hash=HASHES[3], rationale="a", ts_ms=NOW_MS - 3),
        make_entry(issue_id="b", new_hash=HASHES[3], rationale="b", ts_ms=NOW_MS - 2),
        make_rejected("tone", issue_id="old", rationale="c", ts_ms=NOW_MS - 2 * DAY_MS - 1),
        make_entry(issue_id="new", rationale="c", verdicts=[], ts_ms=NOW_MS - 2 * DAY_MS),
        source="host",
    )
    observed.keep("host", Found(versions=[Version(hash=HASHES[3], ts_ms=NOW_MS - 1, **MADE)]))
    host_derivation.settle()


def asked(client: Client, **parameters: Any) -> Any:
    response = client.get("/v1/enhance/steadiness", parameters)
    assert response.status_code == 200, response.content
    assert response.headers["Enhancelog-Derived-To"] == "4"
    return response.json()


def rate(part: int, whole: int) -> dict[str, float]:
    low, high = wilson(part, whole)
    return {"n": part, "of": whole, "low": round(low, 4), "high": round(high, 4)}


def test_everything(client: Client) -> None:
    again = {"axis": "noop", "before": "deny", "after": "pass", "earlier": "a", "later": "b", "evidence": "hash"}
    switched_off = {"axis": "tone", "after": "absent", "earlier": "old", "later": "new", "evidence": "words"}
    assert asked(client) == {
        "axes": [
            {"axis": "noop", "flips": rate(1, 1), "to_deny": 0, "to_pass": 1},
            {"axis": "des", "flips": rate(0, 1), "to_deny": 0, "to_pass": 0},
        ],
        "capped": False,
        "flips": [again],
        "applied_later": [again, again | switched_off],
        "made_by_hand": [{"axis": "noop", "issue_id": "a", "candidate_hash": HASHES[3], "ts_ms": NOW_MS - 1}],
    }


@pytest.mark.parametrize(
    ("parameters", "axes", "suspects"),
    [
        ({"axis": "noop"}, ["noop"], 2),
        ({"axis": "tone"}, [], 1),
        ({"axis": "nobody"}, [], 0),
        ({"since": str(NOW_MS // DAY_MS * DAY_MS)}, ["noop", "des"], 2),
        ({"until": str(NOW_MS // DAY_MS * DAY_MS)}, [], 1),
    ],
)
def test_of_an_axis_or_a_time(client: Client, parameters: Any, axes: list[str], suspects: int) -> None:
    found = asked(client, **parameters)
    assert [row["axis"] for row in found["axes"]] == axes
    assert len(found["applied_later"]) + len(found["made_by_hand"]) == suspects


@pytest.mark.parametrize(
    ("parameters", "field"),
    [({"axis": ["a", "b"]}, "axis"), ({"blueprint_id": "main"}, "blueprint_id"), ({"since": "1"}, "since")],
)
def test_what_cannot_be_counted_is_refused(client: Client, parameters: dict[str, Any], field: str) -> None:
    response = client.get(f"/v1/enhance/steadiness?{urlencode(parameters, doseq=True)}")
    assert response.status_code == 400
    assert [error["field"] for error in response.json()["errors"]] == [field]


def test_it_is_not_sent_again_while_it_is_the_same(client: Client) -> None:
    first = client.get("/v1/enhance/steadiness")
    assert client.get("/v1/enhance/steadiness", headers={"If-None-Match": first["ETag"]}).status_code == 304


def test_the_filter_finds_both_runs(client: Client) -> None:
    assert [entry["issue_id"] for entry in client.get("/v1/enhance/log?has=flip").json()] == ["a", "b"]
    assert {entry["issue_id"] for entry in client.get("/v1/enhance/log?not_has=flip").json()} == {"old", "new"}
