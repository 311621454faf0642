"""Rules: what they may say, who may make which, and that all of it is audited."""

import base64
import json
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from enhancelog.alerts import rules, watched, wording
from enhancelog.alerts.samples import SAMPLES
from enhancelog.alerts.shown import send_test
from enhancelog.domain import alerts, records
from enhancelog.domain.alert_events import KINDS
from enhancelog.domain.alerts import EVENTS, AlertEdit, NewAlert
from enhancelog.domain.errors import Invalid
from enhancelog.domain.times import DAY_MS, HOUR_MS, now_ms
from enhancelog.models import Alert, AuditRecord, Delivery, DeliveryAttempt, SavedView, VerifiedAddress
from tests.alerts.making import HOOK, keep_rule, make_rule, reader, staff
from tests.alerts.outboxes import make_delivery

pytestmark = pytest.mark.django_db


def refused(act: Any, *arguments: Any) -> str:
    with pytest.raises(Invalid) as error:
        act(*arguments)
    return error.value.field


def verified(name: str, address: str) -> None:
    VerifiedAddress.objects.create(user=reader(name).user, address=address, verified_ms=now_ms())


def new(**changes: Any) -> NewAlert:
    return NewAlert(**{"name": "a", "event": "entry.rejected", "channel": "webhook", "url": HOOK} | changes)


def test_a_webhook_has_a_secret_that_standard_webhooks_accept() -> None:
    made = rules.make(new(), staff())
    assert made.secret.startswith("whsec_")
    assert len(base64.b64decode(made.secret.removeprefix("whsec_"))) == 32
    Webhook(made.secret)
    assert Alert.objects.get().secret == made.secret
    assert rules.make(new(channel="slack"), staff()).secret == ""


def test_a_rotated_secret_overlaps_with_the_former_one() -> None:
    first = rules.make(new(), staff())
    second = rules.change(first.alert, AlertEdit(rotate_secret=True), staff())
    row = Alert.objects.get()
    assert row.secret == second.secret != first.secret
    assert row.former_secret == first.secret
    assert now_ms() + DAY_MS - 60_000 < (row.former_until_ms or 0) <= now_ms() + DAY_MS


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"event": "rate.high"}, "options.percent"),
        ({"event": "rate.high", "options": {"percent": 50, "twice": True}}, "options.percent"),
        ({"event": "rate.high", "options": {"percent": 100}}, "options.percent"),
        ({"event": "rate.high", "options": {"percent": "50"}}, "options.percent"),
        ({"event": "rate.high", "options": {"percent": 50, "runs": 19}}, "options.runs"),
        ({"event": "axis.silent", "options": {"runs": 501}}, "options.runs"),
        ({"event": "axis.silent", "options": {"axis": ""}}, "options.axis"),
        ({"event": "runs.silent", "options": {"hours": 0}}, "options.hours"),
        ({"event": "digest", "options": {"time_zone": "../../etc/passwd"}}, "options.time_zone"),
        ({"event": "digest", "options": {"weekday": "Monday"}}, "options.weekday"),
        ({"event": "digest", "options": {"hour": 24}}, "options.hour"),
        ({"options": {"runs": 100}}, "options.runs"),
        ({"url": None}, "url"),
        ({"address": "a@example.org"}, "address"),
        ({"channel": "email"}, "address"),
        ({"channel": "email", "url": None, "address": "a@example.org"}, "address"),
        ({"view": 4711}, "view"),
        ({"view": 2**80}, "view"),
        ({"url": "http://1.1.1.1/"}, "url"),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_field(changes: dict[str, Any], field: str) -> None:
    assert refused(rules.make, new(**changes), staff()) == field
    assert not Alert.objects.exists()


