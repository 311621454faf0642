"""Markers over HTTP: listed, set within a token's limits, edited, hidden by staff, and compared."""

import base64
import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from enhancelog.accounts import api_tokens
from enhancelog.domain.intervals import difference, wilson
from enhancelog.domain.times import DAY_MS
from enhancelog.models import AuditRecord, Marker
from tests.factories import make_entry, make_rejected
from tests.recording import record_all
from tests.strategies import NOW_MS

pytestmark = pytest.mark.django_db

MARKERS = "/v1/enhance/markers"
MIDNIGHT = NOW_MS // DAY_MS * DAY_MS


@pytest.fixture(autouse=True)
def the_clock_stands_still(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.PUBLIC_READ = True
    for module in ("store.writing", "api.markers", "store.markers"):
        monkeypatch.setattr(f"enhancelog.{module}.now_ms", lambda: NOW_MS)


@pytest.fixture
def staff() -> User:
    return User.objects.create_user("ada", password="correct horse", is_staff=True)


def token(owner: User, *blueprints: str, name: str = "ci") -> dict[str, str]:
    _, secret = api_tokens.make(api_tokens.Wanted(name, ("log:append",), None, blueprints), owner, owner.username)
    return {"Authorization": f"Bearer {secret}"}


def sent(method: str, path: str, headers: dict[str, str], answered: int, **body: Any) -> Any:
    response = Client().generic(method, path, json.dumps(body), "application/json", headers=headers)
    assert response.status_code == answered, response.content
    return response.json()


def listed(client: Client, **parameters: Any) -> list[str]:
    response = client.get(MARKERS, parameters)
    assert response.status_code == 200, response.content
    return [marker["title"] for marker in response.json()]


def test_a_token_sets_a_marker(client: Client, staff: User) -> None:
    made = sent("POST", MARKERS, token(staff), 201, title="prompt v12", note="b", axis="noop", odd=1)
    assert made == {
        "id": made["id"],
        "ts_ms": NOW_MS,
        "kind": "manual",
        "title": "prompt v12",
        "note": "b",
        "axis": "noop",
        "source": "token ci",
    }
    assert client.get(MARKERS).json() == [made]
    assert client.get(f"{MARKERS}/{made['id']}").json() == made | {"comparison": None}


def test_within_its_blueprints(staff: User) -> None:
    headers = token(staff, "team-*")
    path = f"{MARKERS}/{sent('POST', MARKERS, headers, 201, title='a', blueprint_id='team-a')['id']}"
    assert "main" in sent("POST", MARKERS, headers, 403, title="a", blueprint_id="main")["detail"]
    assert "team-*" in sent("POST", MARKERS, headers, 403, title="a")["detail"]
    sent("PATCH", path, headers, 200, title="b", blueprint_id="team-b")
    sent("PATCH", path, headers, 403, blueprint_id="main")
    sent("PATCH", path, headers, 403, blueprint_id=None)
    sent("PATCH", path, token(staff, "main", name="other"), 403, title="c")
    row = Marker.objects.get()
    assert (row.title, row.blueprint_id, AuditRecord.objects.filter(about="marker").count()) == ("b", "team-b", 2)


def test_what_is_left_out_of_an_edit_stays(staff: User) -> None:
    headers = token(staff)
    made = sent("POST", MARKERS, headers, 201, title="a", note="n", blueprint_id="", axis="noop", ts_ms=NOW_MS - 5)
    path = f"{MARKERS}/{made['id']}"
    assert sent("PATCH", path, headers, 200) == made
    changed = sent("PATCH", path, headers, 200, axis=None, ts_ms=NOW_MS - 4)
    assert changed == {name: value for name, value in made.items() if name != "axis"} | {"ts_ms": NOW_MS - 4}


def test_only_staff_hides(client: Client, staff: User) -> None:
    headers = token(staff)
    path = f"{MARKERS}/{sent('POST', MARKERS, headers, 201, title='a')['id']}"
    assert "staff" in sent("PATCH", path, headers, 403, hidden=True)["detail"]
    basic = {"Authorization": f"Basic {base64.b64encode(b'ada:correct horse').decode()}"}
    client.force_login(staff)
    response = client.patch(path, {"hidden": True}, content_type="application/json", headers=basic)
    assert response.status_code == 200, response.content
    assert response.json()["hidden"] is True
    assert (listed(client), listed(client, hidden="true")) == ([], ["a"])
    assert client.get(path).json()["hidden"] is True
    response = client.patch(path, {"hidden": False}, content_type="application/json")
    assert (listed(client), listed(client, hidden="true")) == (["a"], [])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "title"),
        ({"title": ""}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"title": "a\nb"}, "title"),
        ({"title": 1}, "title"),
        ({"title": "a", "note": "x" * 4001}, "note"),
        ({"title": "a", "note": "\0"}, "note"),
        ({"title": "a", "ts_ms": 0}, "ts_ms"),
        ({"title": "a", "ts_ms": NOW_MS + DAY_MS + 1}, "ts_ms"),
        ({"title": "a", "ts_ms": 2**70}, "ts_ms"),
        ({"title": "a", "blueprint_id": "x" * 513}, "blueprint_id"),
        ({"title": "a", "axis": ""}, "axis"),
    ],
)
def test_a_bad_field_is_named(staff: User, body: dict[str, Any], field: str) -> None:
    headers = token(staff)
    assert [each["field"] for each in sent("POST", MARKERS, headers, 400, **body)["errors"]] == [field]
    assert not Marker.objects.exists()
    if body.keys() != {"title"} or body["title"]:
        path = f"{MARKERS}/{sent('POST', MARKERS, headers, 201, title='good')['id']}"
        wrong = {name: value for name, value in body.items() if name == field}
        if wrong:
            assert [each["field"] for each in sent("PATCH", path, headers, 400, **wrong)["errors"]] == [field]


