"""The server that sends mail, from ``ENHANCELOG_EMAIL_URL``."""

from typing import Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.validators import validate_email

from enhancelog.domain.mail_server import MailServer

PORTS: Final = {"smtp": 25, "starttls": 587, "smtps": 465}


def from_url(url: str) -> MailServer | None:
    """``None`` for the empty text. Raises ``ImproperlyConfigured`` without the URL, which may contain a password."""
    if not url:
        return None
    try:
        parts = urlsplit(url)
        port = parts.port or PORTS.get(parts.scheme, 0)
    except ValueError:
        raise _wrong("is not a valid URL") from None
    if parts.scheme not in PORTS:
        raise _wrong(f'must begin with smtp://, smtps:// or starttls://, not "{parts.scheme[:20]}"')
    if not parts.hostname or parts.path.strip("/"):
        raise _wrong("must be like smtps://user:password@mail.example.org?from=log@example.org")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return MailServer(parts.scheme, parts.hostname, port, user, password, _sender(parts))


def _sender(parts: SplitResult) -> str:
    given = parse_qsl(parts.query)
    if [name for name, _ in given] != ["from"]:
        raise _wrong("must end with ?from=ADDRESS and nothing after it")
    try:
        validate_email(given[0][1])
    except ValidationError:
        raise _wrong(f'from: must be an e-mail address, not "{given[0][1][:80]}"') from None
    return given[0][1]


def _wrong(detail: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"ENHANCELOG_EMAIL_URL: {detail}")