@pytest.mark.parametrize(
    ("event", "url"),
    [
        ("mention", "/rejections/"),
        ("entry.rejected", "/matrix/"),
        ("entry.rejected", "/search/?afterwards=none"),
        ("entry.rejected", "/rejections/?theme=tone%3A1"),
        ("entry.rejected", "/search/?not_next=same"),
        ("entry.rejected", "/search/?has=flip"),
        ("entry.rejected", "/search/?since=never"),
        ("entry.rejected", "/nowhere/"),
        ("run.unfinished", "/rejections/?axis=noop"),
    ],
)
def test_a_view_that_the_event_cannot_watch_is_refused(event: Any, url: str) -> None:
    with pytest.raises(Invalid) as error:
        watched.check(event, url, now_ms())
    assert error.value.field == "view"


def test_a_rule_watches_own_and_shared_views_only() -> None:
    eve = reader("eve").user
    private = SavedView.objects.create(user=eve, name="a", url="/rejections/")
    shared = SavedView.objects.create(user=eve, name="b", url="/rejections/", shared=True)
    assert refused(rules.make, new(view=private.pk), staff()) == "view"
    assert rules.make(new(view=shared.pk), staff()).alert.view == shared


def test_who_may_send_where() -> None:
    verified("bob", "bob@example.org")
    verified("eve", "eve@example.org")
    own = new(channel="email", url=None, address="bob@example.org")
    others = new(channel="email", url=None, address="eve@example.org")
    assert rules.make(own, reader("bob")).alert.owner.username == "bob"
    assert refused(rules.make, others, reader("bob")) == "address"
    assert rules.make(others, staff()).alert.address == "eve@example.org"
    for channel in ("webhook", "slack"):
        with pytest.raises(PermissionDenied):
            rules.make(new(channel=channel), reader("bob"))
    assert {each.owner.username for each in rules.visible(reader("bob"))} == {"bob"}
    assert {each.owner.username for each in rules.visible(staff())} == {"bob", "ada"}


def test_everything_is_audited_without_secrets() -> None:
    alert = make_rule("entry.rejected")
    rules.change(alert, AlertEdit(name="other"), staff())
    rules.change(alert, AlertEdit(name="other"), staff())  # changes nothing
    rules.change(alert, AlertEdit(rotate_secret=True), staff())
    rules.change(alert, AlertEdit(on=False), staff())
    rules.change(alert, AlertEdit(on=True), staff())
    rules.delete(alert, staff())
    rows = AuditRecord.objects.filter(about="alert").order_by("position")
    assert [row.act for row in rows] == [
        "alert.make",
        "alert.change",
        "alert.rotate",
        "alert.off",
        "alert.change",
        "alert.delete",
    ]
    assert {(row.about, row.about_id, row.actor_name) for row in rows} == {("alert", alert.pk, "ada")}
    assert "whsec_" not in "".join(row.detail for row in rows)


def test_a_snooze_ends_and_is_bounded() -> None:
    alert = make_rule("entry.rejected")
    until = now_ms() + HOUR_MS
    assert rules.change(alert, AlertEdit(snoozed_until_ms=until), staff()).alert.snoozed_until_ms == until
    assert rules.change(alert, AlertEdit(snoozed_until_ms=None), staff()).alert.snoozed_until_ms is None
    assert rules.change(alert, AlertEdit(snoozed_until_ms=0), staff()).alert.snoozed_until_ms is None
    far = AlertEdit(snoozed_until_ms=now_ms() + 400 * DAY_MS)
    assert refused(rules.change, alert, far, staff()) == "snoozed_until_ms"


def test_a_rule_whose_view_is_gone_needs_another_to_be_switched_on() -> None:
    alert = make_rule("entry.rejected", "/rejections/")
    SavedView.objects.get().delete()
    alert.refresh_from_db()
    assert rules.why_off(alert) == "its saved view was deleted"
    rules.change(alert, AlertEdit(on=False), staff())
    assert refused(rules.change, alert, AlertEdit(on=True), staff()) == "on"
    assert rules.why_off(rules.change(alert, AlertEdit(view=None, on=True), staff()).alert) == ""


