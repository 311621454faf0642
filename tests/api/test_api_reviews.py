"""Reviews over HTTP: set, read and drawn."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from enhancelog.accounts import api_tokens
from enhancelog.domain.intervals import wilson
from enhancelog.models import Review
from tests.factories import make_rejected
from tests.recording import record_all
from tests.strategies import NOW_MS

pytestmark = pytest.mark.django_db

REVIEWS = "/v1/enhance/reviews"
QUEUE = "/v1/enhance/review-queue"


@pytest.fixture(autouse=True)
def thirty_denials(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.PUBLIC_READ = True
    monkeypatch.setattr("enhancelog.store.reviews.now_ms", lambda: NOW_MS)
    record_all(make_rejected("noop", issue_id=f"h-{at}", ts_ms=NOW_MS - at, detail=f"no {at}") for at in range(30))


def token(name: str = "ci", *blueprints: str, scopes: tuple[str, ...] = ("triage:write",)) -> dict[str, str]:
    owner, _ = User.objects.get_or_create(username="ada", is_staff=True)
    _, secret = api_tokens.make(api_tokens.Wanted(name, scopes, None, blueprints), owner, owner.username)
    return {"Authorization": f"Bearer {secret}"}


def put(headers: dict[str, str], status: int, query: str, body: Any, issue_id: str = "h-0") -> Any:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    response = Client().put(f"{REVIEWS}/{issue_id}?{query}", data, "application/json", headers=headers)
    assert response.status_code == status, response.content
    return response.json()


def read(path: str, **parameters: Any) -> Any:
    response = Client().get(path, parameters)
    assert response.status_code == 200, response.content
    return response.json()


def test_a_review_is_set_changed_and_read() -> None:
    headers = token()
    made = put(headers, 201, "axis=noop", {"verdict": "wrong", "reason": "it changes a line", "odd": 1})
    assert made == {
        "issue_id": "h-0",
        "axis": "noop",
        "reviewer": "token ci",
        "verdict": "wrong",
        "reason": "it changes a line",
        "made_ms": NOW_MS,
        "seed": None,
    }
    changed = put(headers, 200, "axis=noop", {"verdict": "unclear"})
    assert changed == {**made, "verdict": "unclear", "reason": ""}
    other = put(token("other"), 201, "axis=noop", {"verdict": "right"})
    assert read(f"{REVIEWS}/h-0") == read(f"{REVIEWS}/h-0", axis="noop") == [changed, other]
    assert read(f"{REVIEWS}/h-0", axis="tone") == read(f"{REVIEWS}/h-1") == []


def test_a_queue_is_drawn_and_its_reviews_are_counted_apart() -> None:
    headers = token()
    drawn = read(QUEUE, axis="noop")
    assert (drawn["axis"], drawn["of"], len(drawn["drawn"])) == ("noop", 30, 20)
    assert read(QUEUE, axis="noop", seed=drawn["seed"]) == drawn
    assert read(QUEUE, axis="noop", seed=7)["seed"] == 30_000_007
    for at, denial in enumerate(drawn["drawn"]):
        verdict = "wrong" if at < 3 else "right"
        put(headers, 201, f"axis=noop&seed={drawn['seed']}", {"verdict": verdict}, denial["issue_id"])
    (left_out, *_) = {f"h-{at}" for at in range(30)} - {denial["issue_id"] for denial in drawn["drawn"]}
    refused = put(headers, 400, f"axis=noop&seed={drawn['seed']}", {"verdict": "wrong"}, left_out)
    assert refused["errors"][0]["field"] == "seed"
    put(headers, 201, "axis=noop", {"verdict": "unclear"}, left_out)
    low, high = (round(bound, 4) for bound in wilson(3, 20))
    assert read("/v1/enhance/axes/noop")["reviews"] == {
        "drawn": {"wrong": {"n": 3, "of": 20, "low": low, "high": high}, "right": 17, "unclear": 0},
        "chosen": {"wrong": {"n": 0, "of": 1, "low": 0.0, "high": 0.7935}, "right": 0, "unclear": 1},
    }


def test_a_queue_shows_ones_own_reviews() -> None:
    reader = token("both", scopes=("log:read",))
    Review.objects.create(position=1, axis="noop", reviewer="token both", verdict="wrong", reason="", made_ms=1)
    drawn = {
        each["issue_id"]: each
        for seed in range(5)
        for each in Client().get(f"{QUEUE}?axis=noop&seed={seed}", headers=reader).json()["drawn"]
    }
    assert [each["issue_id"] for each in drawn.values() if each["review"]] == ["h-0"]
    assert (drawn["h-0"]["review"], drawn["h-0"]["details"]) == ("wrong", ["no 0"])
    assert all(not each["review"] for each in read(QUEUE, axis="noop", seed=0)["drawn"])


@pytest.mark.parametrize(
    ("query", "body", "status", "field"),
    [
        ("", {"verdict": "wrong"}, 400, "axis"),
        ("axis=des", {"verdict": "wrong"}, 400, "axis"),
        ("axis=tone", {"verdict": "wrong"}, 400, "axis"),
        ("axis=noop&axis=noop", {"verdict": "wrong"}, 400, "axis"),
        ("axis=noop", {"verdict": "odd"}, 400, "verdict"),
        ("axis=noop", {}, 400, "verdict"),
        ("axis=noop", [], 400, ""),
        ("axis=noop", {"verdict": "wrong", "reason": "x" * 2_001}, 400, "reason"),
        ("axis=noop", b'{"verdict": "wrong", "reason": "\\u0000"}', 400, "reason"),
        ("axis=noop", b'{"verdict": "wrong", "verdict": "right"}', 400, "verdict"),
        ("axis=noop", b"{" * 70_000, 413, ""),
        ("axis=noop&seed=x", {"verdict": "wrong"}, 400, "seed"),
        ("axis=noop&seed=31000000", {"verdict": "wrong"}, 400, "seed"),
        ("axis=noop&seed=9007199254740992", {"verdict": "wrong"}, 400, "seed"),
    ],
)
def test_what_is_wrong_is_named(query: str, body: Any, status: int, field: str) -> None:
    refused = put(token(), status, query, body)
    assert refused["errors"][0]["field"] == field
    assert not Review.objects.exists()


def test_an_unknown_run_is_no_run() -> None:
    assert put(token(), 404, "axis=noop", {"verdict": "wrong"}, "h-99")["detail"] == "There is no run h-99."
    assert Client().get(f"{REVIEWS}/h-99").status_code == 404


def test_a_token_reviews_within_its_blueprints() -> None:
    limited = token("team", "team-*", scopes=("log:append", "triage:write"))
    assert "team-*" in put(limited, 403, "axis=noop", {"verdict": "wrong"})["detail"]


def test_readers_may_not_review() -> None:
    assert "triage:write" in put(token(scopes=("log:read",)), 403, "axis=noop", {"verdict": "wrong"})["detail"]
    put({}, 401, "axis=noop", {"verdict": "wrong"})


def test_why_says_that_a_denial_was_found_wrong(client: Client) -> None:
    record_all([make_rejected("noop", "tone", issue_id="last", ts_ms=NOW_MS + 1, detail="odd", prev_hash="p")])
    first, second, third = token("one"), token("two"), token("three")
    put(first, 201, "axis=noop", {"verdict": "wrong"}, "last")
    put(second, 201, "axis=noop", {"verdict": "right"}, "last")
    assert not any(group["found_wrong"] for group in read("/v1/enhance/why", blueprint_id="main")["denied"])
    put(third, 201, "axis=noop", {"verdict": "wrong"}, "last")
    answer = read("/v1/enhance/why", blueprint_id="main")
    marked = [(group["axis"], group["template"], group["found_wrong"]) for group in answer["denied"]]
    assert sorted(marked) == [("noop", "no ⟨n⟩", 0), ("noop", "odd", 1), ("tone", "odd", 0)]
    samples = {group["axis"]: group["samples"] for group in answer["denied"] if group["template"] == "odd"}
    assert [[sample["found_wrong"] for sample in samples[axis]] for axis in ("noop", "tone")] == [[True], [False]]
    (attempt,) = read("/v1/enhance/why", prev_hash="p")["attempts"]
    assert {each["axis"]: each["found_wrong"] for each in attempt["denied"]} == {"noop": True, "tone": False}
    texts = [
        client.get("/v1/enhance/why", {**asked, "format": "text"}).content.decode()
        for asked in ({"blueprint_id": "main"}, {"prev_hash": "p"})
    ]
    assert "Reviewers found 1 of these denials wrong." in texts[0]
    assert "> reason (reviewers found this denial wrong): odd" in texts[0]
    assert "> denied by (reviewers found this denial wrong): noop: odd" in texts[1]
