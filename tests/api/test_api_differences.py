"""What is different about entries, over HTTP."""

from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from enhancelog.backends.few_at_once import FewAtOnce
from enhancelog.domain.intervals import difference, wilson
from enhancelog.queries import differences
from tests.factories import make_entry, make_rejected
from tests.recording import record, record_all
from tests.strategies import NOW_MS

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def a_log_that_anybody_reads(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.PUBLIC_READ = True
    monkeypatch.setattr("enhancelog.store.writing.now_ms", lambda: NOW_MS)
    record_all(
        [
            *(make_rejected("noop", issue_id=f"r{n}", rationale="x" * 50, ts_ms=NOW_MS - n) for n in range(30)),
            *(make_entry(issue_id=f"a{n}", rationale="x" * 150, ts_ms=NOW_MS - n) for n in range(40)),
            *(make_entry(issue_id=f"o{n}", blueprint_id="other", ts_ms=NOW_MS - n) for n in range(25)),
        ]
    )


def asked(client: Client, **parameters: Any) -> Any:
    response = client.get("/v1/enhance/differences", parameters)
    assert response.status_code == 200, response.content
    return response.json()


def rate(part: int, whole: int) -> dict[str, float]:
    low, high = wilson(part, whole)
    return {"n": part, "of": whole, "low": round(low, 4), "high": round(high, 4)}


def test_with_all_others(client: Client) -> None:
    found = asked(client, status="rejected", blueprint_id="main")
    assert found["inside"] == {"entries": 30, "since_ms": None}
    assert found["outside"] == {"entries": 65, "since_ms": None}
    first = next(each for each in found["differences"] if each["value"] == "120-239")
    low, high = difference(0, 30, 40, 65)
    assert first == {
        "filter": "rationale_length",
        "value": "120-239",
        "inside": rate(0, 30),
        "outside": rate(40, 65),
        "difference": {"low": round(low, 4), "high": round(high, 4)},
        "p": first["p"],
    }
    assert 0 < first["p"] < 1e-6


def test_with_a_second_filter(client: Client) -> None:
    found = asked(client, status="rejected", against="status=applied&blueprint_id=main")
    assert found["outside"] == {"entries": 40, "since_ms": None}
    assert found["differences"][0]["value"] == "0-119"
    assert found["differences"][0]["outside"] == rate(0, 40)
    assert {each["filter"] for each in found["differences"]}.isdisjoint({"status", "axis", "blueprint_id"})


def test_too_few_on_a_side(client: Client) -> None:
    record(make_rejected("tone", issue_id="one", ts_ms=NOW_MS))
    found = asked(client, axis="tone")
    assert (found["inside"]["entries"], found["tested"], found["differences"]) == (1, 0, [])


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ([], "against"),
        ([("since", "7d")], "against"),
        ([("status", "odd")], "status"),
        ([("status", "rejected"), ("against", "")], "against"),
        ([("status", "rejected"), ("against", "status")], "against"),
        ([("status", "rejected"), ("against", "status=odd")], "against"),
        ([("status", "rejected"), ("against", "since=never")], "against"),
        ([("status", "rejected"), ("against", "a=%ff")], "against"),
        ([("against", "status=applied"), ("against", "status=rejected")], "against"),
        ([("matching", "axis=noop"), ("status", "rejected")], "against"),
        ([("matching", "odd=1")], "matching"),
        ([("hour", "noon")], "hour"),
    ],
)
def test_what_cannot_be_compared_is_refused(client: Client, parameters: list[tuple[str, str]], field: str) -> None:
    response = client.get(f"/v1/enhance/differences?{urlencode(parameters)}")
    assert response.status_code == 400
    assert [error["field"] for error in response.json()["errors"]] == [field]


def test_it_is_not_sent_again_while_it_is_the_same(client: Client) -> None:
    url = "/v1/enhance/differences?status=rejected"
    first = client.get(url)
    assert client.get(url, headers={"If-None-Match": first["ETag"]}).status_code == 304


@pytest.mark.parametrize("path", ["/v1/enhance/differences", "/differences/"])
def test_too_many_at_once_is_503(client: Client, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    few = FewAtOnce(1, 0.05, "Too many comparisons are under way; try again.", retry_after_s=5)
    monkeypatch.setattr(differences, "_few", few)
    address = f"{path}?status=rejected"
    with few.slot():
        response = client.get(address)
    assert (response.status_code, response["Retry-After"]) == (503, "5")
    assert "Too many comparisons are under way" in response.content.decode()
    assert client.get(address).status_code == 200
