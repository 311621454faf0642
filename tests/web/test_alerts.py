"""The pages of alerts: who sees which, the form, the secret that is shown once, and the buttons."""

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from enhancelog.alerts.shown import send_test
from enhancelog.domain.times import HOUR_MS, now_ms
from enhancelog.models import Alert, Delivery, SavedView, VerifiedAddress
from tests.alerts.making import HOOK, evaluate, keep_rule, make_rule, reader, staff
from tests.factories import make_rejected
from tests.pages import Page, read
from tests.recording import record

pytestmark = pytest.mark.django_db


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def ada() -> Client:
    return signed_in(staff().user)


@pytest.fixture
def bob() -> Client:
    user = reader().user
    VerifiedAddress.objects.create(user=user, address="bob@example.org", verified_ms=now_ms())
    return signed_in(user)


def page(client: Client, path: str = "/alerts/") -> Page:
    response = client.get(path)
    assert response.status_code == 200
    return read(response)


WEBHOOK = {"name": "noop is back", "event": "pattern.returned", "channel": "webhook", "url": HOOK}


def test_a_webhook_is_made_and_its_secret_shown_once(ada: Client) -> None:
    response = ada.post("/alerts/new", WEBHOOK)
    alert = Alert.objects.get()
    assert response.status_code == 201
    assert response["Cache-Control"] == "no-store"
    assert alert.secret in read(response).words
    shown = page(ada, f"/alerts/{alert.pk}")
    assert "noop is back" in shown.words
    assert alert.secret not in shown.text
    assert alert.secret not in page(ada).text


def test_a_reader_sends_to_the_own_address(bob: Client) -> None:
    SavedView.objects.create(user=reader().user, name="noop", url="/rejections/?axis=noop")
    form = page(bob, "/alerts/new")
    assert [each.attributes["value"] for each in form.all("select", name="channel")[0].all("option")] == ["email"]
    assert not form.all("input", name="url")
    given = {
        "name": "every morning",
        "event": "digest",
        "view": str(SavedView.objects.get().pk),
        "channel": "email",
        "address": "bob@example.org",
        "every": "week",
        "weekday": "friday",
        "hour": "7",
        "time_zone": "Europe/Zurich",
    }
    response = bob.post("/alerts/new", given)
    alert = Alert.objects.get()
    assert response["Location"] == f"/alerts/{alert.pk}"
    assert alert.options == '{"every":"week","weekday":"friday","hour":7,"time_zone":"Europe/Zurich"}'
    shown = page(bob, f"/alerts/{alert.pk}")
    chosen = [each.words for each in shown.all("option") if "selected" in each.attributes]
    assert {"noop", "Friday", "Europe/Zurich", "bob@example.org"} <= set(chosen)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"event": "rate.high", "runs": "100"}, "must be given"),
        ({"event": "rate.high", "runs": "5", "percent": "10"}, "Expected"),
        ({"url": "http://1.1.1.1/"}, "https://"),
        ({"url": ""}, "is missing"),
        ({"name": " "}, "required"),
        ({"event": "entry.rejected", "view": "4711"}, "choice"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(ada: Client, changes: dict[str, str], words: str) -> None:
    response = ada.post("/alerts/new", WEBHOOK | changes)
    assert response.status_code == 400
    assert words.lower() in read(response).words.lower()
    assert not Alert.objects.exists()


def test_each_sees_the_own_and_staff_all(ada: Client, bob: Client) -> None:
    alert = make_rule("entry.rejected")
    assert page(ada).addresses("entry.rejected") == [f"/alerts/{alert.pk}"]
    assert page(bob).addresses("entry.rejected") == []
    assert bob.get(f"/alerts/{alert.pk}").status_code == 404
    assert bob.post(f"/alerts/change/{alert.pk}", {"act": "delete"}).status_code == 404
    assert Client().get("/alerts/").status_code == 302


def test_the_buttons(ada: Client) -> None:
    alert = make_rule("entry.rejected")
    path = f"/alerts/change/{alert.pk}"

    def press(act: str) -> Alert:
        assert ada.post(path, {"act": act}).status_code == 302
        return Alert.objects.get()

    assert (press("day").snoozed_until_ms or 0) > now_ms() + 23 * HOUR_MS
    assert "snoozed" in page(ada).words
    assert press("wake").snoozed_until_ms is None
    assert press("off").off_ms is not None
    assert "switched off by ada" in page(ada).words
    press("test")
    assert not Delivery.objects.exists()
    assert press("on").off_ms is None
    press("test")
    assert Delivery.objects.get().event == "entry.rejected"
    assert "Rejected: h-1 in main" in page(ada, f"/alerts/{alert.pk}").words
    response = ada.post(path, {"act": "rotate"})
    assert response.status_code == 201
    assert Alert.objects.get().secret in read(response).words
    assert "signs, too" in page(ada, f"/alerts/{alert.pk}").words
    assert ada.post(path, {"act": "explode"}).status_code == 400
    assert ada.post(path, {"act": "delete"})["Location"] == "/alerts/"
    assert not Alert.objects.exists()


def test_a_change_keeps_event_and_channel(ada: Client) -> None:
    alert = make_rule("rate.high", options={"percent": 50, "runs": 20})
    given = {"name": "other", "runs": "30", "percent": "40", "url": HOOK, "event": "digest", "channel": "slack"}
    assert ada.post(f"/alerts/{alert.pk}", given).status_code == 302
    alert.refresh_from_db()
    assert (alert.name, alert.event, alert.channel) == ("other", "rate.high", "webhook")
    assert alert.options == '{"runs":30,"percent":40,"twice":false}'


def test_a_deleted_view_is_said(ada: Client) -> None:
    make_rule("entry.rejected", "/rejections/")
    SavedView.objects.get().delete()
    assert "its saved view was deleted" in page(ada).words


def test_an_imported_rule_of_an_unknown_event_has_a_page(ada: Client) -> None:
    keep_rule(staff().user, event="weather", options='{"wind":"strong"}', off_ms=1, off_why="imported")
    assert "weather" in page(ada).words
    assert "weather" in page(ada, f"/alerts/{'0' * 16}").words


def test_pages_take_a_fixed_number_of_statements(ada: Client) -> None:
    def statements(path: str) -> int:
        with CaptureQueriesContext(connection) as found:
            page(ada, path)
        return len(found)

    alert = make_rule("entry.rejected", "/rejections/?axis=noop")
    pages = ("/alerts/", f"/alerts/{alert.pk}", "/alerts/new")
    few = [statements(path) for path in pages]
    for number in range(5):
        make_rule("entry.rejected", "/rejections/?axis=noop")
        record(make_rejected(issue_id=f"h-{number}", ts_ms=now_ms()))
    evaluate()
    send_test(alert)
    assert [statements(path) for path in pages] == few
