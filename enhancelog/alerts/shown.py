"""Rules as answers show them, without their secrets; and test messages."""

from typing import Any, cast

import msgspec
from django.conf import settings

from enhancelog import links
from enhancelog.alerts import rules
from enhancelog.alerts.messages import about, test_message
from enhancelog.alerts.samples import SAMPLES, SERVER
from enhancelog.backends import faults
from enhancelog.domain import alert_events, records
from enhancelog.domain.alerts import AlertChannel, AlertRule, AlertView, AlertWithSecret, event_of
from enhancelog.domain.errors import Invalid
from enhancelog.domain.times import now_ms
from enhancelog.models import Alert, Delivery
from enhancelog.projections import waking


def shown(alert: Alert) -> AlertRule:
    return AlertRule(**_fields(alert))


def with_secret(made: rules.Made) -> AlertWithSecret:
    return AlertWithSecret(**_fields(made.alert), secret=made.secret)


def send_test(alert: Alert) -> str:
    """Returns the message's id; at most one a minute. Raises ``Invalid`` if the rule is off."""
    if why := rules.why_off(alert):
        raise Invalid("", "off", f"The alert is off ({why}); switch it on to test it")
    row = test_message(alert, msgspec.structs.replace(_here(alert), alert=about(alert)), now_ms())
    row.folds = 0  # by itself and at once, see ``outbox``
    with faults():
        Delivery.objects.bulk_create([row], ignore_conflicts=True)
    waking.alerts_wait.set()
    return str(row.pk)


def _here(alert: Alert) -> alert_events.Event:
    text = records.encode_part(SAMPLES[alert.event]).replace(SERVER, settings.PUBLIC_URL)
    return msgspec.json.decode(text, type=alert_events.KINDS[alert.event])


def _fields(alert: Alert) -> dict[str, Any]:
    view = alert.view
    is_email = alert.channel == "email"
    off_why = rules.why_off(alert)
    return {
        "id": alert.pk,
        "name": alert.name,
        "owner": alert.owner.get_username(),
        "event": event_of(alert.event),
        "view": AlertView(id=view.pk, name=view.name, url=links.at(view.url)) if view else None,
        "channel": cast(AlertChannel, alert.channel),
        "url": rules.shown_url(alert),
        "address": alert.address if is_email else None,
        "options": msgspec.json.decode(alert.options),
        "on": not off_why,
        "off_why": off_why,
        "snoozed_until_ms": alert.snoozed_until_ms,
        "failing_since_ms": alert.failing_since_ms,
        "stuck_since_ms": alert.stuck_since_ms,
        "stuck_why": alert.stuck_why,
        "made_ms": alert.made_ms,
        "version": alert.version,
    }
