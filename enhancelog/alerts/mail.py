"""Messages as e-mail, in plain text and HTML, through the server that ``ENHANCELOG_EMAIL_URL`` names."""

import smtplib
from collections.abc import Mapping
from email.utils import formataddr
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.smtp import EmailBackend
from django.template.loader import render_to_string

from enhancelog.alerts.addresses import reason_of
from enhancelog.alerts.outgoing import Outgoing
from enhancelog.alerts.posting import TOTAL_S, Answer
from enhancelog.backends.permit import permit
from enhancelog.domain.mail_server import MailServer

NOT_SET_UP: Final = "this server sends no mail: ENHANCELOG_EMAIL_URL is not set"
ACCEPTED: Final = 250


def is_set_up() -> bool:
    return settings.MAIL_SERVER is not None


def send_message(to: str, message: Outgoing, delivery_id: str) -> Answer:
    headers = headers_of(delivery_id, message.alert_url)
    return send(to, f"{message.title.text} · {message.alert_name}", "alert_mail/message", {"message": message}, headers)


def headers_of(identity: str, unsubscribe_url: str) -> dict[str, str]:
    # The same Message-ID each time, so that a mailbox recognizes a second copy.
    digest = sha256(identity.encode()).hexdigest()[:32]
    return {
        "Message-ID": f"<{digest}@{urlsplit(settings.PUBLIC_URL).hostname}>",
        "List-Unsubscribe": f"<{unsubscribe_url}>",
        "Auto-Submitted": "auto-generated",
    }


def send(
    to: str, subject: str, template: str, context: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> Answer:
    # ``template``: without its ending; it has a text and an HTML version. Never raises for what the server does.
    server: MailServer | None = settings.MAIL_SERVER
    if server is None:
        return Answer(None, NOT_SET_UP)
    mail = EmailMultiAlternatives(
        subject=" ".join(subject.split()),
        body=render_to_string(f"{template}.txt.jinja", context, using="jinja"),
        from_email=formataddr(("Enhancelog", server.sender)),
        to=[to],
        headers=dict(headers or {}),
    )
    mail.attach_alternative(render_to_string(f"{template}.html.jinja", context, using="jinja"), "text/html")
    try:
        with permit.released():
            _connection(server).send_messages([mail])
    except smtplib.SMTPResponseException as error:
        return Answer(error.smtp_code, _text(error.smtp_error))
    except smtplib.SMTPRecipientsRefused as error:
        code, text = next(iter(error.recipients.values()))
        return Answer(code, _text(text))
    except (smtplib.SMTPException, OSError, ValueError) as error:  # ValueError: a header that would be two
        return Answer(None, reason_of(error))
    return Answer(ACCEPTED, "accepted by the mail server")


def _connection(server: MailServer) -> EmailBackend:
    return EmailBackend(
        alias="enhancelog",  # from 6.1 on, Django asks for EMAIL_HOST and the like, and deprecates both, without it
        host=server.host,
        port=server.port,
        username=server.user,
        password=server.password,
        use_tls=server.scheme == "starttls",
        use_ssl=server.scheme == "smtps",
        timeout=TOTAL_S,
    )


def _text(said: bytes | str) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return " ".join(text.split())[:500]
