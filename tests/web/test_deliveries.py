"""``/alerts/deliveries/``: who sees which messages, what is said of each, and sending one again."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from enhancelog import links
from enhancelog.domain.times import now_ms
from enhancelog.models import Alert, Delivery, DeliveryAttempt
from tests.alerts.outboxes import make_alert, make_deliveries, make_delivery, make_messages, make_owner
from tests.audited import audited
from tests.pages import Page, read

pytestmark = pytest.mark.django_db

PAGE = "/alerts/deliveries/"
HOSTILE = "<img src=x onerror=alert(1)>"


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


def page(user: User, **parameters: Any) -> Page:
    response = signed_in(user).get(PAGE, parameters)
    assert response.status_code == 200
    return read(response)


def ids(found: Page) -> list[str]:
    return [row.all("div")[0].words for row in found.all("tr") if row.all("td")]


def send_again(user: User, delivery_id: str) -> Any:
    return signed_in(user).post(links.retry_delivery(delivery_id), follow=True)


def test_one_sees_the_messages_of_ones_own_alerts_and_staff_see_all(olga: User, alert: Alert) -> None:
    make_delivery(alert, "evt_1")
    make_delivery(make_alert("https://hooks.example.org/", owner=make_owner("sten")), "evt_2", made_ms=1)
    assert ids(page(olga)) == ["evt_1"]
    assert ids(page(make_owner("sten"))) == ["evt_1", "evt_2"]
    assert send_again(olga, "evt_2").status_code == 404


def test_state_and_answer_of_each_are_shown(olga: User, alert: Alert) -> None:
    make_messages(alert)
    shown = page(olga)
    assert set(ids(shown)) == {"evt_1", "evt_2", "evt_3", "evt_4"}
    assert "500 attempt 2" in shown.words
    assert "Internal Server Error" in shown.words
    assert "next attempt" in shown.words
    assert ids(page(olga, state="dead")) == ["evt_4"]
    assert ids(page(olga, folded_into="evt_1")) == ["evt_2"]
    assert ids(page(olga, alert=alert.pk, state="delivered")) == ["evt_3"]
    assert shown.addresses("1 more") == [f"{PAGE}?folded_into=evt_1"]


def test_pages_follow_each_other_in_a_fixed_number_of_statements(
    olga: User, alert: Alert, django_assert_max_num_queries: Any
) -> None:
    made = [each.pk for each in make_deliveries(alert, 60)]
    found: list[str] = []
    url = f"{PAGE}?page_size=25"
    client = signed_in(olga)
    while url:
        with django_assert_max_num_queries(6):
            shown = read(client.get(url))
        found += ids(shown)
        url = next((link.attributes["href"] for link in shown.all("a", rel="next")), "")
    assert sorted(found) == sorted(made)


def test_text_of_a_receiver_is_text(olga: User, alert: Alert) -> None:
    delivery = make_delivery(alert, HOSTILE, attempts=1, folds=0)
    DeliveryAttempt.objects.create(delivery=delivery, started_ms=now_ms(), took_ms=1, status=500, answer=HOSTILE)
    shown = page(olga)
    assert not shown.all("img")
    assert HOSTILE in shown.words


def test_dead_message_is_sent_again_with_a_record_of_it(olga: User, alert: Alert) -> None:
    make_delivery(alert, "evt_1", state="dead", next_ms=None, ended_ms=now_ms(), attempts=14, folds=3)
    response = send_again(olga, "evt_1")
    assert "being sent again" in read(response).words
    row = Delivery.objects.get()
    assert (row.state, row.attempts, row.folds, row.ended_ms) == ("waiting", 0, 3, None)
    record = audited().get()
    assert (record.act, record.about, record.about_id, record.actor_name) == (
        "delivery.retry",
        "delivery",
        "evt_1",
        "olga",
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"leased_until_ms": 1 << 62}, "is being sent now"),
        ({"state": "folded", "folded_into_id": "evt_0", "next_ms": None}, "was sent as a part of evt_0"),
    ],
)
def test_what_is_under_way_or_folded_is_not_sent_again(
    olga: User, alert: Alert, change: dict[str, Any], said: str
) -> None:
    make_delivery(alert, "evt_0", folds=1)
    make_delivery(alert, "evt_1", **change)
    assert said in read(send_again(olga, "evt_1")).words
    assert not audited().exists()


@pytest.mark.parametrize("query", ["state=odd", "cursor=x", "page_size=0", "state=dead&state=dead", "cursor=k80B2TE"])
def test_bad_parameter_is_refused_with_a_line(olga: User, query: str) -> None:
    assert signed_in(olga).get(f"{PAGE}?{query}").status_code == 400


def test_impossible_id_matches_nothing(olga: User) -> None:
    assert ids(page(olga, alert="\x00", folded_into="x" * 600)) == []