def test_an_imported_rule_is_checked_when_it_is_switched_on() -> None:
    given: list[tuple[dict[str, Any], str]] = [
        ({"event": "weather"}, "on"),
        ({"options": '{"percent":"many"}'}, "options.percent"),
        ({"channel": "slack", "address": ""}, "url"),
        ({"channel": "email", "address": "nobody@example.org"}, "address"),
    ]
    for number, (changes, field) in enumerate(given):
        alert = keep_rule(staff().user, f"{number}", off_ms=1, off_why="imported", **changes)
        assert refused(rules.change, alert, AlertEdit(on=True), staff()) == field
    alert = keep_rule(staff().user, off_ms=1, off_why="imported")
    assert rules.change(alert, AlertEdit(on=True), staff()).alert.off_ms is None


def test_rules_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "MOST_OWNED", 1)
    make_rule("entry.rejected")
    assert refused(rules.make, new(), staff()) == ""
    make_rule("entry.rejected", actor=staff("eve"))


@pytest.mark.parametrize("event", EVENTS)
def test_a_test_message_of_each_event_is_sent_once_a_minute(event: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("enhancelog.alerts.shown.now_ms", lambda: 1_795_000_000_000)
    alert = make_rule(event, options={"percent": 50} if event == "rate.high" else {})
    assert send_test(alert) == send_test(alert)
    row = Delivery.objects.get()
    assert (row.event, row.state, row.attempts) == (event, "waiting", 0)
    said = wording.message(event, json.loads(row.data))
    assert said.title.text
    assert said.title.path


@pytest.mark.parametrize("event", EVENTS)
def test_a_sample_is_what_its_event_documents(event: str) -> None:
    assert isinstance(SAMPLES[event], KINDS[event])
    said = wording.message(event, json.loads(records.encode_part(SAMPLES[event])))
    assert all("\n" not in line.text for line in said.lines)


def test_text_of_agents_makes_no_lines_and_no_headers() -> None:
    found = msgspec.structs.replace(
        SAMPLES["entry.rejected"], issue_id="a", intent="x\r\nBcc: all\x1b[0m\u2028y", reasons=["\n"]
    )
    said = wording.message("entry.rejected", json.loads(records.encode_part(found)))
    assert said.title.text == "Rejected: a in main"
    assert [line.text for line in said.lines] == ["Intent: x Bcc: all [0m y", ""]


@given(st.dictionaries(st.text(max_size=10), st.none() | st.integers() | st.text(max_size=5), max_size=4))
def test_any_options_are_taken_or_refused(given_options: dict[str, Any]) -> None:
    for event in EVENTS:
        try:
            alerts.checked_options(event, given_options)
        except Invalid as error:
            assert error.field.startswith("options")


@given(st.binary(max_size=200))
def test_any_body_is_taken_or_refused(body: bytes) -> None:
    for read in (alerts.decode_new, alerts.decode_edit):
        with suppress(Invalid):
            read(body)


@pytest.mark.django_db
@pytest.mark.parametrize("gone", ["alert", "owner"])
def test_deliveries_go_with_their_alert_however_many_there_are(gone: str) -> None:
    def statements(number: int) -> int:
        actor = staff(f"olga {number}")
        row = keep_rule(actor.user, f"{number:016}")
        first = make_delivery(row, state="delivered", next_ms=None)
        DeliveryAttempt.objects.create(delivery=first, started_ms=1, took_ms=1, status=200, answer="ok")
        for _ in range(number):
            make_delivery(row, state="folded", folded_into=first, next_ms=None)
        with CaptureQueriesContext(connection) as captured:
            actor.user.delete() if gone == "owner" else rules.delete(row, actor)
        return len(captured)

    assert statements(1) == statements(250)
    assert [each.objects.count() for each in (Alert, Delivery, DeliveryAttempt)] == [0, 0, 0]


@pytest.mark.django_db
def test_page_that_deletes_a_user_does_not_list_deliveries(admin_client: Client) -> None:
    actor = staff("olga")
    keep_rule(actor.user)
    page = admin_client.get(f"/admin/auth/user/{actor.user.pk}/delete/").content.decode()
    assert "a rule" in page
    assert "msg_" not in page
