"""The settings of messages, as they are read from the environment."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from enhancelog.domain.mail_server import MailServer
from enhancelog.settings import mail_server, reading

ALLOW = "ENHANCELOG_WEBHOOK_ALLOW"


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.lan?from=log@example.org", MailServer("smtp", "mail.lan", 25, "", "", "log@example.org")),
        (
            "smtps://olga:p%40ss%3Aword@mail.example.org?from=log%2Balerts@example.org",
            MailServer("smtps", "mail.example.org", 465, "olga", "p@ss:word", "log+alerts@example.org"),
        ),
        (
            "starttls://olga@[2606:4700::1111]:2525/?from=log@example.org",
            MailServer("starttls", "2606:4700::1111", 2525, "olga", "", "log@example.org"),
        ),
        ("", None),
    ],
)
def test_mail_server_is_read_from_its_url(url: str, server: MailServer | None) -> None:
    assert mail_server.from_url(url) == server


@pytest.mark.parametrize(
    "url",
    [
        "mail.example.org",
        "https://mail.example.org?from=log@example.org",
        "smtp://?from=log@example.org",
        "smtp://mail.example.org",
        "smtp://mail.example.org?from=log",
        "smtp://mail.example.org?from=log@example.org&tls=1",
        "smtp://mail.example.org:x?from=log@example.org",
        "smtp://user:secret@mail.example.org/path?from=log@example.org",
    ],
)
def test_wrong_mail_server_is_one_line_without_its_password(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="ENHANCELOG_EMAIL_URL: ") as refused:
        mail_server.from_url(url)
    assert "secret" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_allowed_hosts_have_a_port_or_any(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ALLOW, "Hooks.LAN, 10.0.0.7:8080,[fd00::7]:443,bücher.example")
    assert reading.hosts(ALLOW) == {
        ("hooks.lan", None),
        ("10.0.0.7", 8080),
        ("fd00::7", 443),
        ("xn--bcher-kva.example", None),
    }


@pytest.mark.parametrize(
    "value",
    [
        *("http://hooks.lan", "user@hooks.lan", "hooks.lan:x", "hooks.lan:", "hooks.lan:0", "a/b", "[::1"),
        *("*", "*.lan", "hooks.lan 10.0.0.7", "10.0.0.0/8"),
    ],
)
def test_what_is_no_host_is_refused(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ALLOW, value)
    with pytest.raises(ImproperlyConfigured, match=f"^{ALLOW}: "):
        reading.hosts(ALLOW)
