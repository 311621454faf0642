"""Switches an alert off by itself, and tells its owner by e-mail."""

import logging
from threading import Thread

from enhancelog import links
from enhancelog.alerts import mail, rules, verified_addresses
from enhancelog.models import Alert

_log = logging.getLogger(__name__)


def switch_off(alert: Alert, why: str) -> None:
    if rules.switch_off(alert.pk, why) and (to := verified_addresses.first_of(alert.owner)):
        Thread(target=_tell, args=[to, alert, why], name="alert-switched-off", daemon=True).start()


def _tell(to: str, alert: Alert, why: str) -> None:
    context = {"name": alert.name, "why": why, "url": links.absolute(links.alert(alert.pk))}
    answer = mail.send(to, f"Alert switched off: {alert.name}", "alert_mail/switched_off", context)
    if not answer.is_success:
        _log.warning("cannot tell the owner of an alert that it was switched off: %s", answer.text)
