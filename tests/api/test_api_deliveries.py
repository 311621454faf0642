"""Deliveries over HTTP: one's own or all, page by page, and sent again."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from enhancelog.accounts import api_tokens
from enhancelog.domain.times import now_ms
from enhancelog.models import Alert
from tests.alerts.outboxes import make_alert, make_deliveries, make_delivery, make_messages, make_owner
from tests.audited import audited

pytestmark = pytest.mark.django_db

LIST = "/v1/deliveries"


@pytest.fixture
def olga() -> User:
    return make_owner("olga", is_staff=False)


@pytest.fixture
def alert(olga: User) -> Alert:
    return make_alert("olga@example.org", "email", owner=olga)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def token(owner: User, *scopes: str) -> Client:
    _, secret = api_tokens.make(api_tokens.Wanted(f"ci {scopes[0]}", scopes), owner, owner.username)
    return Client(headers={"Authorization": f"Bearer {secret}"})


def ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [each["id"] for each in answer.json()]


def test_users_get_their_own_and_tokens_that_staff_made_get_all(olga: User, alert: Alert) -> None:
    make_delivery(alert, "evt_1")
    make_delivery(make_alert("https://hooks.example.org/", owner=make_owner("sten")), "evt_2", made_ms=1)
    assert ids(signed_in(olga).get(LIST)) == ["evt_1"]
    assert ids(token(make_owner("sten"), "triage:write").get(LIST)) == ["evt_1", "evt_2"]
    assert token(make_owner("sten"), "log:read", "log:append").get(LIST).status_code == 403
    assert Client().get(LIST).status_code == 401


def test_delivery_tells_what_became_of_it(olga: User, alert: Alert) -> None:
    make_messages(alert)
    (found,) = [each for each in signed_in(olga).get(LIST).json() if each["id"] == "evt_1"]
    assert found["last"]["status"] == 500
    assert (found["alert"], found["alert_name"], found["state"], found["folds"]) == (
        alert.pk,
        alert.name,
        "waiting",
        1,
    )
    assert ids(signed_in(olga).get(LIST, {"folded_into": "evt_1"})) == ["evt_2"]


def test_pages_follow_each_other(olga: User, alert: Alert) -> None:
    made = sorted(each.pk for each in make_deliveries(alert, 7))
    client, found, url = signed_in(olga), [], f"{LIST}?page_size=3"
    while url:
        answer = client.get(url)
        found += ids(answer)
        link = answer.headers.get("Link", "")
        url = link.partition("<")[2].partition(">")[0]
    assert sorted(found) == made
    assert client.get(LIST).headers["ETag"]


def test_message_is_sent_again_and_that_is_recorded(alert: Alert) -> None:
    make_delivery(alert, "a/b", state="dead", next_ms=None, ended_ms=now_ms(), attempts=14, folds=0)
    answer = token(make_owner("sten"), "triage:write").post(f"{LIST}/retry/a%2Fb")
    assert answer.status_code == 200
    assert (answer.json()["state"], answer.json()["attempts"]) == ("waiting", 0)
    record = audited().get()
    assert (record.act, record.actor_kind, record.actor_name) == ("delivery.retry", "token", "ci triage:write")


def test_what_cannot_be_sent_again_says_why(olga: User, alert: Alert) -> None:
    first = make_delivery(alert, "evt_1", folds=1)
    make_delivery(alert, "evt_2", state="folded", folded_into=first, next_ms=None)
    make_delivery(make_alert("https://hooks.example.org/", owner=make_owner("sten")), "evt_3")
    client = signed_in(olga)
    folded = client.post(f"{LIST}/retry/evt_2")
    assert folded.status_code == 409
    assert "evt_1" in folded.json()["detail"]
    for unknown in ("evt_3", "nothing", "%00"):
        assert client.post(f"{LIST}/retry/{unknown}").status_code == 404


@pytest.mark.parametrize("query", ["state=odd", "cursor=x", "page_size=0", "alert=a&alert=b"])
def test_bad_parameter_is_a_problem(olga: User, query: str) -> None:
    answer = signed_in(olga).get(f"{LIST}?{query}")
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