def test_what_is_derived_or_unknown_cannot_be_edited(client: Client, staff: User) -> None:
    record_all(axis_started())
    (marker,) = client.get(MARKERS).json()
    assert marker == {
        "id": marker["id"],
        "ts_ms": MIDNIGHT - DAY_MS,
        "kind": "axis_started",
        "title": "secrets started",
        "note": "The first day on which it judged.",
        "axis": "secrets",
        "source": "log",
    }
    headers = token(staff)
    refused = sent("PATCH", f"{MARKERS}/{marker['id']}", headers, 400, title="mine")
    assert [each["field"] for each in refused["errors"]] == ["title"]
    sent("PATCH", f"{MARKERS}/{'0' * 16}", headers, 404, title="mine")
    assert client.get(f"{MARKERS}/nothing").status_code == 404


def axis_started() -> list[Any]:
    before = [make_rejected("noop", issue_id=f"b{at}", ts_ms=MIDNIGHT - 2 * DAY_MS + at) for at in range(30)]
    passed = [{"axis": axis, "status": "pass", "detail": ""} for axis in ("noop", "secrets")]
    after = [make_entry(issue_id=f"a{at}", ts_ms=MIDNIGHT - DAY_MS + at, verdicts=passed) for at in range(20)]
    return before + after


def test_a_comparison(client: Client) -> None:
    record_all(axis_started())
    (marker,) = client.get(MARKERS).json()
    response = client.get(f"{MARKERS}/{marker['id']}")
    found = response.json()["comparison"]
    assert found["before"] == {"since_ms": MIDNIGHT - 2 * DAY_MS, "until_ms": MIDNIGHT - DAY_MS, "runs": 30}
    assert found["after"] == {"since_ms": MIDNIGHT - DAY_MS, "until_ms": MIDNIGHT, "runs": 20}
    low, high = difference(0, 20, 30, 30)
    better = {
        "before": rate(30, 30),
        "after": rate(0, 20),
        "difference": {"low": round(low, 4), "high": round(high, 4)},
        "effect": "better",
    }
    assert found["rejected"] == found["axes"]["noop"] == found["blueprints"]["main"] == better
    assert found["axes"]["secrets"]["effect"] == "too_few"
    assert list(found["gone"].values()) == [30]
    assert client.get(f"{MARKERS}/{marker['id']}", headers={"If-None-Match": response["ETag"]}).status_code == 304


def rate(part: int, whole: int) -> dict[str, float]:
    low, high = wilson(part, whole)
    return {"n": part, "of": whole, "low": round(low, 4), "high": round(high, 4)}


@pytest.mark.parametrize(
    ("parameters", "shown"),
    [
        ({"kind": ["manual", "wording"]}, ["c", "b", "a"]),
        ({"kind": "settings"}, []),
        ({"axis": "noop"}, ["b"]),
        ({"blueprint_id": ["x", "main"]}, ["a"]),
        ({"since": str(NOW_MS - 2)}, ["c", "b"]),
        ({"until": str(NOW_MS - 2)}, ["a"]),
    ],
)
def test_a_filter(client: Client, staff: User, parameters: dict[str, Any], shown: list[str]) -> None:
    headers = token(staff)
    for title, ts_ms, said in (("a", 3, {"blueprint_id": "main"}), ("b", 2, {"axis": "noop"}), ("c", 1, {})):
        sent("POST", MARKERS, headers, 201, title=title, ts_ms=NOW_MS - ts_ms, **said)
    assert listed(client, **parameters) == shown


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"kind": "odd"}, "kind"),
        ({"since": "soon"}, "since"),
        ({"since": ["1", "2"]}, "since"),
        ({"hidden": "1"}, "hidden"),
    ],
)
def test_a_bad_parameter_is_named(client: Client, parameters: dict[str, Any], field: str) -> None:
    response = client.get(MARKERS, parameters)
    assert response.status_code == 400
    assert [error["field"] for error in response.json()["errors"]] == [field]
