"""The funnel over HTTP: rates with their bounds, attempts and times, of the chosen Blueprints and days."""

from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from enhancelog.domain.times import DAY_MS
from tests.api.test_api_axes import rate
from tests.factories import make_entry, make_rejected
from tests.host.observed import report
from tests.recording import record
from tests.strategies import NOW_MS

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def a_log_that_anybody_reads(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.PUBLIC_READ = True
    monkeypatch.setattr("enhancelog.store.writing.now_ms", lambda: NOW_MS)
    record(
        make_rejected(issue_id="a", ts_ms=NOW_MS - 90_000),
        make_entry(issue_id="b", ts_ms=NOW_MS - 1),
        make_entry(issue_id="c", intent="another", ts_ms=NOW_MS - 1),
        make_rejected("tone", issue_id="d", blueprint_id="other", ts_ms=NOW_MS - 2 * DAY_MS),
    )
    report("unfinished", ts_ms=NOW_MS)


def funnel(client: Client, **parameters: Any) -> Any:
    response = client.get("/v1/enhance/funnel", parameters)
    assert response.status_code == 200, response.content
    return response.json()


def test_the_whole_funnel(client: Client) -> None:
    found = funnel(client)
    blueprints, over_time = found.pop("blueprints"), found.pop("over_time")
    assert found == {
        "first_attempts": rate(1, 3),
        "applied_first": rate(1, 3),
        "applied_later": rate(1, 3),
        "given_up": rate(1, 3),
        "applied_after": {"first": 1, "second": 1, "third": 0, "further": 0},
        "given_up_after": {"first": 1, "second": 0, "third": 0, "further": 0},
        "time_to_applied": {
            "intents": 1,
            "median": {"from_ms": 60_000, "below_ms": 120_000},
            "p90": {"from_ms": 60_000, "below_ms": 120_000},
        },
        "unfinished": 1,
    }
    assert [(each["blueprint_id"], each["given_up"]) for each in blueprints] == [
        ("main", rate(0, 2)),
        ("other", rate(1, 1)),
    ]
    assert [(each["since_ms"] // DAY_MS, each["applied_later"]["n"]) for each in over_time] == [
        (NOW_MS // DAY_MS - 2, 0),
        (NOW_MS // DAY_MS - 1, 0),
        (NOW_MS // DAY_MS, 1),
    ]
    assert all(each["until_ms"] - each["since_ms"] == DAY_MS for each in over_time)


@pytest.mark.parametrize(
    ("parameters", "applied_later", "unfinished"),
    [
        ({"blueprint_id": "main"}, rate(1, 2), 1),
        ({"blueprint_prefix": "oth"}, rate(0, 1), 0),
        ({"until": str(NOW_MS // DAY_MS * DAY_MS)}, rate(0, 1), 0),
        ({"since": str(NOW_MS - 2), "until": str(NOW_MS)}, rate(1, 2), 1),
        ({"blueprint_id": "nobody"}, rate(0, 0), 0),
    ],
)
def test_of_chosen_blueprints_and_times(
    client: Client, parameters: dict[str, str], applied_later: dict[str, float], unfinished: int
) -> None:
    found = funnel(client, **parameters)
    assert (found["applied_later"], found["unfinished"]) == (applied_later, unfinished)


@pytest.mark.parametrize(
    ("parameters", "field"),
    [({"axis": "tone"}, "axis"), ({"not_blueprint_id": "main"}, "not_blueprint_id"), ({"since": "1"}, "since")],
)
def test_what_cannot_be_counted_is_refused(client: Client, parameters: dict[str, str], field: str) -> None:
    response = client.get(f"/v1/enhance/funnel?{urlencode(parameters)}")
    assert response.status_code == 400
    assert [error["field"] for error in response.json()["errors"]] == [field]


def test_without_a_log_it_is_empty(client: Client) -> None:
    found = funnel(client, blueprint_id="nobody")
    assert (found["blueprints"], found["over_time"]) == ([], [])
    assert found["time_to_applied"] == {"intents": 0, "median": None, "p90": None}
