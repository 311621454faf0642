"""E-mail goes through a real server; texts by agents stay texts."""

from collections.abc import Iterator
from typing import Any

import pytest

from enhancelog.alerts import mail, wording
from enhancelog.domain.alert_messages import Line, Message
from enhancelog.domain.mail_server import MailServer
from enhancelog.domain.times import DAY_MS, now_ms
from enhancelog.models import Alert, Delivery, DeliveryAttempt, VerifiedAddress
from tests.alerts.making import evaluate
from tests.alerts.outboxes import make_alert, make_deliveries, make_delivery, make_due, make_owner, run_until_idle
from tests.alerts.receivers import Mailbox, answering, receiving, receiving_mail
from tests.pages import Page
from tests.waiting import wait_for

pytestmark = pytest.mark.django_db

TO = "olga@example.org"
HOSTILE = "<script>alert(1)</script> \x1b[31m\u202e\r\nBcc: all@example.org"


@pytest.fixture
def mailbox(settings: Any) -> Iterator[Mailbox]:
    with receiving_mail() as (found, port):
        settings.MAIL_SERVER = MailServer("smtp", "127.0.0.1", port, "", "", "log@example.org")
        settings.PUBLIC_URL = settings.PUBLIC_ORIGIN = "https://log.example.org"
        yield found


@pytest.fixture
def alert() -> Alert:
    owner = make_owner(is_staff=False)
    VerifiedAddress.objects.create(user=owner, address=TO, verified_ms=now_ms())
    return make_alert(TO, "email", owner=owner)


def parts(message: Any) -> dict[str, str]:
    return {part.get_content_type(): part.get_content() for part in message.walk() if not part.is_multipart()}


def test_message_has_both_texts_and_leads_to_its_alert(mailbox: Mailbox, alert: Alert) -> None:
    first, *_ = make_deliveries(alert, 3)
    run_until_idle()
    (message,) = mailbox.messages
    texts = parts(message)
    assert message["To"] == TO
    assert "log@example.org" in message["From"]
    assert message["List-Unsubscribe"] == f"<https://log.example.org/alerts/{alert.pk}>"
    page = Page(texts["text/html"])
    assert page.addresses("New patterns") == [f"https://log.example.org/alerts/{alert.pk}"]
    assert page.addresses("2 more") == [f"https://log.example.org/alerts/deliveries/?folded_into={first.pk}"]
    assert "2 more" in texts["text/plain"]
    attempt = DeliveryAttempt.objects.get()
    assert attempt.status == 250


def test_text_of_an_agent_makes_no_header_and_no_markup(
    mailbox: Mailbox, alert: Alert, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = Message(Line(HOSTILE), [Line(HOSTILE), Line(HOSTILE, "/entries/x%22%3E")])
    monkeypatch.setattr(wording, "message", lambda event, data: said)
    Alert.objects.update(name=HOSTILE)
    make_delivery(alert)
    run_until_idle()
    (message,) = mailbox.messages
    assert message["Bcc"] is None
    assert message.get_all("To") == [TO]
    texts = parts(message)
    assert "<script>" not in texts["text/html"]
    assert "<script>alert(1)</script> Bcc: all@example.org" in texts["text/plain"]
    assert not {"\x1b", "\u202e"} & set(texts["text/plain"] + texts["text/html"] + message["Subject"])


def test_second_copy_has_the_same_message_id(mailbox: Mailbox, alert: Alert) -> None:
    delivery = make_delivery(alert)
    run_until_idle()
    Delivery.objects.update(state="waiting", ended_ms=None)
    make_due([delivery])
    run_until_idle()
    first, second = mailbox.messages
    assert first["Message-ID"] == second["Message-ID"]
    assert first["Message-ID"].endswith("@log.example.org>")


def test_address_that_is_no_longer_verified_is_sent_nothing(mailbox: Mailbox, alert: Alert) -> None:
    VerifiedAddress.objects.all().delete()
    make_delivery(alert)
    run_until_idle()
    alert.refresh_from_db()
    assert mailbox.messages == []
    assert "verified" in alert.off_why


def test_only_staff_may_send_to_the_address_of_somebody_else(mailbox: Mailbox) -> None:
    VerifiedAddress.objects.create(user=make_owner("otto", is_staff=False), address=TO, verified_ms=now_ms())
    for owner in (make_owner("rita", is_staff=False), make_owner("sten")):
        make_delivery(make_alert(TO, "email", owner=owner))
    run_until_idle()
    assert len(mailbox.messages) == 1


def test_server_without_a_mail_server_says_so(alert: Alert) -> None:
    make_delivery(alert)
    run_until_idle()
    assert DeliveryAttempt.objects.get().answer == mail.NOT_SET_UP


def test_mail_server_that_refuses_is_a_failure_with_its_words(settings: Any, alert: Alert) -> None:
    with receiving_mail(data_size_limit=10) as (_, port):
        settings.MAIL_SERVER = MailServer("smtp", "127.0.0.1", port, "", "", "log@example.org")
        make_delivery(alert)
        run_until_idle()
    attempt = DeliveryAttempt.objects.get()
    assert attempt.status == 552
    assert "size" in attempt.answer.lower()


def test_mail_server_that_is_gone_is_a_failure(settings: Any, alert: Alert) -> None:
    with receiving_mail() as (_, port):
        settings.MAIL_SERVER = MailServer("smtp", "127.0.0.1", port, "", "", "log@example.org")
    make_delivery(alert)
    run_until_idle()
    assert DeliveryAttempt.objects.get().status is None


def test_owner_is_told_that_an_alert_was_switched_off(mailbox: Mailbox, settings: Any) -> None:
    owner = make_owner()
    VerifiedAddress.objects.create(user=owner, address=TO, verified_ms=now_ms())
    settings.WEBHOOK_ALLOW = frozenset({("127.0.0.1", None)})
    with receiving(answering(500)) as receiver:
        alert = make_alert(receiver.url, owner=owner, failing_since_ms=now_ms() - 4 * DAY_MS)
        delivery = make_delivery(alert)
        for _ in range(10):
            make_due([delivery])
            run_until_idle()
    wait_for(lambda: len(mailbox.messages) == 1)
    (message,) = mailbox.messages
    assert message["To"] == TO
    assert "failed for 3 days" in parts(message)["text/plain"]


def test_owner_is_told_that_the_saved_view_was_deleted(mailbox: Mailbox, alert: Alert) -> None:
    Alert.objects.update(event="entry.rejected", has_view=True)
    evaluate()
    wait_for(lambda: bool(mailbox.messages))
    (message,) = mailbox.messages
    assert message["To"] == TO
    assert message["Subject"] == "Alert switched off: New patterns"
    assert "because its saved view was deleted" in parts(message)["text/plain"]
