"""The body that Slack reads: texts are texts, never mentions, links or markup."""

import json

import pytest

from enhancelog.alerts import slack, wording
from enhancelog.domain.alert_messages import Line, Message
from tests.alerts.outboxes import make_alert, make_deliveries, run_until_idle
from tests.alerts.receivers import receiving


def test_text_of_an_agent_mentions_nobody_and_links_nowhere() -> None:
    said = slack.escaped("<!channel> <@U1> <https://evil.example|here> @here @all [x](https://evil.example) & >")
    assert "<" not in said
    assert "@here" not in said
    assert "](" not in said
    assert said.startswith("&lt;!channel&gt;")


@pytest.mark.django_db
def test_message_is_posted_with_links_to_the_pages(settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.WEBHOOK_ALLOW = frozenset({("127.0.0.1", None)})
    settings.PUBLIC_URL = settings.PUBLIC_ORIGIN = "https://log.example.org"
    said = Message(Line("A new pattern <!here>"), [Line("the step ⟨word⟩ has no owner", "/patterns/8e1f")])
    monkeypatch.setattr(wording, "message", lambda event, data: said)
    with receiving() as receiver:
        alert = make_alert(receiver.url, "slack")
        make_deliveries(alert, 3)
        run_until_idle()
    (received,) = receiver.received
    text = json.loads(received.body)["text"]
    assert "&lt;!here&gt;" in text
    assert "<https://log.example.org/patterns/8e1f|the step ⟨word⟩ has no owner>" in text
    assert "|2 more>" in text
    assert "webhook-signature" not in received.headers
